import { zeroPadValue } from 'ethers';
import type { Contracts } from '../chain/contracts/contracts.ts';
import { textIn } from '../chain/contracts/logs.ts';
import type { Address, Hex } from '../chain/contracts/types.ts';
import type { RawLog } from '../chain/index/events.ts';
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

/** The last blocks are read again: a reorganisation may have changed them. */
const REREAD_BLOCKS = 64;
/** Models whose events are remembered. */
const REMEMBERED = 1000;

interface Published {
  readonly block: number;
  readonly publisher: Address;
  readonly uri: string;
}

/** The events of one model up to a block. */
interface Known {
  readonly to: number;
  readonly events: readonly Published[];
}

/** Events of one model that are remembered: strangers may add any number. */
const MOST_EVENTS = 1000;
const shortened = (events: readonly Published[]): Published[] => [
  ...new Set([...events.slice(0, MOST_EVENTS / 2), ...events.slice(-MOST_EVENTS / 2)]),
];

/**
 * Reads the registry's records of models. What was read of old blocks is not read again: a model that cannot be had is asked
 * about again and again.
 *
 * @param fromBlock no later than the models were published
 * @returns reads the record of one model; throws whatever the node says, or that nobody has published the model
 */
export function publicationsOf(
  { registry, provider }: Contracts,
  fromBlock: number,
): (modelId: Hex) => Promise<Publication> {
  const known = new Map<Hex, Known>();
  let opened: Promise<Reader> | undefined;

  const publishedIn = ({ topics, data, blockNumber }: RawLog): Published[] => {
    try {
      const event = registry.interface.parseLog({ topics: [...topics], data });
      if (!event) return [];
      const { publisher } = event.args;
      return [{ block: Number(blockNumber), publisher, uri: textIn(event.args, 'uri') }];
    } catch {
      // A log that cannot be decoded names nobody.
      return [];
    }
  };

  const eventsOf = async (modelId: Hex): Promise<readonly Published[]> => {
    opened ??= registry.getAddress().then((address) => new Reader([address]));
    const reader = await opened;
    const topics = [registry.getEvent('Published').fragment.topicHash, zeroPadValue(modelId, 32)];
    const rpc = await oneNode(provider);
    const { number } = await reader.latest(rpc);
    const { to, events } = known.get(modelId) ?? { to: fromBlock - 1, events: [] };
    const logs = await reader.logsBetween(rpc, to + 1, number, topics);
    const all = [...events, ...logs.flatMap(publishedIn)];
    const settled = Math.max(to, number - REREAD_BLOCKS);
    if (known.size >= REMEMBERED) known.clear();
    known.set(modelId, { to: settled, events: shortened(all.filter(({ block }) => block <= settled)) });
    return all;
  };

  return async (modelId) => {
    const { programRoot, nodeCount, inputs, outputs, answers } = await registry.modelOf(modelId);
    const events = await eventsOf(modelId);
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
  };
}

/** Reads the registry's record of one model, once: see {@link publicationsOf}. */
export const readPublication = (
  contracts: Contracts,
  modelId: Hex,
  fromBlock: number,
): Promise<Publication> => publicationsOf(contracts, fromBlock)(modelId);
