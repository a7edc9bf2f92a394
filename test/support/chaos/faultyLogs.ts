import { NodeFailure } from '../../../src/chain/endpoints/failures.ts';
import type { RawLog } from '../../../src/chain/index/events.ts';
import type { Random } from '../randomProgram.ts';
import { type LogFilter, NodeError, type SimulatedChain } from './simulatedChain.ts';

/** Share of answers that are wrong, in percent. */
export interface Faults {
  /** Logs that lag, are cut short, empty, doubled, out of order, or of a branch that was given up. */
  logs: number;
  /** Heads that lag, blocks that are not there. */
  heads: number;
  /** No answer at all. */
  failures: number;
  /** Most blocks that are answered at once. */
  range: number;
}

export const NO_FAULTS: Readonly<Faults> = {
  logs: 0,
  heads: 0,
  failures: 0,
  range: Number.POSITIVE_INFINITY,
};

function shuffled<T>(random: Random, list: readonly T[]): T[] {
  const rest = [...list];
  const out: T[] = [];
  while (rest.length > 0) out.push(...rest.splice(random.below(rest.length), 1));
  return out;
}

function spoiled(
  random: Random,
  chain: SimulatedChain,
  logs: readonly RawLog[],
  filter: LogFilter,
): RawLog[] {
  switch (random.below(7)) {
    case 0:
      return [];
    case 1:
      return logs.slice(0, random.below(logs.length + 1));
    case 2:
      return logs.filter(() => random.chance(70));
    case 3:
      return logs.flatMap((log) => (random.chance(40) ? [log, log] : [log]));
    case 4:
      return shuffled(random, logs);
    case 5: {
      // Another node behind the same address has not got so far, and says nothing of that.
      const last = chain.head.number - random.below(8);
      return logs.filter(({ blockNumber }) => Number(blockNumber) <= last);
    }
    default: {
      const [from, to] = [Number(filter.fromBlock), Number(filter.toBlock)];
      // No node hands out blocks for long after they were given up.
      const recent = Math.max(from, chain.head.number - 60);
      const stale = chain.orphans.slice(-8).filter(({ number }) => number >= recent && number <= to);
      return [...logs, ...stale.flatMap((block) => block.logs)];
    }
  }
}

/** A node that answers wrongly, as often as `faults` says at the moment, each time in another way. */
export function faultyNode(chain: SimulatedChain, random: Random, faults: Faults) {
  return async (method: string, params: unknown[]): Promise<unknown> => {
    if (random.chance(faults.failures)) {
      if (random.chance(50)) throw new NodeFailure('timeout', 'the node did not answer in time');
      throw new NodeError(-32005, 'rate limit exceeded');
    }
    if (method === 'eth_getBlockByNumber' && random.chance(faults.heads)) {
      if (params[0] !== 'latest') return null;
      return chain.header(Math.max(0, chain.head.number - random.below(6)));
    }
    if (method !== 'eth_getLogs') return chain.answer(method, params);
    const filter = params[0] as LogFilter;
    if (Number(filter.toBlock) - Number(filter.fromBlock) >= faults.range) {
      throw new NodeError(-32602, `block range is too large, at most ${faults.range} blocks are allowed`);
    }
    if (filter.blockHash !== undefined && random.chance(faults.logs)) {
      const isHonest = random.chance(50);
      if (!isHonest) throw new NodeError(-32000, 'unknown block');
    }
    const logs = chain.logs(filter);
    return random.chance(faults.logs) ? spoiled(random, chain, logs, filter) : logs;
  };
}
