import { CALLBACKS, type Callbacks, provideService } from '../provider/provider.ts';
import { parseWhole } from './arguments.ts';
import type { Console } from './console.ts';
import { InputError } from './inputError.ts';
import { type ServiceOptions, serve } from './service.ts';

export interface ProvideOptions extends ServiceOptions {
  readonly minFeeWei?: string;
  readonly callbacks: string;
}

/** @throws InputError unless it is one of the three */
function parseCallbacks(text: string): Callbacks {
  const found = CALLBACKS.find((one) => one === text);
  if (!found) throw new InputError(`--callbacks ${text}: write one of ${CALLBACKS.join(', ')}`, 2);
  return found;
}

/** `assay provide`: answers requests on the given models until it is told to end. */
export async function provide(
  paths: readonly string[],
  options: ProvideOptions,
  console: Console,
): Promise<void> {
  const leastFeeWei =
    options.minFeeWei === undefined ? 'gas' : parseWhole('--min-fee-wei', options.minFeeWei);
  const callbacks = parseCallbacks(options.callbacks);
  await serve(
    'providing',
    paths,
    options,
    console,
    (parts) => provideService({ ...parts, callbacks, leastFeeWei }),
    true,
  );
}
