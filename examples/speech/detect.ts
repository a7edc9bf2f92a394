import { CONTEXT, STATE, WINDOW } from './model.ts';

/** Inputs and outputs of a run of the model. */
export interface Step {
  readonly probability: number;
  readonly state: Float32Array;
}

export type Run = (window: Float32Array, state: Float32Array) => Promise<Step>;

/** The probability of speech in each whole window of the sound, samples from -1 to 1. */
export async function speechIn(samples: Float32Array, run: Run): Promise<number[]> {
  const probabilities: number[] = [];
  let state = new Float32Array(STATE);
  for (let from = 0; from + WINDOW <= samples.length; from += WINDOW) {
    // Before the first window there is silence.
    const window = new Float32Array(CONTEXT + WINDOW);
    window.set(samples.subarray(Math.max(0, from - CONTEXT), from + WINDOW), from === 0 ? CONTEXT : 0);
    const step = await run(window, state);
    probabilities.push(step.probability);
    state = new Float32Array(step.state);
  }
  return probabilities;
}

/** 16-bit samples, little-endian, as numbers from -1 to 1. */
export function samplesOf(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from(
    { length: Math.floor(bytes.length / 2) },
    (_, i) => view.getInt16(2 * i, true) / 2 ** 15,
  );
}
