import { createProvider } from '../provider/provider.ts';
import { parseWhole } from './arguments.ts';
import type { Console } from './console.ts';
import { type ServiceOptions, serve } from './service.ts';

export interface ProvideOptions extends ServiceOptions {
  readonly minFeeWei: string;
  readonly maxBondWei?: string;
}

/** `assay provide`: answers requests on the given models until it is told to end. */
export async function provide(
  paths: readonly string[],
  options: ProvideOptions,
  console: Console,
): Promise<void> {
  const least = parseWhole('--min-fee-wei', options.minFeeWei);
  const most =
    options.maxBondWei === undefined ? undefined : parseWhole('--max-bond-wei', options.maxBondWei);
  await serve('providing', paths, options, console, (parts) =>
    createProvider({
      ...parts,
      accepts: ({ request: { feeWei, terms } }) =>
        feeWei >= least && (most === undefined || terms.claimBondWei <= most),
    }),
  );
}
