import { hexOf } from '../../../merkle/keccak.ts';
import { claimedRefs, commitInput, commitOutput, type Model, totalBytes } from '../../../merkle/model.ts';
import type { ClaimJson, RequestJson } from '../../api.ts';

/** Compares bytes from anywhere with what requests and claims commit to. */

/** Tells whether bytes are the input of a request. */
export const isInput = (model: Model, bytes: Uint8Array, { inputs }: Pick<RequestJson, 'inputs'>): boolean =>
  bytes.length === totalBytes(model.inputs) && hexOf(commitInput(model, bytes)) === inputs;

/** Tells whether bytes are the answer of a claim. */
export const isAnswer = (model: Model, bytes: Uint8Array, { outputs }: Pick<ClaimJson, 'outputs'>): boolean =>
  bytes.length === totalBytes(claimedRefs(model)) && hexOf(commitOutput(model, bytes)) === outputs;
