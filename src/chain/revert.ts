/** Finds the bytes with which a contract refused a call, wherever a node or a wrapper put them. */

const HEX = /^0x([0-9a-f]{2})*$/i;

/** Keys under which ethers, Hardhat, anvil and geth nest the answer of the node. */
const NESTED = ['data', 'error', 'info', 'cause', 'value', 'result'] as const;

/**
 * @param failure what a call, an estimate or a transaction threw
 * @returns the revert data, `0x` for a revert without any, or `undefined` if this is no revert with data
 */
export function revertData(failure: unknown, depth = 0): string | undefined {
  if (depth > 6 || failure === null || typeof failure !== 'object') return undefined;
  const fields = failure as Record<string, unknown>;
  const own = fields['data'];
  if (typeof own === 'string' && HEX.test(own) && own.length >= 10) return own;
  for (const key of NESTED) {
    const found = revertData(fields[key], depth + 1);
    if (found !== undefined && found !== '0x') return found;
  }
  return own === '0x' ? '0x' : undefined;
}

/** The shortest honest sentence about a failure that carries no revert data. */
export function plainReason(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure);
  const short = (failure as { shortMessage?: unknown }).shortMessage;
  const [line = ''] = (typeof short === 'string' ? short : failure.message).split('\n');
  return line;
}
