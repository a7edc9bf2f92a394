import { IInferenceOracle__factory } from '#typechain';
import type { TermBounds } from '../../../chain/types.ts';
import type { Source } from '../source.ts';

/** The least terms that an oracle takes. */
export async function readBounds(source: Source, oracle: string): Promise<TermBounds> {
  const abi = IInferenceOracle__factory.createInterface();
  const { min } = abi.decodeFunctionResult(
    'bounds',
    await source.call(oracle, abi.encodeFunctionData('bounds')),
  );
  return (min as { toObject(): TermBounds }).toObject();
}
