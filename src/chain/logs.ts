import type { Filter, Log, Provider } from 'ethers';

/** Blocks that one request asks for at first; nodes that allow fewer make it shrink. */
const FIRST_RANGE = 50_000;

/**
 * All logs of a block range, oldest first. Nodes refuse ranges or answers that they find too large, each in its own
 * words and codes, so any refusal halves the range until a single block fails too.
 *
 * @param filter addresses and topics
 * @param fromBlock first block, inclusive
 * @param toBlock last block, inclusive
 * @throws whatever the node said about a single block
 */
export async function readLogs(
  provider: Pick<Provider, 'getLogs'>,
  filter: Pick<Filter, 'address' | 'topics'>,
  fromBlock: number,
  toBlock: number,
): Promise<Log[]> {
  const logs: Log[] = [];
  let range = FIRST_RANGE;
  for (let from = fromBlock; from <= toBlock; ) {
    const to = Math.min(toBlock, from + range - 1);
    try {
      logs.push(...(await provider.getLogs({ ...filter, fromBlock: from, toBlock: to })));
    } catch (error) {
      if (to === from) throw error;
      range = Math.ceil((to - from + 1) / 2);
      continue;
    }
    from = to + 1;
  }
  return logs;
}
