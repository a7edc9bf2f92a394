import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { DeploymentJson, ErrorJson, LookNews } from '../api.ts';

/** Reads the API, and again whenever the server has news. */

export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** @throws ApiError for every answer that is no success, and if there is none */
export async function readJson<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await fetch(path, init).catch(() => {
    throw new ApiError(0, 'the server of the explorer does not answer');
  });
  if (response.ok) return (await response.json()) as T;
  const { error } = (await response.json().catch(() => ({}))) as Partial<ErrorJson>;
  throw new ApiError(response.status, error ?? `the server answers ${response.status}`);
}

/** The connection of the page to the chain. */
export interface Live {
  readonly isConnected: boolean;
  readonly block: number;
  /** Number of news so far; each one makes the shown data old. */
  readonly look: number;
  /** Of the chain, Unix seconds, in steps of one. */
  readonly now: number;
}

/** Chain time: the newest block's, plus the time since it was seen. */
interface Seen {
  readonly timestamp: number;
  readonly at: number;
}

export const LiveContext = createContext<Live>({ isConnected: false, block: 0, look: 0, now: 0 });
export const DeploymentContext = createContext<DeploymentJson | undefined>(undefined);

export const useLive = (): Live => useContext(LiveContext);

/** @throws Error outside of a page that has read its deployment */
export function useDeployment(): DeploymentJson {
  const deployment = useContext(DeploymentContext);
  if (!deployment) throw new Error('the deployment is not known yet');
  return deployment;
}

/** Follows the stream of news. */
export function useNews(): Live {
  const [live, setLive] = useState({ isConnected: false, block: 0, look: 0 });
  const [seen, setSeen] = useState<Seen>({ timestamp: 0, at: 0 });
  const [now, setNow] = useState(0);
  useEffect(() => {
    const stream = new EventSource('/api/news');
    stream.onerror = () => setLive((known) => ({ ...known, isConnected: false }));
    stream.addEventListener('look', ({ data }) => {
      const { block, look } = JSON.parse(data) as LookNews;
      setLive({ isConnected: true, block: block.number, look });
      setSeen({ timestamp: block.timestamp, at: performance.now() });
    });
    return () => stream.close();
  }, []);
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
  const [read, setRead] = useState<Read<T> & { readonly path: string }>({
    path,
    data: undefined,
    failure: undefined,
  });
  useEffect(() => {
    let isWanted = true;
    readJson<T>(path).then(
      (data) => isWanted && setRead({ path, data, failure: undefined }),
      (failure: ApiError) =>
        isWanted &&
        setRead((known) => ({ path, data: known.path === path ? known.data : undefined, failure })),
    );
    return () => {
      isWanted = false;
    };
  }, [path, look, isConnected]);
  return read.path === path ? read : { data: undefined, failure: undefined };
}
