import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { ClaimJson, ErrorJson, LookNews, RequestJson } from '../api.ts';
import type { Way } from './check/order.ts';
import { bytesAt, callThrough } from './check/read.ts';

/** The sources of a page's data: a server with an index, or a node alone. Neither is trusted. */

export class ApiError extends Error {
  override name = 'ApiError';
  /** HTTP status; 0 without an answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface PageSource {
  /** Reads a path of the API, see `api.ts`. @throws ApiError unless the answer is a success */
  read<T>(path: string, method?: 'GET' | 'POST'): Promise<T>;
  /** Calls `hear` with each change on the chain, and with undefined when the source stops answering. @returns ends the calls */
  listen(hear: (news: LookNews | undefined) => void): () => void;
  /** Calls a contract: `to` and `data` as 0x…. @throws Error if the node does not answer */
  call(to: string, data: string): Promise<string>;
  /** Reads a file of a model by its name, `program/…` or `tensor/…`; undefined if it cannot be had. */
  file(modelId: string, name: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Reads the description of a model's tokens, see `text/description.ts`; undefined if there is none. */
  words(modelId: string): Promise<Uint8Array | undefined>;
  /** Reads the input of a request; undefined if it is not on chain, or too long to show. */
  input(request: RequestJson): Promise<Uint8Array | undefined>;
  /** Reads the answer of a claim; undefined as for an input. */
  answer(claim: ClaimJson): Promise<Uint8Array | undefined>;
  /** Where a worker reads what it needs to answer a request, or to check a claim. */
  wayTo(request: RequestJson, claim?: ClaimJson): Promise<Way>;
  /** Reads earlier blocks. Only a source that began with the newest blocks has this. */
  readonly readEarlier?: () => Promise<void>;
}

/** Most bytes of a description of tokens. */
export const MOST_WORDS_BYTES = 2 ** 26;
/** Most bytes of an input or answer that a page shows. */
const MOST_READ_BYTES = 2 ** 20;

export const SourceContext = createContext<PageSource | undefined>(undefined);

/** @throws Error outside of a page */
export function useSource(): PageSource {
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
export const serverSource: PageSource = {
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
