import type { Hex } from '../contracts/types.ts';
import type { RequestRecord } from '../contracts/world.ts';

/**
 * Gets the input of a request that gives only its roots: all input tensors, one after the other; undefined if it cannot be
 * had. Whatever it returns is checked against the roots before it is used.
 */
export type ReadInput = (request: RequestRecord) => Promise<Hex | undefined>;

/** The input of a request, from the chain or from wherever else it can be had. */
export async function inputOf(request: RequestRecord, read: ReadInput | undefined): Promise<Hex | undefined> {
  return request.input.kind === 'bytes' ? request.input.bytes : read?.(request);
}

/** @throws Error if it cannot be had, which ends the move that needs it and nothing else */
export async function needInput(request: RequestRecord, read: ReadInput | undefined): Promise<Hex> {
  const input = await inputOf(request, read);
  if (input === undefined) {
    throw new Error(`the input of request ${request.requestId} is given by root and cannot be had`);
  }
  return input;
}
