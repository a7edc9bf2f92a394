import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AnswerCache } from './bounded.ts';
import type { Follower } from './follower.ts';
import { HEADERS, isOwnName } from './headers.ts';

export const JSON_HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-cache' };

/** Versions begin anew with the server. */
const STARTED = Date.now().toString(36);
export const etagOf = (version: number): string => `"${STARTED}-${version}"`;

/** Answers what is made already, without a look at the routes. @returns whether it did */
export function answerReady(
  { url = '', method, headers }: IncomingMessage,
  response: ServerResponse,
  answers: AnswerCache,
  { follower, host }: { readonly follower: Follower; readonly host: string },
): boolean {
  const { version } = follower;
  const bytes = method === 'GET' && isOwnName(host, headers.host) ? answers.ready(url, version) : undefined;
  if (!bytes) return false;
  const etag = etagOf(version);
  const isKnown = headers['if-none-match'] === etag;
  const length = isKnown ? {} : { 'content-length': bytes.length };
  response.writeHead(isKnown ? 304 : 200, { ...HEADERS, ...JSON_HEADERS, etag, ...length });
  response.end(isKnown ? undefined : bytes);
  return true;
}
