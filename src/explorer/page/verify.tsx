import { useEffect, useRef, useState } from 'preact/hooks';
import type { ClaimJson, RequestJson } from '../api.ts';
import type { Finding, News, Order, Values } from './check/order.ts';
import { useDeployment } from './live.ts';
import { Facts } from './parts.tsx';
import { useSource } from './source.ts';

/** A check that takes longer is ended, ms. */
const LONGEST_MS = 600_000;

const MOST_THREADS = 8;

/** The one way in which this page makes an address of a script from a string. */
const policy = (
  globalThis as {
    trustedTypes?: { createPolicy(name: string, rules: object): { createScriptURL(url: string): string } };
  }
).trustedTypes?.createPolicy('assay', {
  createScriptURL: (url: string) => {
    if (url !== 'check.js') throw new TypeError(`${url} is no script of this page`);
    return url;
  },
});

const startWorker = (): Worker =>
  new Worker(policy ? policy.createScriptURL('check.js') : 'check.js', { type: 'module' });

const WORDS: Readonly<Record<Finding['verdict'], string>> = {
  right: 'Right',
  wrong: 'Wrong',
  unknown: 'Cannot be checked',
};

const Output = ({ title, values, count }: Values) => (
  <p>
    {title}: <span class="hash">{values.join(', ')}</span>
    {count > values.length && `, and ${(count - values.length).toLocaleString('en-US')} more`}
  </p>
);

function Found({ finding }: { readonly finding: Finding }) {
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

const FAILED: Finding = {
  kind: 'finding',
  verdict: 'unknown',
  sentence: 'The check failed in this browser, perhaps for want of memory.',
  facts: [],
  outputs: [],
};

/** Runs a claim again in this browser, in a worker that can be ended at any time. */
export function Verify({ request, claim }: { readonly request: RequestJson; readonly claim: ClaimJson }) {
  const { oracle } = useDeployment();
  const source = useSource();
  const [news, setNews] = useState<News>();
  const [isOver, setOver] = useState(false);
  const worker = useRef<Worker | undefined>(undefined);
  const isRunning = news?.kind === 'step';

  const end = (): void => {
    worker.current?.terminate();
    worker.current = undefined;
  };
  useEffect(() => end, []);
  useEffect(() => {
    if (!isRunning) return;
    const late = setTimeout(() => {
      end();
      setNews({ ...FAILED, sentence: 'The check took longer than ten minutes and was ended.' });
    }, LONGEST_MS);
    return () => clearTimeout(late);
  }, [isRunning]);

  const start = (files: readonly File[] = []): void => {
    end();
    const started = startWorker();
    worker.current = started;
    const threads = Math.max(1, Math.min(MOST_THREADS, navigator.hardwareConcurrency));
    const order = source
      .wayTo(request, claim)
      .then((way): Order => ({ request, claim, oracle, files, threads, way }));
    started.onmessage = ({ data }: MessageEvent<News>) => {
      if (data.kind === 'ready') void order.then((one) => started.postMessage(one), failed);
      else setNews(data);
      if (data.kind === 'finding') end();
    };
    const failed = (): void => {
      end();
      setNews(FAILED);
    };
    started.onerror = failed;
    setNews({ kind: 'step', text: 'Starting' });
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
      {isRunning ? (
        <>
          <p role="status">
            {news.text} … <progress value={news.share} aria-label="progress of the check" />
          </p>
          <button
            type="button"
            onClick={() => {
              end();
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
          <label class="files">
            or with files of the model that you have:{' '}
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
