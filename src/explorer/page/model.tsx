import { useEffect, useState } from 'preact/hooks';
import type { FilesJson, ModelPageJson, TensorJson } from '../api.ts';
import { later } from './later.tsx';
import { useApi } from './live.ts';
import { Account, Card, Facts, Hash, Shown } from './parts.tsx';
import { useSource } from './source.ts';
import { Requests } from './tables.tsx';
import { bytesText } from './words.ts';

const ProgramCard = later(async () => (await import('./program.tsx')).ProgramCard);

/** Pause between two looks at a model that the server fetches, ms. */
const PAUSE_MS = 1000;

const STATE_WORDS: Readonly<Record<FilesJson['state'], string>> = {
  here: 'The server has them; whoever verifies a claim checks every byte against the id.',
  fetching: 'The server is fetching them …',
  failed: 'They cannot be had',
  'not here': 'The server does not have them',
  elsewhere:
    'Whoever verifies a claim gets them from where its publishers say, and checks every byte against the id.',
};

/** Whether a model's files can be had, and a button that tries. */
function Files({ id, known }: { readonly id: string; readonly known: FilesJson }) {
  const source = useSource();
  const [files, setFiles] = useState(known);
  const isOnItsWay = files.state === 'fetching';
  useEffect(() => {
    if (!isOnItsWay) return;
    const look = (): void => {
      source.read<FilesJson>(`/api/models/${id}/files`).then(setFiles, () => undefined);
    };
    const timer = setInterval(look, PAUSE_MS);
    return () => clearInterval(timer);
  }, [source, id, isOnItsWay]);
  const fetchNow = (): void => {
    source
      .read<FilesJson>(`/api/models/${id}/files`, 'POST')
      .then(setFiles, (failure: Error) => setFiles({ state: 'failed', why: failure.message }));
  };
  return (
    <>
      <p role="status">
        {STATE_WORDS[files.state]}
        {files.why !== null && `: ${files.why}`}
        {files.state === 'failed' || files.state === 'not here' ? '.' : ''}
      </p>
      {(files.state === 'failed' || files.state === 'not here') && (
        <button type="button" onClick={fetchNow}>
          Fetch them
        </button>
      )}
    </>
  );
}

const sizes = (tensors: readonly TensorJson[]): string =>
  tensors.length === 0
    ? 'none'
    : tensors.map(({ node, bytes }) => `node ${node}, ${bytesText(bytes)}`).join('; ');

/** A model: what is committed of it, where its files are, and who asks it. */
export function ModelView({ id }: { readonly id: string }) {
  const read = useApi<ModelPageJson>(`/api/models/${id}`);
  return (
    <>
      <h1>Model</h1>
      <p class="hash id">{id}</p>
      <Shown read={read}>
        {({ programRoot, nodes, inputs, outputs, answers, publishers, uris, files, requests, latest }) => (
          <>
            {files.state === 'here' && <ProgramCard id={id} />}
            <Card title="What is committed">
              <Facts
                rows={[
                  ['nodes of its program', nodes.toLocaleString('en-US')],
                  ['root of its program', <Hash key="root" hex={programRoot} />],
                  ['inputs', sizes(inputs)],
                  ['outputs', sizes(outputs)],
                  ...(answers.length > 0 ? [['answers that it checks', sizes(answers)] as const] : []),
                  ['requests', requests.toLocaleString('en-US')],
                  ...(publishers.length > 0
                    ? [
                        [
                          'published by',
                          publishers.map((address) => (
                            <span key={address}>
                              <Account address={address} />{' '}
                            </span>
                          )),
                        ] as const,
                      ]
                    : []),
                ]}
              />
            </Card>
            <Card title="Its files">
              <Files key={files.state} id={id} known={files} />
              {uris.length > 0 && (
                <>
                  <p>Said to be at, by whoever published it:</p>
                  <ul class="plain">
                    {uris.map((uri) => (
                      <li key={uri} class="hash uri">
                        {uri}
                      </li>
                    ))}
                  </ul>
                </>
              )}
            </Card>
            <p>
              <a class="button" href={`#/ask/${id}`}>
                Ask this model
              </a>
            </p>
            <Card title="Requests">
              <Requests rows={latest} />
            </Card>
          </>
        )}
      </Shown>
    </>
  );
}
