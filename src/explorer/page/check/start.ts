import { startWorker } from '../workers.ts';
import type { CheckResult, Made, News, Order, Processor, Task } from './order.ts';

/** Starts workers that check or make answers, and ends them. */

export type ProgressStep = Extract<News, { readonly kind: 'step' }>;

/** A check that takes longer is ended, ms. */
const LONGEST_MS = 600_000;

const MOST_THREADS = 8;

export const failure = (sentence: string): CheckResult => ({
  kind: 'finding',
  verdict: 'unknown',
  sentence,
  facts: [],
  outputs: [],
});

/**
 * Has a worker do a task.
 *
 * @param files of the model, or with the input, that the user gave
 * @param tell told of each step, and of the end
 * @param processor what runs the model
 * @returns what ends it, after which nothing is told any more
 */
export function startCheck(
  task: Promise<Task>,
  files: readonly File[],
  tell: (news: ProgressStep | Made | CheckResult) => void,
  processor: Processor = 'auto',
): () => void {
  const worker = startWorker('check.js');
  let late: ReturnType<typeof setTimeout> | undefined;
  const end = (): void => {
    clearTimeout(late);
    worker.terminate();
  };
  const fail = (sentence: string): void => {
    end();
    tell(failure(sentence));
  };
  late = setTimeout(() => fail('It took longer than ten minutes and was ended.'), LONGEST_MS);
  const threads = Math.max(1, Math.min(MOST_THREADS, navigator.hardwareConcurrency));
  worker.onmessage = ({ data }: MessageEvent<News>) => {
    if (data.kind === 'ready') {
      task.then(
        (one) => worker.postMessage({ ...one, files, threads, processor } satisfies Order),
        (reason: Error) => fail(`${reason.message}.`),
      );
      return;
    }
    if (data.kind !== 'step') end();
    tell(data);
  };
  worker.onerror = () => fail('The run failed in this browser, perhaps for want of memory.');
  return end;
}
