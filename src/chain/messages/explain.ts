import { type ErrorDescription, Interface } from 'ethers';
import {
  IDisputeGame__factory,
  IInferenceOracle__factory,
  IModelRegistry__factory,
  IReferee__factory,
} from '#typechain';
import { MOST_SENTENCE, oneLine, plainReason, revertData } from './revert.ts';
import { type ErrorArguments, SENTENCES } from './sentences.ts';

const ALL_ERRORS = new Interface(
  [IInferenceOracle__factory, IDisputeGame__factory, IModelRegistry__factory, IReferee__factory].flatMap(
    ({ abi }) => abi.filter(({ type }) => (type as string) === 'error'),
  ),
);

/** Revert data above this is of none of the errors that these contracts have, bytes. */
const MOST_ERROR_BYTES = 4096;

/** The contracts' error that `failure` carries, if any. */
export function contractError(failure: unknown): ErrorDescription | undefined {
  try {
    const data = revertData(failure);
    if (!data || data.length < 10 || data.length > 2 * MOST_ERROR_BYTES) return undefined;
    return ALL_ERRORS.parseError(data) ?? undefined;
  } catch {
    // A known selector with other data behind it.
    return undefined;
  }
}

/** A value of an error; a text that is not UTF-8 throws at its first use. */
function valueAt({ args }: ErrorDescription, i: number): string {
  try {
    return `${args[i]}`;
  } catch {
    return '?';
  }
}

function sentenceOf(failure: unknown): string {
  const data = revertData(failure);
  if (data === '0x') return 'the contract refused it without a reason, most likely out of gas';
  if (!data) return plainReason(failure);
  const error = contractError(failure);
  if (!error) return `the contract refused it with the unknown error ${data.slice(0, 10)}`;
  const values = error.fragment.inputs.map((_, i) => valueAt(error, i)).join(', ');
  const plain = `the contract refused it with ${error.name}(${values})`;
  try {
    return SENTENCES[error.name]?.(error.args as unknown as ErrorArguments) ?? plain;
  } catch {
    return plain;
  }
}

/**
 * Says in one sentence why a call, an estimate or a transaction failed. Whatever was thrown, and whatever a contract has put
 * into its revert data, this is one line and never throws.
 *
 * @param failure whatever was thrown; an error of the contracts in it becomes a sentence with its values
 */
export function explain(failure: unknown): string {
  try {
    return oneLine(sentenceOf(failure), MOST_SENTENCE) || 'it failed without a reason';
  } catch {
    return 'it failed for a reason that cannot be read';
  }
}
