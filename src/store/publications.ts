import { zeroPadValue } from 'ethers';
import type { Contracts } from '../chain/contracts/contracts.ts';
import type { Address, Hex } from '../chain/contracts/types.ts';
import { oneNode, Reader } from '../chain/index/reader.ts';
import { bytesOfHex } from '../merkle/keccak.ts';
import type { PublishedModel } from './library.ts';

/** The registry's record of a model. */
export interface Publication {
  readonly published: PublishedModel | undefined;
  /** Where its publishers say that it can be had, without repeats. Nobody vouches for any of them. */
  readonly uris: readonly string[];
  /** Who has published it: the first, whose transaction made the record, and the latest. */
  readonly publishers: readonly Address[];
}

/** URIs that are tried: the first, which the author most likely gave, and the latest. Anybody may add more. */
const FIRST = 8;
const LATEST = 8;

function someOf<T>(all: readonly T[]): T[] {
  const distinct = [...new Set(all)];
  return [...new Set([...distinct.slice(0, FIRST), ...distinct.slice(-LATEST)])];
}

interface Ref {
  readonly node: bigint;
  readonly byteLength: bigint;
}

const plain = (refs: readonly Ref[]) =>
  refs.map(({ node, byteLength }) => ({ node: Number(node), byteLength: Number(byteLength) }));

/**
 * @param fromBlock no later than the model was published
 * @throws whatever the node says, or that nobody has published the model
 */
export async function readPublication(
  { registry, provider }: Contracts,
  modelId: Hex,
  fromBlock: number,
): Promise<Publication> {
  const { programRoot, nodeCount, inputs, outputs, answers } = await registry.modelOf(modelId);
  const topics = [registry.getEvent('Published').fragment.topicHash, zeroPadValue(modelId, 32)];
  const rpc = await oneNode(provider);
  const reader = new Reader([await registry.getAddress()]);
  const { number } = await reader.latest(rpc);
  const logs = await reader.logsBetween(rpc, fromBlock, number, topics);
  const events = logs.flatMap(({ topics: [...found], data }) => {
    const event = registry.interface.parseLog({ topics: found, data });
    return event ? [event.args as unknown as { readonly publisher: Address; readonly uri: string }] : [];
  });
  return {
    published: {
      programRoot: bytesOfHex(programRoot),
      nodeCount: Number(nodeCount),
      inputs: plain(inputs),
      outputs: plain(outputs),
      answers: plain(answers),
    },
    uris: someOf(events.flatMap(({ uri }) => (uri === '' ? [] : [uri]))),
    publishers: someOf(events.map(({ publisher }) => publisher)),
  };
}
