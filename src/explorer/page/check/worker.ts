import { type Model, totalBytes } from '../../../merkle/model.ts';
import { concat } from '../../../merkle/tree.ts';
import type { ClaimJson, FilesJson, RequestJson } from '../../api.ts';
import { answer, check, type FileSources } from './check.ts';
import { isInput } from './commitments.ts';
import { modelInFiles, type ReadBlob, readModel } from './model.ts';
import type { News, Order, Way } from './order.ts';
import { bytesAt, callThrough, fileReader } from './read.ts';
import { Unavailable } from './unavailable.ts';

/** Does one task and ends. The page may end it before. */

/** Pause between two looks at a model that the server fetches, ms. */
const PAUSE_MS = 500;

const port = self as unknown as {
  postMessage(news: News): void;
  onmessage: ((event: MessageEvent<Order>) => void) | null;
};

/** Has the server fetch a model's files from where its publishers say that they are. */
async function fetchFiles(id: string): Promise<void> {
  const path = `/api/models/${id}/files`;
  const ask = async (method: 'GET' | 'POST'): Promise<FilesJson> => {
    const response = await fetch(path, { method }).catch(() => undefined);
    if (!response?.ok)
      throw new Unavailable('the server does not say whether the files of the model can be had');
    return (await response.json()) as FilesJson;
  };
  let files = await ask('POST');
  while (files.state === 'fetching') {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    files = await ask('GET');
  }
  if (files.state !== 'here')
    throw new Unavailable(
      `the files of the model cannot be had${files.why === null ? '' : `: ${files.why}`}`,
    );
}

/** An input among files that the user gave, as it is or behind the header of a `.npy` file; undefined if none is it. */
async function inputInFiles(
  files: readonly File[],
  model: Model,
  request: RequestJson,
): Promise<Uint8Array | undefined> {
  const size = totalBytes(model.inputs);
  for (const file of files) {
    if (file.size < size) continue;
    const bytes = new Uint8Array(await file.slice(file.size - size).arrayBuffer());
    if (isInput(model, bytes, request)) return bytes;
  }
  return undefined;
}

/** An input that a request gives by root, from where it says that it is; undefined if it is not there. */
async function inputAt(
  urls: readonly string[],
  model: Model,
  request: RequestJson,
): Promise<Uint8Array | undefined> {
  const size = totalBytes(model.inputs);
  for (const url of urls) {
    if (!new URL(url).pathname.endsWith('/')) {
      const bytes = await bytesAt(url, size);
      if (bytes && isInput(model, bytes, request)) return bytes;
      continue;
    }
    const read = fileReader([url]);
    const parts: Uint8Array[] = [];
    for (const [i, root] of (request.inputRoots ?? []).slice(0, model.inputs.length).entries()) {
      const length = model.inputs[i]?.byteLength ?? 0;
      const part = await read(`tensor/${root.slice(2)}-${length}`, length);
      if (part) parts.push(part);
    }
    const bytes = concat(parts);
    if (isInput(model, bytes, request)) return bytes;
  }
  return undefined;
}

type Supply = Pick<FileSources, 'call' | 'answer'> & {
  readonly blob: (id: string) => Promise<ReadBlob>;
  readonly input: (request: RequestJson, model: Model) => Promise<Uint8Array | undefined>;
};

/** The sources at the end of a way. */
function supplyOf(way: Way): Supply {
  if (way.kind === 'server')
    return {
      call: callThrough('/rpc'),
      blob: async (id) => {
        await fetchFiles(id);
        return (name, maxBytes) => bytesAt(`/files/${name}`, maxBytes);
      },
      input: ({ id }, model) => bytesAt(`/api/requests/${id}/input`, totalBytes(model.inputs)),
      answer: ({ id }: ClaimJson, maxBytes) => bytesAt(`/api/claims/${id}/answer`, maxBytes),
    };
  return {
    call: callThrough(way.rpc),
    blob: async () => fileReader(way.folders),
    input: async (request, model) => way.input ?? inputAt(way.inputs, model, request),
    answer: async () => way.answer,
  };
}

function sourcesFor({ files, way }: Order): FileSources {
  const supply = supplyOf(way);
  return {
    ...supply,
    model: async (id, progress) =>
      (files.length > 0 && (await modelInFiles(id, files, progress))) ||
      readModel(id, await supply.blob(id), progress),
    input: async (request, model) => {
      const bytes = (await inputInFiles(files, model, request)) ?? (await supply.input(request, model));
      if (!bytes) throw new Unavailable('the input of the request cannot be had');
      return bytes;
    },
  };
}

const work = (order: Order) => {
  const tell = (news: News): void => port.postMessage(news);
  return order.task === 'check'
    ? check(order, sourcesFor(order), tell)
    : answer(order, sourcesFor(order), tell);
};

port.onmessage = ({ data: order }) => {
  work(order).then(
    (news) => port.postMessage(news),
    // Thrown on, so that the page sees the worker fail.
    (failure: Error) =>
      setTimeout(() => {
        throw failure;
      }),
  );
};
port.postMessage({ kind: 'ready' });
