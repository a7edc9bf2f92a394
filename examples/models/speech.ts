import { existsSync, readFileSync } from 'node:fs';
import { SeededWeights } from './weights.ts';

/** 16-bit samples at 16 kHz of a voice saying "go forward ten meters", from Debian's pocketsphinx-testdata. */
const RECORDING = '/usr/share/pocketsphinx/test/data/goforward.raw';

/** The recording starts in silence; the first word is under way here. */
const SPEAKING = 12_000;

/** Sound between -1 and 1 at 16 kHz: of speech where the recording is installed, seeded noise elsewhere. */
export function speech(samples: number): Float32Array {
  if (!existsSync(RECORDING)) return new SeededWeights(1).around(0.1, [samples]).values;
  const bytes = readFileSync(RECORDING);
  return Float32Array.from({ length: samples }, (_, i) => bytes.readInt16LE(2 * (SPEAKING + i)) / 2 ** 15);
}
