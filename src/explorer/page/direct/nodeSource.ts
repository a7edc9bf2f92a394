import { FetchRequest, JsonRpcProvider } from 'ethers';
import { type Contracts, connect, DeploymentError } from '../../../chain/contracts/contracts.ts';
import type { Tensors } from '../../../chain/contracts/world.ts';
import { Reader } from '../../../chain/index/reader.ts';
import { bytesOfHex } from '../../../merkle/keccak.ts';
import { locationsOf } from '../../../store/remote/locations.ts';
import { type LookNews, MOST_NEWS } from '../../api.ts';
import { describe } from '../../records/deployment.ts';
import type { Site } from '../../site.ts';
import { callThrough, fileReader } from '../check/read.ts';
import { ApiError, MOST_WORDS_BYTES, type PageSource } from '../source.ts';
import { NodeAnswers } from './answers.ts';
import { isAskable } from './askable.ts';
import { EventWindow } from './eventWindow.ts';

/** Pause between two looks at the chain, ms. */
const PAUSE_MS = 2000;
const TIMEOUT_MS = 20_000;

interface Opened {
  readonly contracts: Contracts;
  readonly window: EventWindow;
  readonly answers: NodeAnswers;
  readonly deployment: () => Promise<unknown>;
}

/** Sends one call at a time, each alone: many public nodes take no lists of them. */
function providerOf(url: string): JsonRpcProvider {
  const request = new FetchRequest(new URL(url, location.href).href);
  request.timeout = TIMEOUT_MS;
  return new JsonRpcProvider(request, undefined, { batchMaxCount: 1, cacheTimeout: -1 });
}

async function open({ rpc, oracle, fromBlock }: Site): Promise<Opened> {
  const provider = providerOf(rpc);
  const contracts = await connect(oracle, provider);
  const addresses = await Promise.all([contracts.oracle.getAddress(), contracts.game.getAddress()]);
  const window = new EventWindow(new Reader(addresses), provider, fromBlock);
  await window.look();
  return {
    ...{ contracts, window, answers: new NodeAnswers(contracts, window, fromBlock) },
    deployment: describe(contracts),
  };
}

const bytesIn = (tensors: Tensors | undefined): Uint8Array | undefined =>
  tensors?.kind === 'bytes' ? bytesOfHex(tensors.bytes) : undefined;

/** A node alone: the page keeps its own index of the newest blocks, in memory. */
export function nodeSource(site: Site): PageSource {
  let opening: Promise<Opened> | undefined;
  let look = 0;
  const hearers = new Set<(news: LookNews | undefined) => void>();

  const opened = (): Promise<Opened> => {
    opening ??= open(site);
    opening.catch(() => {
      opening = undefined;
    });
    return opening.catch((failure: unknown) => {
      const isOther = failure instanceof DeploymentError;
      throw new ApiError(isOther ? 409 : 0, isOther ? failure.message : 'the node does not answer');
    });
  };
  const tell = (news: LookNews | undefined): void => {
    for (const hear of hearers) hear(news);
  };
  const tellOf = ({ answers }: Opened, changed: readonly bigint[]): void => {
    look++;
    tell({ look, block: answers.block, requests: changed.slice(-MOST_NEWS).map((id) => `${id}`) });
  };

  let isTold = false;
  const turn = async (): Promise<void> => {
    try {
      const all = await opened();
      const changed = await all.window.look();
      if (changed || !isTold) tellOf(all, changed ?? []);
      isTold = true;
    } catch {
      isTold = false;
      tell(undefined);
    }
  };

  /** URLs at which something is said to be, as far as a page asks for them. */
  const askableAt = (uri: string): string[] => {
    try {
      return locationsOf(uri, site.gateways).filter((url) => isAskable(url, location.origin));
    } catch {
      return [];
    }
  };

  /** Folders that may have a model's files: one beside the page, and where its publishers say. */
  const foldersOf = async (modelId: string): Promise<string[]> => {
    const { answers } = await opened();
    const uris = await answers.publication(modelId).then(
      (one) => one.uris,
      () => [],
    );
    return [new URL('files', location.href).href, ...uris.flatMap(askableAt)];
  };

  return {
    read: async <T>(path: string): Promise<T> => {
      const all = await opened();
      if (path === '/api/deployment') return (await all.deployment()) as T;
      return (await all.answers.answer(path).catch((failure: unknown) => {
        throw failure instanceof ApiError ? failure : new ApiError(0, 'the node does not answer');
      })) as T;
    },
    listen: (hear) => {
      hearers.add(hear);
      isTold = false;
      let timer: ReturnType<typeof setTimeout>;
      const go = (): void => {
        // A page that nobody sees asks for nothing.
        const work = document.hidden ? Promise.resolve() : turn();
        void work.finally(() => {
          if (hearers.has(hear)) timer = setTimeout(go, PAUSE_MS);
        });
      };
      go();
      return () => {
        hearers.delete(hear);
        clearTimeout(timer);
      };
    },
    call: callThrough(site.rpc),
    file: async (modelId, name, maxBytes) => fileReader(await foldersOf(modelId))(name, maxBytes),
    words: async (modelId) =>
      fileReader(await foldersOf(modelId))(`text/${modelId.slice(2)}.json`, MOST_WORDS_BYTES),
    input: async ({ id }) => bytesIn((await opened()).answers.case(id)?.request.input),
    answer: async ({ id, request }) =>
      bytesIn((await opened()).answers.case(request)?.claims.get(BigInt(id))?.answer),
    wayTo: async (request, claim) => {
      const { answers } = await opened();
      const found = answers.case(request.id);
      return {
        kind: 'node',
        rpc: site.rpc,
        folders: await foldersOf(request.model),
        input: bytesIn(found?.request.input),
        answer: claim && bytesIn(found?.claims.get(BigInt(claim.id))?.answer),
        inputs: request.inputUri === null ? [] : askableAt(request.inputUri),
      };
    },
    readEarlier: async () => {
      const all = await opened();
      tellOf(all, await all.window.readEarlier());
    },
  };
}
