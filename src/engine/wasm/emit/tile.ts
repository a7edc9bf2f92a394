import { CANONICAL_NAN_BITS, isNaNWord } from '../../../scalar/float32.ts';
import { type Code, i32Const, set, v128Const } from '../../../wasm/assembler.ts';
import { f32, i32x4 } from '../../../wasm/opcodes.ts';
import { neededResults, type ScalarCode } from '../../kernel/code.ts';
import type { Tile } from '../../kernel/tiling.ts';
import { Addresses } from './addresses.ts';
import { type EmitSurroundings, type Point, TileContext } from './context.ts';
import { Loads } from './loads.ts';
import { writeLoops } from './loopNest.ts';
import { isFloatOperation, operationValue } from './operations.ts';
import { SharedValues } from './sharing.ts';
import { store } from './stores.ts';
import type { WasmValue } from './values.ts';

/** Post code of at least this length is latency-bound: that of ABREAST points is interleaved. */
const LONG_CODE = 8;
const ABREAST = 4;

/**
 * Writes the code that computes one tile of a kernel, as `LoopRunner` in `reference/loop.ts` defines it: loops around the
 * tile, and inside them the sequential folds of all its elements side by side, several steps unrolled. Every element
 * folds in its own order, so the bits are the reference's.
 *
 * @param out receives the code
 */
export function writeTile(around: EmitSurroundings, tile: Tile, out: number[]): void {
  new TileWriter(around, tile).write(out);
}

class TileWriter {
  readonly #context: TileContext;
  readonly #addresses: Addresses;
  readonly #sharing: SharedValues;
  readonly #loads: Loads;
  /** Code that starts the accumulators. */
  readonly #start: number[] = [];

  constructor(around: EmitSurroundings, tile: Tile) {
    this.#context = new TileContext(around, tile);
    this.#addresses = new Addresses(this.#context);
    this.#sharing = new SharedValues(this.#context);
    this.#loads = new Loads(this.#context, this.#addresses, this.#sharing);
  }

