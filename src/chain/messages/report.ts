import type { TransactionReceipt } from 'ethers';
import type { Move } from '../../dispute/move.ts';
import type { ClaimRecord, DisputeRecord, RequestRecord } from '../contracts/world.ts';
import { topicOf } from './topic.ts';

/** A transaction that may carry several calls. */
interface Shared {
  readonly receipt: TransactionReceipt;
  /** Calls in it. */
  readonly calls: number;
}

/** An action or finding of a provider or watcher, for the console and the log. */
export type Report =
  | { readonly kind: 'claimed'; readonly request: RequestRecord; readonly receipt: TransactionReceipt }
  | { readonly kind: 'challenged'; readonly claim: ClaimRecord; readonly receipt: TransactionReceipt }
  | ({ readonly kind: 'moved'; readonly dispute: DisputeRecord; readonly move: Move } & Shared)
  | ({ readonly kind: 'timedOut'; readonly dispute: DisputeRecord } & Shared)
  | ({ readonly kind: 'reclaimed'; readonly dispute: DisputeRecord } & Shared)
  | { readonly kind: 'finalized'; readonly claim: ClaimRecord; readonly receipt: TransactionReceipt }
  | { readonly kind: 'withdrawn'; readonly amountWei: bigint; readonly receipt: TransactionReceipt }
  /** A token was allowed to the oracle, for the bonds that are due. */
  | { readonly kind: 'allowed'; readonly amountWei: bigint; readonly receipt: TransactionReceipt }
  /** A claim was re-executed and is right. */
  | { readonly kind: 'verified'; readonly claim: ClaimRecord }
  /** Nothing is known about a claim: its model is not held, or its request's input, given by root, cannot be had. */
  | { readonly kind: 'unverified'; readonly claim: ClaimRecord; readonly missing: 'model' | 'input' }
  /** A claim differs from the run here, but a dispute about it would take longer to compute than its clock allows. */
  | {
      readonly kind: 'unverified';
      readonly claim: ClaimRecord;
      readonly missing: 'time';
      readonly figures: string;
    }
  /** An operator should know of it; the service goes on. */
  | { readonly kind: 'warned'; readonly about: Warning; readonly sentence: string }
  /** Something did not work; the next pass tries again. */
  | { readonly kind: 'failed'; readonly sentence: string };

/**
 * - `refused`: a bond or a request that is not worth its risk or its gas
 * - `foreign`: somebody else sends with this account's key
 * - `replaced`: a transaction was not mined and was sent again for more
 * - `ceiling`: gas costs more than may be paid
 * - `unplayed`: an own dispute cannot be played, because the model or its input is not here
 * - `overdue`: an own clock has run out
 * - `lost`: a dispute of this account was lost
 * - `disk`: something cannot be kept on disk
 * - `relay`: the private relay did not take a transaction
 * - `chain`: what is known of the chain is made anew, or is not complete
 */
export const WARNINGS = [
  'refused',
  'foreign',
  'replaced',
  'ceiling',
  'unplayed',
  'overdue',
  'lost',
  'disk',
  'relay',
  'chain',
] as const;
export type Warning = (typeof WARNINGS)[number];

export type Listener = (report: Report) => void;

/** Reported sentences that are remembered. */
const REMEMBERED = 1000;
/** A failure that lasts is told again after this time, ms; what becomes of that is the listener's. */
const AGAIN_MS = 30_000;

/**
 * A failure that every pass meets again is told at most every half minute, however its amounts change.
 *
 * @param now milliseconds, from any beginning
 */
export function withoutRepeats(listen: Listener, now: () => number = () => performance.now()): Listener {
  const toldAt = new Map<string, number>();
  return (report) => {
    if (report.kind === 'failed' || report.kind === 'warned') {
      // Each price that a transaction was sent again with is news.
      const isPrice = report.kind === 'warned' && report.about === 'replaced';
      const topic = isPrice ? report.sentence : topicOf(report.sentence);
      const last = toldAt.get(topic);
      if (last !== undefined && now() < last + AGAIN_MS) return;
      if (toldAt.size >= REMEMBERED) toldAt.clear();
      toldAt.set(topic, now());
    }
    listen(report);
  };
}

/** The gas of a report's own call: an equal part of what its transaction took; undefined if there was none, or no receipt. */
export function gasOf(report: Report): bigint | undefined {
  if (!('receipt' in report) || report.receipt.gasUsed === 0n) return undefined;
  return report.receipt.gasUsed / BigInt('calls' in report ? report.calls : 1);
}
