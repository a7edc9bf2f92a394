import { type ErrorDescription, Interface } from 'ethers';
import {
  IDisputeGame__factory,
  IInferenceOracle__factory,
  IModelRegistry__factory,
  IReferee__factory,
} from '#typechain';
import { plainReason, revertData } from './revert.ts';
import { type ErrorArguments, SENTENCES } from './sentences.ts';

const ALL_ERRORS = new Interface(
  [IInferenceOracle__factory, IDisputeGame__factory, IModelRegistry__factory, IReferee__factory].flatMap(
    ({ abi }) => abi.filter(({ type }) => (type as string) === 'error'),
  ),
);

/** The contracts' error that `failure` carries, if any. */
export function contractError(failure: unknown): ErrorDescription | undefined {
  const data = revertData(failure);
  return (data && data.length >= 10 && ALL_ERRORS.parseError(data)) || undefined;
}

/**
 * Says in one sentence why a call, an estimate or a transaction failed.
 *
 * @param failure whatever was thrown; an error of the contracts in it becomes a sentence with its values
 */
export function explain(failure: unknown): string {
  const error = contractError(failure);
  if (error) {
    const sentence = SENTENCES[error.name];
    if (sentence) return sentence(error.args as unknown as ErrorArguments);
    return `the contract refused it with ${error.name}(${error.args.join(', ')})`;
  }
  const data = revertData(failure);
  if (data === '0x') return 'the contract refused it without a reason, most likely out of gas';
  if (data) return `the contract refused it with the unknown error ${data.slice(0, 10)}`;
  return plainReason(failure);
}