  write(out: number[]): void {
    const { tile, kernel, values, slots: layout, hasFold, postLevel } = this.#context;
    const { post } = kernel;
    const vectors = Math.max(1, tile.vectors);
    const points = Array.from({ length: tile.rows * vectors }, (_, i): Point => {
      const row = Math.floor(i / vectors);
      return { row, vector: i - row * vectors, lane: -1, step: 0 };
    });
    const accumulators = this.#fold(points);
    if (hasFold) values.floor = postLevel;
    const together = post.instructions.length > LONG_CODE ? ABREAST : 1;
    for (let first = 0; first < points.length; first += together) {
      const group = points.slice(first, first + together);
      const slots = group.map((point, i) => this.#slots('post', post, point, accumulators[first + i]!));
      for (const slot of neededResults(post, layout.results))
        for (const valueAt of slots) values.use(valueAt(slot));
      for (const [i, point] of group.entries())
        store(this.#context, this.#addresses, slots[i]!(post.result), point);
    }
    values.floor = 0;
    writeLoops(this.#context, this.#addresses, this.#start, out);
  }

  /** The accumulators after the fold. */
  #fold(points: readonly Point[]): WasmValue[] {
    const { kernel, values, tile, slots, hasFold, depth, postLevel } = this.#context;
    const { init, step, isFoldEmpty } = kernel;
    if (isFoldEmpty) return points.map(() => values.constant(init));
    if (!hasFold)
      return points.map((point) => this.#slots('step', step, point, values.constant(init))(step.result));
    const last = step.instructions[step.result - slots.results];
    const isFloat = last !== undefined && isFloatOperation(last.operation);
    const exact = !isFloat || isNoncanonicalNaN(init);
    const type = tile.vectors > 0 ? 'v128' : isFloat ? 'f32' : 'i32';
    const locals = points.map(() => {
      const local = values.newLocal(type);
      this.#start.push(...set(local, constantOf(type, init)));
      return local;
    });
    let accumulators = locals.map((local) => values.held(depth, type, local, exact));
    const sums = this.#accumulated(step);
    tile.steps.forEach((_, at) => {
      const computed = points.map((point, i) =>
        this.#slots('step', step, { ...point, step: at }, accumulators[i]!),
      );
      // Computed at once, not where they are needed, and next to each other: fewer products wait for their sums.
      for (const slot of sums) for (const valueAt of computed) values.use(valueAt(slot));
      accumulators = computed.map((valueAt) => valueAt(step.result));
    });
    return accumulators.map((value, i) => {
      values.emit(depth, set(locals[i]!, this.#wordOf(value, type, exact)));
      return values.held(postLevel, type, locals[i]!, exact);
    });
  }

  /** The results that depend on the accumulator, in order, the step's own last. */
  #accumulated(step: ScalarCode): number[] {
    const { results } = this.#context.slots;
    const needed = neededResults(step, results).filter((slot) => this.#sharing.isAccumulated(step, slot));
    return needed.at(-1) === step.result ? needed : [...needed, step.result];
  }

  /** A value as a local of that type holds it. */
  #wordOf(value: WasmValue, type: WasmValue['type'], exact: boolean): Code {
    const { values } = this.#context;
    if (type === 'v128') return exact ? values.vectorBits(value) : values.vectorFloat(value);
    if (type === 'i32') return values.bits(value);
    return values.float(exact ? values.exact(value) : value);
  }

  /** The values of a code's slots at one point. */
  #slots(
    phase: 'step' | 'post',
    code: ScalarCode,
    point: Point,
    accumulator: WasmValue,
  ): (slot: number) => WasmValue {
    const { constants, accesses, indices, results } = this.#context.slots;
    const { values, kernel } = this.#context;
    const known = new Map<number, WasmValue>();
    const valueAt = (slot: number): WasmValue => {
      let value = known.get(slot);
      if (!value) {
        value = compute(slot);
        known.set(slot, value);
      }
      return value;
    };
    const compute = (slot: number): WasmValue => {
      if (slot < constants) return accumulator;
      if (slot < accesses) return values.constant(kernel.constants[slot - constants]!);
      if (slot < indices) return this.#loads.load(slot - accesses, point);
      if (slot < results) return this.#index(slot - indices, point);
      const bits = this.#sharing.slotBits(code, slot);
      const key = this.#sharing.key(point, bits, accumulator.word === undefined);
      return this.#sharing.once(`${phase} ${slot} ${key}`, () => {
        const { operation, args } = code.instructions[slot - results]!;
        return operationValue(values, operation, args.map(valueAt));
      });
    };
    return valueAt;
  }

  /** A loop index as a value. */
  #index(position: number, point: Point): WasmValue {
    const { kernel, values, tile } = this.#context;
    const form = kernel.indices[position]!;
    const key = this.#sharing.key(point, this.#sharing.indexBits(position));
    return this.#sharing.once(`index ${position} ${key}`, () => {
      const { code, level } = this.#addresses.at(form, point);
      const first = values.define(level, 'i32', code);
      const along = form.laneStride ?? form.coefficients[tile.laneLoop] ?? 0;
      if (tile.vectors === 0 || along === 0) return first;
      const steps = v128Const(0, along, 2 * along, 3 * along);
      return values.define(level, 'v128', [...values.vectorBits(first), ...steps, ...i32x4.add]);
    });
  }
}

const isNoncanonicalNaN = (word: number): boolean => isNaNWord(word) && word >>> 0 !== CANONICAL_NAN_BITS;

function constantOf(type: WasmValue['type'], word: number): Code {
  if (type === 'v128') return v128Const(word, word, word, word);
  return type === 'f32' ? [...i32Const(word), ...f32.reinterpret_i32] : i32Const(word);
}
