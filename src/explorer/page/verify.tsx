import { useEffect, useRef, useState } from 'preact/hooks';
import type { ClaimJson, RequestJson } from '../api.ts';
import { hasGpu } from './check/gpu.ts';
import type { CheckResult, Processor, Task } from './check/order.ts';
import { type ProgressStep, startCheck } from './check/start.ts';
import { useDeployment } from './live.ts';
import { Facts } from './parts.tsx';
import { useSource } from './source.ts';
import { Output } from './values.tsx';

const WORDS: Readonly<Record<CheckResult['verdict'], string>> = {
  right: 'Right',
  wrong: 'Wrong',
  unknown: 'Cannot be checked',
};

function Found({ finding }: { readonly finding: CheckResult }) {
  const { verdict, sentence, facts, outputs } = finding;
  return (
    <div class={`finding ${verdict}`} role="status">
      <p>
        <strong>{WORDS[verdict]}.</strong> {sentence}
      </p>
      {outputs.map((one) => (
        <Output key={one.title} {...one} />
      ))}
      {facts.length > 0 && (
        <details>
          <summary>What was compared</summary>
          <Facts rows={facts} />
        </details>
      )}
    </div>
  );
}

const PROCESSORS: readonly (readonly [Processor, string])[] = [
  ['auto', 'the processor that suits the model'],
  ['cpu', 'the CPU'],
  ['gpu', 'the GPU'],
];

/** Runs a claim again in this browser, in a worker that can be ended at any time. */
export function Verify({ request, claim }: { readonly request: RequestJson; readonly claim: ClaimJson }) {
  const { oracle } = useDeployment();
  const source = useSource();
  const [news, setNews] = useState<ProgressStep | CheckResult>();
  const [isOver, setOver] = useState(false);
  const [processor, setProcessor] = useState<Processor>('auto');
  const stop = useRef<() => void>(undefined);
  useEffect(() => () => stop.current?.(), []);

  const start = (files: readonly File[] = []): void => {
    stop.current?.();
    const task = source
      .wayTo(request, claim)
      .then((way): Task => ({ task: 'check', request, claim, oracle, way }));
    setNews({ kind: 'step', text: 'Starting' });
    stop.current = startCheck(task, files, (one) => one.kind !== 'made' && setNews(one), processor);
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: files may be chosen with the button as well
    <div
      class={isOver ? 'verify over' : 'verify'}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        start([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      {news?.kind === 'step' ? (
        <>
          <p role="status">
            {news.text} … <progress value={news.share} aria-label="progress of the check" />
          </p>
          <button
            type="button"
            onClick={() => {
              stop.current?.();
              setNews(undefined);
            }}
          >
            Stop
          </button>
        </>
      ) : (
        <>
          <button type="button" class="main" onClick={() => start()}>
            Verify in this browser
          </button>
          {hasGpu() && (
            <label class="processor">
              on{' '}
              <select
                aria-label="what runs the model"
                value={processor}
                onChange={({ currentTarget: { value } }) => setProcessor(value as Processor)}
              >
                {PROCESSORS.map(([name, words]) => (
                  <option key={name} value={name}>
                    {words}
                  </option>
                ))}
              </select>
            </label>
          )}
          <label class="files">
            or with files of the model, or the input, that you have:{' '}
            <input
              type="file"
              multiple
              onChange={({ currentTarget: { files } }) => files && files.length > 0 && start([...files])}
            />
          </label>
        </>
      )}
      {news?.kind === 'finding' && <Found finding={news} />}
    </div>
  );
}
