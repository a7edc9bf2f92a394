import type { TransactionReceipt } from 'ethers';
import type { Move } from '../dispute/move.ts';
import type { ClaimRecord, DisputeRecord, RequestRecord } from './history.ts';

/** What a provider or watcher did or found, for whoever tells the story or keeps the log. */
export type Report =
  | { readonly kind: 'claimed'; readonly request: RequestRecord; readonly receipt: TransactionReceipt }
  | { readonly kind: 'challenged'; readonly claim: ClaimRecord; readonly receipt: TransactionReceipt }
  | {
      readonly kind: 'moved';
      readonly dispute: DisputeRecord;
      readonly move: Move;
      readonly receipt: TransactionReceipt;
    }
  | { readonly kind: 'timedOut'; readonly dispute: DisputeRecord; readonly receipt: TransactionReceipt }
  | { readonly kind: 'reclaimed'; readonly dispute: DisputeRecord; readonly receipt: TransactionReceipt }
  | { readonly kind: 'finalized'; readonly claim: ClaimRecord; readonly receipt: TransactionReceipt }
  | { readonly kind: 'withdrawn'; readonly amountWei: bigint; readonly receipt: TransactionReceipt }
  /** A claim was re-executed and is right. */
  | { readonly kind: 'verified'; readonly claim: ClaimRecord }
  /** Nothing is known about a claim: its model is not held, or its request's input, given by root, cannot be had. */
  | { readonly kind: 'unverified'; readonly claim: ClaimRecord; readonly missing: 'model' | 'input' }
  /** Something did not work; the next pass tries again. */
  | { readonly kind: 'failed'; readonly sentence: string };

export type Listener = (report: Report) => void;

/** How many failures are remembered as told. */
const REMEMBERED = 1000;

/** A failure that every pass meets again is told once. */
export function withoutRepeats(listen: Listener): Listener {
  const told = new Set<string>();
  return (report) => {
    if (report.kind === 'failed') {
      if (told.has(report.sentence)) return;
      if (told.size >= REMEMBERED) told.clear();
      told.add(report.sentence);
    }
    listen(report);
  };
}
