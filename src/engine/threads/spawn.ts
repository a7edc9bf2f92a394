/** A worker thread that was started. */
export interface WorkerHandle {
  /** Sends a message. The worker reads it when it has nothing else to do. */
  post(message: unknown): void;
  /** Ends the worker, even in the middle of its work. */
  terminate(): void;
}

/**
 * Starts a worker thread.
 *
 * @param source JavaScript that finds its message port in `port`
 * @param failed called if the worker ends by itself
 */
export type Spawn = (source: string, failed: (reason: string) => void) => WorkerHandle;

/** The part of Node's worker_threads that is used; looked up at run time, so that pages need not resolve the import. */
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

/** Starts workers in Node. They do not keep the process alive. */
const spawnInNode =
  ({ Worker }: NodeThreads): Spawn =>
  (source, failed) => {
    const port = "const port = require('node:worker_threads').parentPort;";
    // Without execArgv: a worker does not need the module loaders of the process.
    const worker = new Worker(`${port}\n${source}`, { eval: true, execArgv: [] });
    worker.on('error', ({ message }) => failed(message));
    worker.on('exit', (code) => failed(`it exited with code ${code}`));
    worker.unref();
    return { post: (message) => worker.postMessage(message), terminate: () => void worker.terminate() };
  };

/** Starts workers in a page. */
const spawnInPage: Spawn = (source, failed) => {
  const url = URL.createObjectURL(new Blob([`const port = self;\n${source}`], { type: 'text/javascript' }));
  const worker = new Worker(url);
  worker.onerror = ({ message }) => failed(message || 'its script cannot be loaded');
  const terminate = (): void => {
    worker.terminate();
    URL.revokeObjectURL(url);
  };
  return { post: (message) => worker.postMessage(message), terminate };
};

/** The way to start threads that share memory here; null if there is none, as in a page that is not isolated. */
export function spawnHere(): Spawn | null {
  const threads = globalThis.process?.getBuiltinModule?.('node:worker_threads') as NodeThreads | undefined;
  if (threads) return spawnInNode(threads);
  const { crossOriginIsolated } = globalThis as { crossOriginIsolated?: boolean };
  return crossOriginIsolated && typeof Worker === 'function' ? spawnInPage : null;
}
