import { createRequire } from 'node:module';

/** One handwritten digit: 28 rows of 28 bytes, 0 is paper and 255 is ink. */
export interface Digit {
  readonly pixels: Uint8Array;
  readonly label: number;
}

export const SIDE = 28;
export const CLASSES = 10;
export const HELD_OUT_PER_CLASS = 100;

const PIXELS = SIDE * SIDE;

// The package's own API draws at random, so its files are read instead.
const load = createRequire(import.meta.url);

/** All digits of one class, in the order of the file. */
function digitsOf(label: number): Digit[] {
  const { data } = load(`mnist/src/digits/${label}.json`) as { data: number[] };
  // The file holds byte / 255 cut to three decimals; bytes are 1 / 255 apart, so rounding restores them.
  const bytes = Uint8Array.from(data, (ink) => Math.round(ink * 255));
  return Array.from({ length: bytes.length / PIXELS }, (_, i) => ({
    pixels: bytes.subarray(i * PIXELS, (i + 1) * PIXELS),
    label,
  }));
}

const everyClass = (pick: (digits: Digit[]) => Digit[]): Digit[] =>
  Array.from({ length: CLASSES }, (_, label) => pick(digitsOf(label))).flat();

/** The last 100 digits of every class, 1,000 in all. Training never sees them. */
export const heldOut = (): Digit[] => everyClass((digits) => digits.slice(-HELD_OUT_PER_CLASS));

/** Every other digit: 9,000, sorted by class. */
export const training = (): Digit[] => everyClass((digits) => digits.slice(0, -HELD_OUT_PER_CLASS));
