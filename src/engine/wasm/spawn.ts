/** A thread that was started. */
export interface Helper {
  /** Sends a message. It arrives when the thread has nothing to do. */
  post(message: unknown): void;
  /** Ends it, whatever it is doing. */
  end(): void;
}

/**
 * Starts a thread.
 *
 * @param source JavaScript that finds its message port in `port`
 * @param failed called if it ends by itself
 */
export type Spawn = (source: string, failed: (reason: string) => void) => Helper;

/** What is needed of Node's worker_threads, which is looked up where there is Node and imported nowhere. */
interface NodeThreads {
  readonly Worker: new (
    source: string,
    options: { eval: true; execArgv: string[] },
  ) => {
    on(event: 'error', listener: (error: Error) => void): void;
    on(event: 'exit', listener: (code: number) => void): void;
    postMessage(message: unknown): void;
    terminate(): Promise<number>;
    unref(): void;
  };
}

/** Workers of Node. A process does not wait for them. */
const spawnInNode =
  ({ Worker }: NodeThreads): Spawn =>
  (source, failed) => {
    const port = "const port = require('node:worker_threads').parentPort;";
    // The loaders of the process are of no use to it.
    const worker = new Worker(`${port}\n${source}`, { eval: true, execArgv: [] });
    worker.on('error', ({ message }) => failed(message));
    worker.on('exit', (code) => failed(`it exited with code ${code}`));
    worker.unref();
    return { post: (message) => worker.postMessage(message), end: () => void worker.terminate() };
  };

/** Workers of a page. */
const spawnInPage: Spawn = (source, failed) => {
  const url = URL.createObjectURL(new Blob([`const port = self;\n${source}`], { type: 'text/javascript' }));
  const worker = new Worker(url);
  worker.onerror = ({ message }) => failed(message || 'its script cannot be loaded');
  const end = (): void => {
    worker.terminate();
    URL.revokeObjectURL(url);
  };
  return { post: (message) => worker.postMessage(message), end };
};

/** How threads that share memory are started here; null where there are none: a page without isolation, for one. */
export function spawnHere(): Spawn | null {
  const threads = globalThis.process?.getBuiltinModule?.('node:worker_threads') as NodeThreads | undefined;
  if (threads) return spawnInNode(threads);
  const { crossOriginIsolated } = globalThis as { crossOriginIsolated?: boolean };
  return crossOriginIsolated && typeof Worker === 'function' ? spawnInPage : null;
}
