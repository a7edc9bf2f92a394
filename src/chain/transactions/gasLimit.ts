/** Over an estimate, in percent: the state may change a little until a transaction is mined. */
const MARGIN_PERCENT = 15n;
/** Balances that withdrawals may empty in between: to fill an empty one costs this much more (EIP-2929), each. */
const [EMPTIED, EMPTIED_GAS] = [2n, 17_100n];

/** Gas to send a transaction with. @param estimate of the node, for the state that it knows */
export const gasLimitOver = (estimate: bigint): bigint =>
  estimate + (estimate * MARGIN_PERCENT) / 100n + EMPTIED * EMPTIED_GAS;
