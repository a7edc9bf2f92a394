import type { TransactionReceipt } from 'ethers';
import type { Due } from './due.ts';
import type { Fees } from './fees.ts';
import type { Moment } from './moment.ts';
import type { Refusal } from './refusal.ts';

/** The content of a transaction, without nonce and price. */
export interface TransactionContent {
  readonly to: string;
  readonly data: string;
  readonly valueWei: bigint;
  readonly gasLimit: bigint;
  /** Keys of the dues that it serves; none if it only fills a gap. */
  readonly keys: readonly string[];
  readonly what: string;
  /** Whether it is shown to the private relay alone at first, if there is one. */
  readonly isPrivate: boolean;
}

const TRANSFER_GAS = 21_000n;

/** Uses up a nonce: sends nothing to the account itself. */
export const filler = (nonce: number, address: string): TransactionContent => ({
  to: address,
  data: '0x',
  valueWei: 0n,
  gasLimit: TRANSFER_GAS,
  keys: [],
  what: `filling nonce ${nonce}`,
  isPrivate: false,
});

/** The same without what an attempt adds. */
export const plain = ({
  to,
  data,
  valueWei,
  gasLimit,
  keys,
  what,
  isPrivate,
}: TransactionContent): TransactionContent => ({
  ...{ to, data, valueWei },
  ...{ gasLimit, keys, what, isPrivate },
});

/** One signed transaction. Those of one nonce exclude each other. */
export interface Attempt extends TransactionContent {
  readonly hash: string;
  readonly raw: string;
  readonly fees: Fees;
  /** Number of the latest block when it was sent. */
  readonly sentAtBlock: number;
}

/** One nonce of the account, from the first attempt until its transaction is deep in the chain. */
export interface Slot {
  readonly nonce: number;
  /** Whether somebody else sent the first one: an earlier run without a journal, or another process. */
  readonly isForeign: boolean;
  /** Attempts of this process, oldest first. */
  readonly attempts: Attempt[];
  /** Dues by key, as far as this process has stated them. */
  readonly dues: Map<string, Due>;
  openedAtBlock: number;
  /** Set while the chain has it. */
  mined: { readonly attempt: Attempt; receipt: TransactionReceipt } | undefined;
  /** Block in which its nonce was first seen as used up although nobody knew a receipt. */
  missedAtBlock: number | undefined;
  /** Prices of the latest attempt that a node took. */
  taken: Fees | undefined;
  /** Times in a row that nodes did not take the latest attempt. */
  refusals: number;
  /** Why the last one was not taken. */
  refusal: Refusal | undefined;
  /** Whether the latest content was made anew because a node refused it. */
  isRemade: boolean;
  /** When other content for it was last looked for and nothing new was found. */
  searched: Moment | undefined;
  /** Block in which its latest attempt was last looked for in the pool. */
  lookedAtBlock: number;
  /** Whether its mining was told. */
  told: boolean;
}

export const emptySlot = (nonce: number, block: number, isForeign = false): Slot => ({
  nonce,
  isForeign,
  attempts: [],
  dues: new Map(),
  openedAtBlock: block,
  mined: undefined,
  missedAtBlock: undefined,
  taken: undefined,
  refusals: 0,
  refusal: undefined,
  isRemade: false,
  searched: undefined,
  lookedAtBlock: block,
  told: false,
});

/** Blocks after which an attempt is replaced by a dearer one. */
export const BUMP_BLOCKS = 3;
/** Refusals in a row after which the same content is not offered again. */
const MOST_REFUSALS = 5;

/**
 * Whether a nonce needs other content, because a node does not accept the present one. A price that is too low is no reason: the
 * transaction waits for a lower base fee, or pays more near its deadline.
 *
 * @param age blocks since the latest attempt
 */
export const isRefused = ({ refusal, refusals }: Slot, age: number): boolean =>
  refusal === 'funds' || (refusal === 'other' && (refusals >= MOST_REFUSALS || age >= BUMP_BLOCKS));

/** Whether two transactions of one nonce are the same. */
export const isSame = (
  a: TransactionContent & { fees: Fees },
  b: TransactionContent & { fees: Fees },
): boolean =>
  a.to === b.to &&
  a.data === b.data &&
  a.valueWei === b.valueWei &&
  a.gasLimit === b.gasLimit &&
  a.fees.maxFeePerGas === b.fees.maxFeePerGas &&
  a.fees.maxPriorityFeePerGas === b.fees.maxPriorityFeePerGas;

export const latestOf = ({ attempts }: Slot): Attempt | undefined => attempts.at(-1);

/** Keys that may still be mined, or are, under this nonce. */
export function keysIn({ attempts, mined }: Slot): readonly string[] {
  if (mined) return mined.receipt.status === 1 ? mined.attempt.keys : [];
  return attempts.flatMap(({ keys }) => keys);
}

/** Has what happened in a block that has not come yet happen in the latest: a node was wrong about the newest block. */
export function bringBack(slot: Slot, highest: number, block: number): void {
  const back = (stamp: number): number => (stamp > highest ? block : stamp);
  slot.openedAtBlock = back(slot.openedAtBlock);
  slot.lookedAtBlock = back(slot.lookedAtBlock);
  if (slot.missedAtBlock !== undefined) slot.missedAtBlock = back(slot.missedAtBlock);
  slot.attempts.forEach((attempt, i) => {
    if (attempt.sentAtBlock > highest) slot.attempts[i] = { ...attempt, sentAtBlock: block };
  });
}
