import { startWorker } from '../workers.ts';
import type { Errand, ErrandOutcome } from './errand.ts';

/** An errand that takes longer is ended, ms. */
const LONGEST_MS = 30_000;

type Done = Exclude<ErrandOutcome, { readonly kind: 'failed' }>;

/**
 * Has a worker do an errand with a stranger's tokenizer.
 *
 * @throws Error whose message says why it cannot be done
 */
export function run<Kind extends Done['kind']>(
  kind: Kind,
  errand: Errand,
): Promise<Extract<Done, { readonly kind: Kind }>> {
  const worker = startWorker('text.js');
  return new Promise<Extract<Done, { readonly kind: Kind }>>((resolve, reject) => {
    const late = setTimeout(
      () => reject(new Error('the tokenizer of the model takes too long, and was ended')),
      LONGEST_MS,
    );
    worker.onmessage = ({ data }: MessageEvent<ErrandOutcome | { readonly kind: 'ready' }>) => {
      if (data.kind === 'ready') return worker.postMessage(errand);
      clearTimeout(late);
      if (data.kind === kind) resolve(data as Extract<Done, { readonly kind: Kind }>);
      else reject(new Error(data.kind === 'failed' ? data.why : 'the worker did something else'));
    };
    worker.onerror = () => reject(new Error('the tokenizer of the model cannot be used here'));
  }).finally(() => worker.terminate());
}
