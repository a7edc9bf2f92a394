import type { JsonRpcPayload } from 'ethers';

/** Carries requests to one node, and its answers back. */
export interface Transport {
  /**
   * Sends one request, or several as one batch.
   *
   * @returns what came back, parsed and otherwise as it is
   * @throws NodeFailure if nothing did that could be parsed
   */
  exchange(payloads: readonly JsonRpcPayload[], signal: AbortSignal): Promise<unknown>;
  /** Whether several requests in one piece save anything. */
  readonly batches: boolean;
  close(): void;
}

/** A node's address as it may be shown: keys stand in the path or the query of many, names and passwords before the host. */
export function publicName(url: string): string {
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname.length > 1 || search ? '/…' : ''}`;
}
