import type { ScalarCode } from '../../kernel/code.ts';
import { dependsOn } from '../../kernel/kernel.ts';
import type { Point, TileContext } from './context.ts';
import type { WasmValue } from './values.ts';

/** The bit of a value that depends on the accumulator; the bits below it stand for loops. */
const ACCUMULATED = 1 << 30;

/**
 * Common subexpressions: points of a tile share a value unless it depends on something in which they differ. Dependences
 * are sets of loops, as bits.
 */
export class SharedValues {
  readonly #context: TileContext;
  readonly #values = new Map<string, WasmValue>();
  readonly #codeBits = new Map<ScalarCode, Map<number, number>>();
  readonly #accessBits: number[] = [];

  constructor(context: TileContext) {
    this.#context = context;
  }

  /** The value of a key, made when the key is first used. After the fold keys are new, as values are made there again. */
  once(key: string, make: () => WasmValue): WasmValue {
    const whole = `${this.#context.values.floor} ${key}`;
    let value = this.#values.get(whole);
    if (!value) {
      value = make();
      this.#values.set(whole, value);
    }
    return value;
  }

  /** A key that two points have in common if a value with these dependences is the same for both. */
  key({ row, vector, lane, step }: Point, bits: number, hasAccumulator = false): string {
    if (hasAccumulator && (bits & ACCUMULATED) !== 0) return `a${row},${vector},${step}`;
    const { tile, kernel } = this.#context;
    const { rowLoop, laneLoop, steps } = tile;
    let key = '';
    if (rowLoop >= 0 && (bits >>> rowLoop) & 1) key += `r${row}`;
    if (laneLoop >= 0 && (bits >>> laneLoop) & 1) key += `l${vector}.${lane}`;
    if (bits >>> kernel.outputs === 0) return key;
    steps[step]!.forEach((index, i) => {
      if (index > 0 && (bits >>> (kernel.outputs + i)) & 1) key += `s${i}.${index}`;
    });
    return key;
  }

  /** The dependences of a slot of some code. */
  slotBits(code: ScalarCode, slot: number): number {
    const known = this.#codeBits.get(code) ?? new Map<number, number>();
    this.#codeBits.set(code, known);
    let bits = known.get(slot);
    if (bits === undefined) {
      bits = this.#findBits(code, slot);
      known.set(slot, bits);
    }
    return bits;
  }

  #findBits(code: ScalarCode, slot: number): number {
    const { constants, accesses, indices, results } = this.#context.slots;
    if (slot < constants) return ACCUMULATED;
    if (slot < accesses) return 0;
    if (slot < indices) return this.accessBits(slot - accesses);
    if (slot < results) return this.indexBits(slot - indices);
    const { args } = code.instructions[slot - results]!;
    return args.reduce((all, arg) => all | this.slotBits(code, arg), 0);
  }

  /** Whether a slot of some code depends on the accumulator. */
  isAccumulated(code: ScalarCode, slot: number): boolean {
    return (this.slotBits(code, slot) & ACCUMULATED) !== 0;
  }

  accessBits(access: number): number {
    this.#accessBits[access] ??= this.#loopBits((loop) => dependsOn(this.#context.kernel, access, loop));
    return this.#accessBits[access]!;
  }

  indexBits(index: number): number {
    const { coefficients } = this.#context.kernel.indices[index]!;
    return this.#loopBits((loop) => coefficients[loop] !== 0);
  }

  #loopBits(isSet: (loop: number) => boolean): number {
    return this.#context.kernel.extents.reduce<number>(
      (bits, _, loop) => bits | (isSet(loop) ? 1 << loop : 0),
      0,
    );
  }
}
