import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { DeploymentJson } from '../api.ts';
import { SITE_NAME, type Site } from '../site.ts';
import { AccountView } from './account.tsx';
import { Dispute } from './dispute.tsx';
import { later } from './later.tsx';
import { DeploymentContext, LiveContext, useLive, useNews } from './live.ts';
import { ModelView } from './model.tsx';
import { DisputeList, ModelList, Overview, RequestList } from './overview.tsx';
import { Request } from './request.tsx';
import { ApiError, type PageSource, SourceContext, serverSource, useSource } from './source.ts';
import { placeOf } from './words.ts';

/** Asking needs the reader of programs. */
const Ask = later(async () => (await import('./ask/ask.tsx')).Ask);

/** The view of each place: the part of the address after #. */
function View({ place }: { readonly place: string }) {
  const [kind = '', id = ''] = place.split('/').slice(1).map(encodeURIComponent);
  switch (kind) {
    case '':
      return <Overview />;
    case 'requests':
      return <RequestList />;
    case 'disputes':
      return <DisputeList />;
    case 'models':
      return <ModelList />;
    case 'request':
      return <Request key={id} id={id} />;
    case 'dispute':
      return <Dispute key={id} id={id} />;
    case 'model':
      return <ModelView key={id} id={id} />;
    case 'ask':
      return (
        <>
          <h1>Ask a model</h1>
          <Ask key={id} modelId={id} />
        </>
      );
    case 'account':
      return <AccountView key={id} address={id} />;
    default:
      return (
        <>
          <h1>Not found</h1>
          <p>There is no such page.</p>
        </>
      );
  }
}

const placeNow = (): string => location.hash.replace(/^#/, '') || '/';

function usePlace(): string {
  const [place, setPlace] = useState(placeNow);
  useEffect(() => {
    const change = (): void => setPlace(placeNow());
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  return place;
}

/** The deployment; it never changes, so it is read until it is there. */
function useDeploymentRead(source: PageSource, look: number): DeploymentJson | Error | undefined {
  const [deployment, setDeployment] = useState<DeploymentJson | Error>();
  const isKnown = deployment !== undefined && !(deployment instanceof Error);
  useEffect(() => {
    if (!isKnown) source.read<DeploymentJson>('/api/deployment').then(setDeployment, setDeployment);
  }, [source, look, isKnown]);
  return deployment;
}

/** Says that a page without an index does not know everything, and lets it read more. */
function Since() {
  const { readEarlier } = useSource();
  const { since } = useLive();
  const [isReading, setReading] = useState(false);
  if (since === null || !readEarlier) return null;
  const more = (): void => {
    setReading(true);
    readEarlier()
      .catch(() => undefined)
      .finally(() => setReading(false));
  };
  return (
    <p class="since">
      This page has no index: it has read from a node what happened since block{' '}
      {since.toLocaleString('en-US')}.{' '}
      <button type="button" disabled={isReading} onClick={more}>
        {isReading ? 'Reading …' : 'Read earlier blocks'}
      </button>
    </p>
  );
}

function Search() {
  const [isUnknown, setUnknown] = useState(false);
  return (
    <search>
      <form
        class="search"
        onSubmit={(event) => {
          event.preventDefault();
          const place = placeOf(`${new FormData(event.currentTarget).get('place')}`);
          setUnknown(place === undefined);
          if (place !== undefined) location.hash = place;
        }}
      >
        <label for="place" class="hidden">
          Go to
        </label>
        <input
          id="place"
          name="place"
          placeholder="request, model id or address"
          autoComplete="off"
          spellcheck={false}
        />
        {isUnknown && <span role="alert">write a number, a model id or an address</span>}
      </form>
    </search>
  );
}

const THEMES = ['system', 'light', 'dark'] as const;
const THEME = 'theme';

function Theme() {
  const [theme, setTheme] = useState<string>(() => localStorage.getItem(THEME) ?? 'system');
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
    localStorage.setItem(THEME, theme);
  }, [theme]);
  return (
    <label class="theme">
      <span class="hidden">colours</span>
      <select value={theme} onChange={({ currentTarget: { value } }) => setTheme(value)}>
        {THEMES.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
}

const PLACES = [
  ['#/', 'Overview'],
  ['#/requests', 'Requests'],
  ['#/disputes', 'Disputes'],
  ['#/models', 'Models'],
] as const;

function App({ source }: { readonly source: PageSource }) {
  const live = useNews(source);
  const place = usePlace();
  const deployment = useDeploymentRead(source, live.look);
  const known = deployment instanceof Error ? undefined : deployment;
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    // Whoever follows a link by keyboard or hears the page goes on at the new view.
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
    scrollTo(0, 0);
  }, [place]);
  return (
    <SourceContext.Provider value={source}>
      <LiveContext.Provider value={live}>
        <DeploymentContext.Provider value={known}>
          <header class="top">
            <a class="brand" href="#/">
              Assay
            </a>
            <nav aria-label="Views">
              {PLACES.map(([href, name]) => (
                <a key={href} href={href} aria-current={href === `#${place}` ? 'page' : undefined}>
                  {name}
                </a>
              ))}
            </nav>
            <Search />
            <Theme />
            <span class={live.isConnected ? 'pulse' : 'pulse off'} role="status">
              {live.isConnected ? `block ${live.block.toLocaleString('en-US')}` : 'not connected'}
            </span>
          </header>
          <main ref={main} tabIndex={-1}>
            {known ? (
              <>
                <Since />
                <View place={place} />
              </>
            ) : deployment instanceof ApiError && deployment.status > 0 ? (
              <p class="trouble" role="alert">
                Cannot be shown: {deployment.message}.
              </p>
            ) : (
              <p class="loading">Loading …</p>
            )}
          </main>
          <footer>
            <p>
              An index says what is here, and an index can lie. What matters is checked where you press{' '}
              <em>Verify</em>: in this browser, against the chain.
            </p>
          </footer>
        </DeploymentContext.Provider>
      </LiveContext.Provider>
    </SourceContext.Provider>
  );
}

const root = document.getElementById('app') as HTMLElement;

/** The node that index.html names, or else the server of this page. */
async function findSource(): Promise<PageSource> {
  const text = document.querySelector(`meta[name="${SITE_NAME}"]`)?.getAttribute('content');
  if (!text) return serverSource;
  const { nodeSource } = await import('./direct/nodeSource.ts');
  return nodeSource(JSON.parse(text) as Site);
}

void findSource().then((source) => {
  root.replaceChildren();
  render(<App source={source} />, root);
});
