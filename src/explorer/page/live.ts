import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { DeploymentJson } from '../api.ts';
import { type ApiError, type PageSource, useSource } from './source.ts';

/** Reads the API, and again whenever its source has news. */

/** The connection of the page to the chain. */
export interface Live {
  readonly isConnected: boolean;
  readonly block: number;
  /** Number of news so far; each one makes the shown data old. */
  readonly look: number;
  /** Time of the chain, Unix seconds; it advances in whole seconds. */
  readonly now: number;
  /** The first block that was read, where not all of them were. */
  readonly since: number | null;
}

/** Chain time: the newest block's, plus the time since it was seen. */
interface Seen {
  readonly timestamp: number;
  readonly at: number;
}

export const LiveContext = createContext<Live>({
  isConnected: false,
  block: 0,
  look: 0,
  now: 0,
  since: null,
});
export const DeploymentContext = createContext<DeploymentJson | undefined>(undefined);

export const useLive = (): Live => useContext(LiveContext);

/** @throws Error outside of a page that has read its deployment */
export function useDeployment(): DeploymentJson {
  const deployment = useContext(DeploymentContext);
  if (!deployment) throw new Error('the deployment is not known yet');
  return deployment;
}

/** Follows the stream of news. */
export function useNews(source: PageSource): Live {
  const [live, setLive] = useState<Omit<Live, 'now'>>({ isConnected: false, block: 0, look: 0, since: null });
  const [seen, setSeen] = useState<Seen>({ timestamp: 0, at: 0 });
  const [now, setNow] = useState(0);
  useEffect(
    () =>
      source.listen((news) => {
        if (!news) return setLive((known) => ({ ...known, isConnected: false }));
        const { block, look } = news;
        setLive({ isConnected: true, block: block.number, look, since: block.since });
        setSeen({ timestamp: block.timestamp, at: performance.now() });
      }),
    [source],
  );
  useEffect(() => {
    const tick = (): void => setNow(Math.floor(seen.timestamp + (performance.now() - seen.at) / 1000));
    tick();
    const timer = setInterval(tick, 1000);
    return () => clearInterval(timer);
  }, [seen]);
  return { ...live, now };
}

export interface Read<T> {
  readonly data: T | undefined;
  /** The reason why the shown data may be old, or missing. */
  readonly failure: ApiError | undefined;
}

/** The answer of a path of the API, read again after every look at the chain. */
export function useApi<T>(path: string): Read<T> {
  const { look, isConnected } = useLive();
  const source = useSource();
  const [read, setRead] = useState<Read<T> & { readonly path: string }>({
    path,
    data: undefined,
    failure: undefined,
  });
  useEffect(() => {
    let isWanted = true;
    source.read<T>(path).then(
      (data) => isWanted && setRead({ path, data, failure: undefined }),
      (failure: ApiError) =>
        isWanted &&
        setRead((known) => ({ path, data: known.path === path ? known.data : undefined, failure })),
    );
    return () => {
      isWanted = false;
    };
  }, [source, path, look, isConnected]);
  return read.path === path ? read : { data: undefined, failure: undefined };
}
