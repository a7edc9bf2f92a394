import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { ClaimJson, ErrorJson, LookNews, RequestJson } from '../api.ts';
import type { Way } from './check/order.ts';
import { bytesAt, callThrough } from './check/read.ts';

/** Where a page gets what it shows: a server with an index, or a node alone. Neither is trusted. */

export class ApiError extends Error {
  override name = 'ApiError';
  /** As of HTTP; 0 if there was no answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface Source {
  /** What a path of the API gives, see `api.ts`. @throws ApiError for every answer that is no success */
  read<T>(path: string, method?: 'GET' | 'POST'): Promise<T>;
  /** Tells of looks at the chain that changed something, and undefined once nobody answers. @returns what ends that */
  listen(hear: (news: LookNews | undefined) => void): () => void;
  /** Calls a contract: `to` and `data` as 0x…. @throws Error if the node does not answer */
  call(to: string, data: string): Promise<string>;
  /** A file of a model by its name, `program/…` or `tensor/…`; undefined if it cannot be had. */
  file(modelId: string, name: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Description of a model's tokens, see `text/description.ts`; undefined if nobody says it. */
  words(modelId: string): Promise<Uint8Array | undefined>;
  /** An input and an answer as the index has them; undefined if they are not on chain, or too long to be read here. */
  input(request: RequestJson): Promise<Uint8Array | undefined>;
  answer(claim: ClaimJson): Promise<Uint8Array | undefined>;
  /** The way on which a worker gets what it needs to answer a request, or to check a claim. */
  wayTo(request: RequestJson, claim?: ClaimJson): Promise<Way>;
  /** Reads blocks before those that were read, where not all of them are. */
  readonly readEarlier?: () => Promise<void>;
}

/** Of a description of tokens, and of a prompt or text. */
export const MOST_WORDS_BYTES = 2 ** 26;
const MOST_READ_BYTES = 2 ** 20;

export const SourceContext = createContext<Source | undefined>(undefined);

/** @throws Error outside of a page */
export function useSource(): Source {
  const source = useContext(SourceContext);
  if (!source) throw new Error('the page has no source');
  return source;
}

async function read<T>(path: string, method: 'GET' | 'POST' = 'GET'): Promise<T> {
  const response = await fetch(path, { method }).catch(() => {
    throw new ApiError(0, 'the server of the explorer does not answer');
  });
  if (response.ok) return (await response.json()) as T;
  const { error } = (await response.json().catch(() => ({}))) as Partial<ErrorJson>;
  throw new ApiError(response.status, error ?? `the server answers ${response.status}`);
}

/** The server that this page is from. */
export const serverSource: Source = {
  read,
  listen: (hear) => {
    const stream = new EventSource('/api/news');
    stream.onerror = () => hear(undefined);
    stream.addEventListener('look', ({ data }) => hear(JSON.parse(data) as LookNews));
    return () => stream.close();
  },
  call: callThrough('/rpc'),
  file: (_, name, maxBytes) => bytesAt(`/files/${name}`, maxBytes),
  words: (modelId) => bytesAt(`/api/models/${modelId}/text`, MOST_WORDS_BYTES),
  input: ({ id }) => bytesAt(`/api/requests/${id}/input`, MOST_READ_BYTES),
  answer: ({ id }) => bytesAt(`/api/claims/${id}/answer`, MOST_READ_BYTES),
  wayTo: async () => ({ kind: 'server' }),
};
