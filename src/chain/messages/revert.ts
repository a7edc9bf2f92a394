import { fileReason, isAboutFiles } from '../../files/reason.ts';
import { isHex } from '../../merkle/hex.ts';

/** Finds the bytes with which a contract refused a call, wherever a node or a wrapper put them. */

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
  if (typeof own === 'string' && own.length >= 10 && isHex(own)) return own;
  for (const key of NESTED) {
    const found = revertData(fields[key], depth + 1);
    if (found !== undefined && found !== '0x') return found;
  }
  return own === '0x' ? '0x' : undefined;
}

/** Longest part of what a node says that is repeated. */
const MAX_WORDS = 200;

/** Longest sentence, in which such parts may stand: a contract or a node may hand over any number of values of any length. */
export const MOST_SENTENCE = 600;

/** Control characters, and marks that change the direction of text: a node may be anybody's. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu;

/** Text of a stranger in one line that changes nothing but itself on a terminal. */
export function oneLine(text: string, most = MAX_WORDS): string {
  // Megabytes are cut before they are searched.
  const line = text
    .slice(0, 2 * most)
    .replace(UNPRINTABLE, ' ')
    .trim();
  return line.length > most || text.length > 2 * most ? `${line.slice(0, most)}…` : line;
}

/** Longer bodies of HTTP errors are pages, not answers. */
const MAX_BODY = 10_000;

/** The body of an HTTP error, which may be a JSON-RPC error: then that says more than the status. */
function parsed(body: unknown): unknown {
  if (typeof body !== 'string' || body.length > MAX_BODY) return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Message of the JSON-RPC error that a failure carries. Objects of JavaScript errors are wrappers around it. */
function nodeWords(failure: unknown, depth = 0): string | undefined {
  if (depth > 6 || failure === null || typeof failure !== 'object') return undefined;
  const { code, message } = failure as { code?: unknown; message?: unknown };
  const isAnswer = !(failure instanceof Error) && typeof code === 'number' && typeof message === 'string';
  if (isAnswer && oneLine(message) !== '') return oneLine(message);
  const fields = failure as Record<string, unknown>;
  for (const nested of [...NESTED.map((key) => fields[key]), parsed(fields['responseBody'])]) {
    const found = nodeWords(nested, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Said by nodes that have dropped old blocks or their logs (EIP-4444). */
const PRUNED = /prun|missing trie node|histor(y|ical)[^.]*(not|un)[^.]*available|before the earliest/i;

/** The shortest honest sentence about a failure that carries no revert data: the node's own words if it gave any. */
export function plainReason(failure: unknown): string {
  const words = nodeWords(failure);
  if (words !== undefined) {
    const remedy = PRUNED.test(words) ? '; use a node that keeps these blocks, or a later --from-block' : '';
    return `the node says: ${words}${remedy}`;
  }
  if (!(failure instanceof Error)) return oneLine(String(failure));
  // A sentence of this program's own, which has cut what strangers said, or of a library.
  if (isAboutFiles(failure)) return oneLine(fileReason(failure), MOST_SENTENCE);
  const short = (failure as { shortMessage?: unknown }).shortMessage;
  const [line = ''] = (typeof short === 'string' ? short : failure.message).split('\n');
  return oneLine(line, MOST_SENTENCE);
}
