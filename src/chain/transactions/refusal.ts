import { NodeFailure } from '../endpoints/failures.ts';

/** Why a transaction was not taken, as far as it matters here. */
export type Refusal =
  | 'underpriced'
  | 'funds'
  /** Nobody answered, so it may have been taken. */
  | 'unanswered'
  /** Something about its content. */
  | 'other';

/** What may come of handing a raw transaction to a node, besides that it is taken. */
export type PoolRefusal = Refusal | 'known' | 'nonceUsed';

/** Codes of failures in which no node said anything. */
const UNANSWERED: ReadonlySet<unknown> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT'],
  ...['NETWORK_ERROR', 'SERVER_ERROR', 'TIMEOUT'],
]);

/** Each client says it in its own words; these are parts of them. */
const WORDS: readonly (readonly [PoolRefusal, RegExp])[] = [
  ['known', /already ?(known|imported|exists)|ALREADY_EXISTS|known transaction/i],
  ['nonceUsed', /nonce (is )?too low|nonce has already been used|NONCE_EXPIRED|OldNonce/i],
  [
    'underpriced',
    /underpriced|fee ?too ?low|pool .*full|Replacement ?Not ?Allowed|max fee per gas less than block base fee|feeCap|gas price .*(low|below)|tip .*(low|below)|below .*minimum|REPLACEMENT_UNDERPRICED|maxFeePerGas .*less than/i,
  ],
  [
    'funds',
    /insufficient ?(funds|balance)|exceeds account balance|enough funds|INSUFFICIENT_FUNDS|overshot/i,
  ],
];

/** All that ethers and the node say about a failure. */
function wordsOf(failure: unknown): string {
  const { code, info } = failure as { code?: unknown; info?: { error?: { message?: unknown } } };
  const message = failure instanceof Error ? failure.message : String(failure);
  return [code, message, info?.error?.message].filter((one) => one !== undefined).join(' ');
}

export function refusalIn(failure: unknown): PoolRefusal {
  const isUnanswered =
    failure instanceof NodeFailure || UNANSWERED.has((failure as { code?: unknown } | undefined)?.code);
  if (isUnanswered) return 'unanswered';
  const words = wordsOf(failure);
  return WORDS.find(([, pattern]) => pattern.test(words))?.[0] ?? 'other';
}
