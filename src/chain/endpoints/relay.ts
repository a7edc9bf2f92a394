import { NodeFailure } from './failures.ts';
import type { EndpointNode } from './node.ts';

/** Blocks for which the private relay alone has a transaction; then all nodes get it. */
export const PRIVATE_BLOCKS = 6;

/** Words for the effect on transactions while the relay does not answer. */
export const WITHOUT_RELAY = `claims and challenges go to the nodes only after ${PRIVATE_BLOCKS} blocks`;

/** The chain that a relay is on. Many only take transactions, and say neither that nor anything else. */
export type RelayChain = bigint | NodeFailure;

/** @throws what is no failure of the relay */
export async function chainOfRelay(relay: EndpointNode): Promise<RelayChain> {
  try {
    return await relay.readChainId();
  } catch (failure) {
    if (failure instanceof NodeFailure) return failure;
    throw failure;
  }
}

/** Whether a failure is that of a relay that is away, and not of one that does not tell its chain. */
export const isAway = (chain: RelayChain): chain is NodeFailure =>
  chain instanceof NodeFailure && (chain.kind === 'unreachable' || chain.kind === 'timeout');
