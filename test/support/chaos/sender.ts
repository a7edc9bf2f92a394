import type { Report } from '../../../src/chain/messages/report.ts';
import type { Due } from '../../../src/chain/transactions/due.ts';
import type { Journal } from '../../../src/chain/transactions/journal.ts';
import type { Attempt, Slot } from '../../../src/chain/transactions/slot.ts';
import { type SenderOptions, Transactions } from '../../../src/chain/transactions/transactions.ts';
import { dueNamed, joinWords, PoolChain } from './pool.ts';

/** A journal in memory, which outlives its process. */
export function memory(): Journal {
  let kept: { nonce: number; attempts: Attempt[] }[] = [];
  return {
    read: () => kept,
    write: (slots: readonly Slot[]) => {
      const signed = slots.filter(({ attempts }) => attempts.length > 0);
      kept = signed.map(({ nonce, attempts }) => ({ nonce, attempts: [...attempts] }));
    },
  };
}

export function scene(options: SenderOptions = {}) {
  const chain = new PoolChain();
  const reports: Report[] = [];
  const start = () => new Transactions(chain, joinWords, (report) => reports.push(report), options);
  const said = (): string[] => reports.flatMap((one) => ('sentence' in one ? [one.sentence] : []));
  let transactions = start();
  return {
    chain,
    said,
    /** Tips of all that was mined, wei. */
    tips: () => chain.mined.map(({ fees }) => fees.maxPriorityFeePerGas),
    restart: () => {
      transactions = start();
    },
    status: () => transactions.status,
    sendMore: (dues: readonly Due[]) => transactions.sendMore(dues),
    /** One pass with what is due; then a block. */
    step: async (dues: readonly Due[]): Promise<void> => {
      await transactions.step(dues, chain.block);
      chain.mine();
    },
    /** One pass in which everything is due that the chain has not applied; then a block. */
    turn: async (dues: readonly Due[], blocks = 1, reservedWei = 0n): Promise<number> => {
      const done = new Set(chain.applied);
      const sent = await transactions.step(
        dues.filter(({ key }) => !done.has(key)),
        chain.block,
        reservedWei,
      );
      chain.mine(blocks);
      return sent;
    },
  };
}

export const numbered = (count: number, changes: (i: number) => Partial<Due> = () => ({})): Due[] =>
  Array.from({ length: count }, (_, i) => dueNamed(`call${i}`, changes(i)));
