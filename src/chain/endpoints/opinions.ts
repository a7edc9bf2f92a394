import type { Provider } from 'ethers';
import { Endpoints } from './endpoints.ts';

/** Longest that a node is waited for whose answer is compared with that of another, ms. */
const OPINION_MS = 3_000;

/** A node that took too long for its answer to be compared. */
export class TooLate extends Error {
  override name = 'TooLate';
}

/** Waits for the answer of a node as long as it is waited for where it is compared. @throws TooLate if it takes longer */
export async function soon<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TooLate('the node takes too long')), OPINION_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Asks all nodes that answer and are not behind, so that their answers can be compared.
 *
 * @returns what those say that answer soon; nothing where there is only one node
 */
export async function opinionsOf<T>(provider: Provider, ask: (node: Provider) => Promise<T>): Promise<T[]> {
  const nodes = provider instanceof Endpoints ? provider.each() : [];
  const settled = await Promise.allSettled(nodes.map((node) => soon(ask(node))));
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}
