import { type Code, get, i32Const, set, v128Const } from '../wasm/assembler.ts';
import { i8x16, i64x2, v128 } from '../wasm/opcodes.ts';

/**
 * Keccak-f[1600] (FIPS 202, §3) as WebAssembly code, on two states side by side: each local holds the same lane of
 * both. The 24 rounds are written out, so that no round constant is read from memory.
 */

/** Lanes of a state: lane x + 5y is at (x, y). */
export const STATE_LANES = 25;

const ROUNDS = 24;

const XOR = v128.xor;
const shuffle = (lanes: readonly number[]): Code => [...i8x16.shuffle, ...lanes];

/** A step of the generator of round constants: x⁸ + x⁶ + x⁵ + x⁴ + 1 (FIPS 202, algorithm 5). */
const nextBit = (state: number): number => ((state << 1) ^ (state & 0x80 ? 0x171 : 0)) & 0xff;

/** The round constants ι, each as [low word, high word]. */
export function roundConstants(): [number, number][] {
  let state = 1;
  return Array.from({ length: ROUNDS }, () => {
    const words: [number, number] = [0, 0];
    for (let j = 0; j <= 6; j++) {
      const bit = 2 ** j - 1;
      if (state & 1) words[bit >> 5]! |= 1 << (bit & 31);
      state = nextBit(state);
    }
    return words;
  });
}

/** The rotation ρ of each lane. */
export function rotations(): number[] {
  const offsets: number[] = Array(STATE_LANES).fill(0);
  let [x, y] = [1, 0];
  for (let t = 0; t < 24; t++) {
    offsets[x + 5 * y] = (((t + 1) * (t + 2)) / 2) % 64;
    [x, y] = [y, (2 * x + 3 * y) % 5];
  }
  return offsets;
}

/** Both lanes of a local, rotated left. Whole bytes are one shuffle, other rotations two shifts. */
function rotated(local: number, by: number): Code {
  if (by === 0) return get(local);
  if (by % 8 === 0) {
    const lane = Array.from({ length: 8 }, (_, byte) => (byte - by / 8 + 8) % 8);
    return [...get(local), ...get(local), ...shuffle([...lane, ...lane.map((byte) => byte + 8)])];
  }
  const left = [...get(local), ...i32Const(by), ...i64x2.shl];
  const right = [...get(local), ...i32Const(64 - by), ...i64x2.shr_u];
  return [...left, ...right, ...v128.or];
}

/**
 * @param state locals that hold the lanes before and after
 * @param next as many other locals
 * @param spare fifteen more
 */
export function permutation(
  state: readonly number[],
  next: readonly number[],
  spare: readonly number[],
): number[] {
  const code: number[] = [];
  const emit = (part: Code): void => {
    for (const byte of part) code.push(byte);
  };
  const offsets = rotations();
  const [parity, change, row] = [spare.slice(0, 5), spare.slice(5, 10), spare.slice(10, 15)];
  let [from, to] = [state, next];
  for (const [low, high] of roundConstants()) {
    const lane = (x: number, y: number): number => from[(x % 5) + 5 * y]!;
    for (let x = 0; x < 5; x++) {
      const rest = [1, 2, 3, 4].flatMap((y) => [...get(lane(x, y)), ...XOR]);
      emit(set(parity[x]!, [...get(lane(x, 0)), ...rest]));
    }
    for (let x = 0; x < 5; x++) {
      const effect = rotated(parity[(x + 1) % 5]!, 1);
      emit(set(change[x]!, [...get(parity[(x + 4) % 5]!), ...effect, ...XOR]));
    }
    // ρ and π bring lane (x, y) to (y, 2x + 3y); χ mixes each row of what results.
    for (let y = 0; y < 5; y++) {
      for (let x = 0; x < 5; x++) {
        const column = (x + 3 * y) % 5;
        const source = column + 5 * x;
        emit(set(row[x]!, [...get(from[source]!), ...get(change[column]!), ...XOR]));
        emit(set(row[x]!, rotated(row[x]!, offsets[source]!)));
      }
      for (let x = 0; x < 5; x++) {
        const mixed = [...get(row[(x + 2) % 5]!), ...get(row[(x + 1) % 5]!), ...v128.andnot, ...XOR];
        emit(set(to[x + 5 * y]!, [...get(row[x]!), ...mixed]));
      }
    }
    emit(set(to[0]!, [...get(to[0]!), ...v128Const(low, high, low, high), ...XOR]));
    [from, to] = [to, from];
  }
  return code;
}
