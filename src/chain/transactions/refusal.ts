import { isKnownTransaction, isUnanswered } from '../endpoints/failures.ts';

/** Why a transaction was not taken, as far as it matters here. */
export type Refusal =
  | 'underpriced'
  | 'funds'
  /** No node answered, so a node may still have accepted it. */
  | 'unanswered'
  /** Another reason, most likely its content. */
  | 'other';

/** The possible outcomes of sending a raw transaction to a node, other than acceptance. */
export type PoolRefusal = Refusal | 'known' | 'nonceUsed';

/** Each client says it in its own words; these are parts of them. */
const WORDS: readonly (readonly [PoolRefusal, RegExp])[] = [
  ['nonceUsed', /nonce (is )?too low|nonce has already been used|NONCE_EXPIRED|OldNonce/i],
  [
    'underpriced',
    /underpriced|fee ?too ?low|pool .*full|Replacement ?Not ?Allowed|max fee per gas less than block base fee|feeCap|gas price .*(low|below)|(tip|priority fee) .*(low|below)|below .*minimum|REPLACEMENT_UNDERPRICED|maxFeePerGas .*less than/i,
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
  if (isUnanswered(failure)) return 'unanswered';
  const words = wordsOf(failure);
  if (isKnownTransaction(words)) return 'known';
  return WORDS.find(([, pattern]) => pattern.test(words))?.[0] ?? 'other';
}
