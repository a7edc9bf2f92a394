import { connectionReason } from '../../chain/messages/connection.ts';
import { InputError } from '../../files/inputError.ts';
import type { Draft } from '../../text/generate.ts';
import type { TextTokenizer } from '../../text/tokenizer.ts';

/** Tokens that are asked for at a time: more are often wrong before the last. */
const BLOCK = 32;
/** A server that takes longer for a block is no help, ms. */
const PATIENCE_MS = 10_000;
/** Blocks for which a server that failed is left alone. */
const REST = 16;
/** Characters of a guess that are used, most: few tokens have more than a dozen. */
const MAX_GUESS = 64 * BLOCK;
/** Bytes of an answer that are read, most: a block of tokens is far shorter. */
const MAX_ANSWER_BYTES = 2 ** 16;

/** @throws InputError unless it is an address that can be asked */
export function parseDraftUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new InputError('--draft: write an http or https address', 2);
}

/** The body of an answer. @throws Error if it is longer than any that is of use */
async function readShort({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for await (const part of body ?? []) {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('its answer is too long');
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}

/** Asks a server for the continuation of a prompt. @throws Error of any kind */
async function complete(server: URL, prompt: string, most: number, patienceMs: number): Promise<string> {
  const url = new URL(`${server.pathname.replace(/\/$/, '')}/v1/completions`, server);
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt, max_tokens: most, temperature: 0, stream: false }),
    signal: AbortSignal.timeout(patienceMs),
  });
  if (!response.ok) throw new Error(`it answers ${response.status}`);
  const answer = JSON.parse(await readShort(response)) as {
    readonly choices?: readonly ({ readonly text?: unknown } | null)[];
  } | null;
  const text = answer?.choices?.[0]?.text;
  if (typeof text !== 'string') throw new Error('its answer has no choices[0].text');
  return text;
}

/**
 * Drafts by a server that speaks OpenAI's completions, such as llama.cpp's. What it says is only a guess, so nothing
 * goes wrong if it says nonsense or nothing at all.
 *
 * @param prompt tokens of the prompt
 * @param warn is told once what is wrong with the server
 * @param patienceMs for one block of tokens
 */
export function draftFrom(
  server: URL,
  tokenizer: TextTokenizer,
  prompt: readonly number[],
  warn: (sentence: string) => void,
  patienceMs = PATIENCE_MS,
): Draft {
  let resting = 0;
  let isTold = false;
  return async (text, most) => {
    if (resting-- > 0) return [];
    try {
      const before = [...prompt, ...text];
      const written = tokenizer.spell(before);
      const guess = await complete(server, written, Math.min(BLOCK, most), patienceMs);
      const tokens = tokenizer.encode(written + guess.slice(0, MAX_GUESS));
      // Where the cut between tokens moved, the guess does not go on from here.
      return before.every((token, i) => token === tokens[i])
        ? tokens.slice(before.length, before.length + BLOCK)
        : [];
    } catch (error) {
      if (!isTold)
        warn(`--draft ${server.origin}: ${connectionReason(error, server.protocol)}; going on without it`);
      isTold = true;
      resting = REST;
      return [];
    }
  };
}
