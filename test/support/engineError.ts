import { expect } from 'chai';
import { EngineError } from '../../src/engine/engine.ts';

/** The message of an engine's refusal; fails if it refuses nothing. */
export async function engineErrorOf(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(EngineError);
  return (error as EngineError).message;
}
