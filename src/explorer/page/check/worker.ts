import type { ClaimJson, FilesJson, RequestJson } from '../../api.ts';
import { check, type Sources } from './check.ts';
import { modelInFiles, readModel } from './model.ts';
import type { News, Order, Way } from './order.ts';
import { bytesAt, callThrough, fileReader } from './read.ts';
import { Unavailable } from './unavailable.ts';

/** Checks one claim and ends. The page may end it before. */

/** Between looks at a model that the server fetches, ms. */
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

/** Sources where there is no server: what the order holds, and folders of files. */
function sourcesWithout({ files, way }: Order & { readonly way: Extract<Way, { kind: 'node' }> }): Sources {
  return {
    call: callThrough(way.rpc),
    model: (id, progress) =>
      files.length > 0 ? modelInFiles(id, files, progress) : readModel(id, fileReader(way.folders), progress),
    input: async () => {
      if (!way.input) throw new Unavailable('the input of the request cannot be had');
      return way.input;
    },
    answer: async () => way.answer,
  };
}

const sourcesFor = ({ files }: Order): Sources => ({
  call: callThrough('/rpc'),
  model: async (id, progress) => {
    if (files.length > 0) return modelInFiles(id, files, progress);
    await fetchFiles(id);
    return readModel(id, (name, maxBytes) => bytesAt(`/files/${name}`, maxBytes), progress);
  },
  input: async ({ id }: RequestJson, maxBytes) => {
    const bytes = await bytesAt(`/api/requests/${id}/input`, maxBytes);
    if (!bytes) throw new Unavailable('the input of the request cannot be had');
    return bytes;
  },
  answer: ({ id }: ClaimJson, maxBytes) => bytesAt(`/api/claims/${id}/answer`, maxBytes),
});

const choose = (order: Order): Sources =>
  order.way.kind === 'node' ? sourcesWithout({ ...order, way: order.way }) : sourcesFor(order);

port.onmessage = ({ data: order }) => {
  check(order, choose(order), (news) => port.postMessage(news)).then(
    (finding) => port.postMessage(finding),
    // Thrown on, so that the page sees the worker fail.
    (failure: Error) =>
      setTimeout(() => {
        throw failure;
      }),
  );
};
port.postMessage({ kind: 'ready' });
