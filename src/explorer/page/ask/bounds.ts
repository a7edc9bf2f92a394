import { IInferenceOracle__factory } from '#typechain';
import type { TermBounds } from '../../../chain/contracts/types.ts';
import type { PageSource } from '../source.ts';

/** The least terms that an oracle takes. */
export async function readBounds(source: PageSource, oracle: string): Promise<TermBounds> {
  const abi = IInferenceOracle__factory.createInterface();
  const { min } = abi.decodeFunctionResult(
    'bounds',
    await source.call(oracle, abi.encodeFunctionData('bounds')),
  );
  return (min as { toObject(): TermBounds }).toObject();
}
