/** Bytes a second that an answer must have, on average over each window. */
export interface LeastSpeed {
  readonly bytesPerSecond: number;
  readonly windowMs: number;
}

/** Why an answer was given up. */
export class TooSlow extends Error {
  override name = 'TooSlow';
}

/** Parts of a window, after each of which it is looked at. */
const PARTS = 6;

/**
 * Watches an answer from the moment in which it is asked for; a server that keeps the connection alive with a byte now and
 * then, in its headers or in its body, is as slow as one that is silent.
 *
 * @returns a signal that ends the answer with {@link TooSlow}, and `counted`, through which its bytes must go
 */
export function watchSpeed({ bytesPerSecond, windowMs }: LeastSpeed) {
  const slow = new AbortController();
  // Parts are counted and not time, so that a thread that stood still does not make a server slow.
  let parts: number[] = [0];
  const timer = setInterval(() => {
    const bytes = parts.reduce((sum, part) => sum + part, 0);
    if (parts.length === PARTS && bytes < (bytesPerSecond * windowMs) / 1000) {
      clearInterval(timer);
      slow.abort(new TooSlow(`sends less than ${bytesPerSecond} bytes a second`));
    }
    parts = [...parts, 0].slice(-PARTS);
  }, windowMs / PARTS).unref();
  const end = (): void => clearInterval(timer);
  async function* counted(
    chunks: AsyncIterable<Uint8Array>,
    progress: (bytes: number) => void = () => undefined,
  ): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of chunks) {
        parts[parts.length - 1]! += chunk.length;
        progress(chunk.length);
        yield chunk;
      }
    } finally {
      end();
    }
  }
  return { signal: slow.signal, counted, end };
}
