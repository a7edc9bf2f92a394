import {
  type DType,
  ELEMENT_BYTES,
  type LoopNode,
  type ScalarProgram,
  sizeOf,
  slotsOf,
} from '../../program/node.ts';
import { CANONICAL_NAN } from '../../scalar/instructions.ts';
import {
  append,
  appendRepeat,
  appendWhen,
  branch,
  type Code,
  get,
  i32Const,
  i64Const,
  memory,
  set,
  type ValueType,
  v128Const,
} from '../../wasm/assembler.ts';
import { control, f32, i16x8, i32, i32x4, i64, i8x16, v128 } from '../../wasm/opcodes.ts';
import { arityOf, fromLanes, instructionValue, isFloatResult } from './instruction.ts';
import type { Access, Check, Form, Nest } from './nest.ts';
import { dependsOn, LANES, type Tile, type Tiling } from './tile.ts';
import { type Value, Values } from './value.ts';

/**
 * Writes the code that computes one tile of a nest, as `LoopRunner` in `../reference/loop.ts` defines it: loops over
 * the tile's turns, and in each the sequential folds of all its elements side by side, several steps written out.
 * Every element still folds in its own order, so the bits are the reference's.
 *
 * Addresses are induction variables: each loop adds its coefficient at the end of a turn. What depends on outer
 * indices only is computed in the outer loops. A read that may be outside is a branch, for speculation on an address
 * could trap.
 *
 * One file above 400 lines, because one class writes the whole tile and its parts share the state of the walk.
 */

/** One element (or vector of elements) of a tile at one step: `lane` is -1 for a whole vector. */
interface Copy {
  readonly row: number;
  readonly vector: number;
  readonly lane: number;
  /** Its place among the steps of a turn. */
  readonly step: number;
}

/** Bytes from the start of memory, those in a local added. */
export interface Origin {
  readonly offset: number;
  readonly base?: number | undefined;
}

/** What the code of a tile is written for. */
export interface Writing {
  readonly loop: LoopNode;
  readonly nest: Nest;
  readonly tiling: Tiling;
  /** What an operand's addresses start from, and what is computed. */
  readonly source: (access: Access, node: number) => Origin;
  readonly target: Origin;
  readonly locals: ValueType[];
  /** Locals that hold the turns to be done: the first, and the one after the last. */
  readonly from: number;
  readonly to: number;
}

/** An expression, and how many loops must be around it. */
interface Placed {
  readonly code: Code;
  readonly level: number;
}

const isNoncanonicalNaN = (word: number): boolean =>
  (word & 0x7fffffff) > 0x7f800000 && word >>> 0 !== CANONICAL_NAN;

/** Instructions from which on a program is a chain that the processor waits for: copies are computed abreast. */
const LONG_CODE = 8;
const ABREAST = 4;

/** The bit of what depends on the accumulator; loops have those below it. */
const ACCUMULATED = 1 << 30;

const bitsOf = (loops: readonly unknown[], isSet: (loop: number) => boolean): number =>
  loops.reduce<number>((bits, _, loop) => bits | (isSet(loop) ? 1 << loop : 0), 0);

export class TileWriter {
  readonly #writing: Writing;
  readonly #loop: LoopNode;
  readonly #nest: Nest;
  readonly #tile: Tile;
  readonly #layout: ReturnType<typeof slotsOf>;
  readonly #values: Values;
  /** Number of loops; the level above it is the code that follows the fold. */
  readonly #depth: number;
  readonly #postLevel: number;
  readonly #before: number[][];
  readonly #turnEnds: number[][];
  readonly #accumulatorInit: number[] = [];
  readonly #lastTurn: number;
  readonly #inductions = new Map<string, number>();
  readonly #memo = new Map<string, Value>();
  readonly #dependences = new Map<ScalarProgram, Map<number, number>>();
  readonly #operandBits: number[] = [];

  constructor(writing: Writing, tile: Tile) {
    const { loop, nest, locals } = writing;
    this.#writing = writing;
    this.#loop = loop;
    this.#nest = nest;
    this.#tile = tile;
    this.#layout = slotsOf(loop);
    this.#depth = nest.extents.length;
    this.#postLevel = this.#depth + 1;
    this.#values = new Values(locals, this.#depth + 2);
    this.#lastTurn = this.#values.newLocal('i32');
    this.#before = nest.extents.map(() => []);
    this.#turnEnds = nest.extents.map(() => []);
  }

  /** Appends the tile's code. */
  write(out: number[]): void {
    const { rows, vectors } = this.#tile;
    const { post, dtype } = this.#loop;
    const values = this.#values;
    const copies = Array.from({ length: rows * Math.max(1, vectors) }, (_, i): Copy => {
      const row = Math.floor(i / Math.max(1, vectors));
      return { row, vector: i - row * Math.max(1, vectors), lane: -1, step: 0 };
    });
    const accumulators = this.#fold(copies);
    if (this.#hasFold) values.floor = this.#postLevel;
    const together = post.code.length > LONG_CODE ? ABREAST : 1;
    for (let first = 0; first < copies.length; first += together) {
      const group = copies.slice(first, first + together);
      const slots = group.map((copy, i) => this.#slots('post', post, copy, accumulators[first + i]!));
      for (const slot of this.#needed(post)) for (const valueAt of slots) values.use(valueAt(slot));
      for (const [i, copy] of group.entries()) this.#store(slots[i]!(post.result), dtype, copy);
    }
    values.floor = 0;
    this.#guarded(out);
  }

  get #hasFold(): boolean {
    return this.#depth > this.#nest.outputs;
  }

  /** The accumulators after the fold. */
  #fold(copies: readonly Copy[]): Value[] {
    const { init, step, fold } = this.#loop;
    const values = this.#values;
    if (sizeOf(fold) === 0) return copies.map(() => values.constant(init));
    if (!this.#hasFold)
      return copies.map((copy) => this.#evaluate('step', step, copy, values.constant(init)));
    const last = step.code[step.result - this.#layout.results];
    const isFloat = last !== undefined && isFloatResult(last.opcode);
    const exact = !isFloat || isNoncanonicalNaN(init);
    const type = this.#tile.vectors > 0 ? 'v128' : isFloat ? 'f32' : 'i32';
    const start =
      type === 'v128'
        ? v128Const(init, init, init, init)
        : type === 'f32'
          ? [...i32Const(init), ...f32.reinterpret_i32]
          : i32Const(init);
    const locals = copies.map(() => {
      const local = values.newLocal(type);
      this.#accumulatorInit.push(...set(local, start));
      return local;
    });
    let accumulators = locals.map((local) => values.held(this.#depth, type, local, exact));
    this.#tile.steps.forEach((_, at) => {
      accumulators = copies.map((copy, i) => {
        const next = this.#evaluate('step', step, { ...copy, step: at }, accumulators[i]!);
        // Computed now, not where it is needed: fewer products wait for their sums.
        values.use(next);
        return next;
      });
    });
    return accumulators.map((value, i) => {
      values.emit(this.#depth, set(locals[i]!, this.#wordOf(value, type, exact)));
      return values.held(this.#postLevel, type, locals[i]!, exact);
    });
  }

  /** The value as a local of that type holds it. */
  #wordOf(value: Value, type: Value['type'], exact: boolean): Code {
    const values = this.#values;
    if (type === 'v128') return exact ? values.vectorBits(value) : values.vectorFloat(value);
    if (type === 'i32') return values.bits(value);
    return values.float(exact ? values.exact(value) : value);
  }

  #store(value: Value, dtype: DType, copy: Copy): void {
    const values = this.#values;
    const bytes = this.#nest.halves ? 2 : ELEMENT_BYTES[dtype];
    const form = this.#nest.store;
    const { target } = this.#writing;
    const offset = target.offset + this.#delta(form, copy);
    const address = this.#induction(form, target.base).code;
    if (this.#tile.vectors === 0) {
      const exact = values.exact(value);
      const [word, opcode] =
        bytes < 4
          ? [values.bits(value), bytes === 1 ? i32.store8 : i32.store16]
          : exact.type === 'f32'
            ? [values.use(exact), f32.store]
            : [values.bits(exact), i32.store];
      values.emit(this.#postLevel, [...address, ...word, ...memory(opcode, offset)]);
      return;
    }
    let words = values.vectorBits(value);
    if (bytes < 4) {
      // The low bytes narrowed to 16 and to 8 bits; 16-bit integers only once, and none is larger.
      const zeros = v128Const(0, 0, 0, 0);
      const low = [...words, ...v128Const(255, 255, 255, 255), ...v128.and];
      const narrow =
        bytes === 1
          ? [...low, ...zeros, ...i16x8.narrow_i32x4_u, ...zeros, ...i8x16.narrow_i16x8_u]
          : [...words, ...zeros, ...i16x8.narrow_i32x4_s];
      words = values.use(values.define(this.#postLevel, 'v128', narrow));
    }
    for (const { at, opcode, lane } of storesOf(this.#lanesOf(copy), bytes)) {
      const suffix = lane === undefined ? [] : [lane];
      values.emit(this.#postLevel, [...address, ...words, ...memory(opcode, offset + at * bytes), ...suffix]);
    }
  }

  /** How many of a vector's lanes there are. */
  #lanesOf = ({ vector }: Copy): number => Math.min(LANES, this.#tile.lanes - LANES * vector);

  /** The results that a program's result is made of, in the order of its code. */
  #needed({ code, result }: ScalarProgram): number[] {
    const { results } = this.#layout;
    const needed = new Set([result]);
    for (let slot = result; slot >= results; slot--) {
      const { opcode, a, b, c } = code[slot - results]!;
      if (needed.has(slot)) for (const arg of [a, b, c].slice(0, arityOf(opcode))) needed.add(arg);
    }
    return [...needed].filter((slot) => slot >= results).sort((a, b) => a - b);
  }

  #evaluate(phase: 'step' | 'post', program: ScalarProgram, copy: Copy, accumulator: Value): Value {
    return this.#slots(phase, program, copy, accumulator)(program.result);
  }

  /** The values of a program's slots for one copy. */
  #slots(
    phase: 'step' | 'post',
    program: ScalarProgram,
    copy: Copy,
    accumulator: Value,
  ): (slot: number) => Value {
    const { constants, operands, outputIndices, results } = this.#layout;
    const known = new Map<number, Value>();
    const valueAt = (slot: number): Value => {
      let value = known.get(slot);
      if (!value) {
        value = compute(slot);
        known.set(slot, value);
      }
      return value;
    };
    const compute = (slot: number): Value => {
      if (slot < constants) return accumulator;
      if (slot < operands) return this.#values.constant(this.#loop.constants[slot - constants]!);
      if (slot < outputIndices) return this.#operand(slot - operands, copy);
      if (slot < results) return this.#index(slot, copy);
      const key = this.#keyOf(copy, this.#dependence(program, slot), accumulator.word === undefined);
      return this.#once(`${phase} ${slot} ${key}`, () => {
        const { opcode, a, b, c } = program.code[slot - results]!;
        const args = [a, b, c].slice(0, arityOf(opcode)).map(valueAt);
        return instructionValue(this.#values, opcode, args);
      });
    };
    return valueAt;
  }

  #once(key: string, make: () => Value): Value {
    const place = `${this.#values.floor} ${key}`;
    let value = this.#memo.get(place);
    if (!value) {
      value = make();
      this.#memo.set(place, value);
    }
    return value;
  }

  /**
   * What a slot depends on, as bits: one for each loop, and {@link ACCUMULATED}. Copies share a value if nothing that
   * they differ in matters to it.
   */
  #dependence(program: ScalarProgram, slot: number): number {
    const known = this.#dependences.get(program) ?? new Map<number, number>();
    this.#dependences.set(program, known);
    let bits = known.get(slot);
    if (bits === undefined) {
      const { constants, operands, outputIndices, results } = this.#layout;
      if (slot < constants) bits = ACCUMULATED;
      else if (slot < operands) bits = 0;
      else if (slot < outputIndices) bits = this.#operandDependence(slot - operands);
      else if (slot < results)
        bits = bitsOf(this.#nest.extents, (loop) => this.#indexForm(slot).coefficients[loop] !== 0);
      else {
        const { opcode, a, b, c } = program.code[slot - results]!;
        const args = [a, b, c].slice(0, arityOf(opcode));
        bits = args.reduce((all, arg) => all | this.#dependence(program, arg), 0);
      }
      known.set(slot, bits);
    }
    return bits;
  }

  #operandDependence(operand: number): number {
    this.#operandBits[operand] ??= bitsOf(this.#nest.extents, (loop) => dependsOn(this.#nest, operand, loop));
    return this.#operandBits[operand]!;
  }

  #keyOf({ row, vector, lane, step }: Copy, bits: number, hasAccumulator = false): string {
    if (hasAccumulator && (bits & ACCUMULATED) !== 0) return `a${row},${vector},${step}`;
    const { rowLoop, laneLoop, steps } = this.#tile;
    let key = '';
    if (rowLoop >= 0 && (bits >>> rowLoop) & 1) key += `r${row}`;
    if (laneLoop >= 0 && (bits >>> laneLoop) & 1) key += `l${vector}.${lane}`;
    if (bits >>> this.#nest.outputs === 0) return key;
    steps[step]!.forEach((index, i) => {
      if (index > 0 && (bits >>> (this.#nest.outputs + i)) & 1) key += `s${i}.${index}`;
    });
    return key;
  }

  #indexForm = (slot: number): Form => this.#nest.indexSlots.get(slot)!;

  /** How much a form is more for this copy than for the tile's first element. */
  #delta({ coefficients, wide, lane: laneStep }: Form, { row, vector, lane, step }: Copy): number {
    const { rowLoop, laneLoop, vectors, steps } = this.#tile;
    const along = vectors > 0 ? LANES * vector + Math.max(0, lane) : 0;
    const multiply = wide ? (a: number, b: number) => a * b : Math.imul;
    const parts = [
      rowLoop >= 0 ? multiply(coefficients[rowLoop]!, row) : 0,
      laneLoop >= 0 ? multiply(laneStep ?? coefficients[laneLoop]!, along) : 0,
      ...steps[step]!.map((index, i) => multiply(coefficients[this.#nest.outputs + i]!, index)),
    ];
    return parts.reduce((sum, part) => sum + part, 0);
  }

  /** A form's value for the tile's first element, and what is in a local added, of one that is not wide. */
  #induction({ constant, coefficients, wide }: Form, base?: number): Placed {
    const constantOf = wide ? i64Const : i32Const;
    const multiply = wide ? (a: number, b: number) => a * b : Math.imul;
    const add = wide ? i64.add : i32.add;
    let key = `${wide} ${constant} ${base}`;
    let code = base === undefined ? constantOf(constant) : [...get(base), ...constantOf(constant), ...add];
    let level = 0;
    coefficients.forEach((coefficient, i) => {
      if (coefficient === 0) return;
      key += ` ${i}*${coefficient}`;
      const { start, end, step } = this.#tile.ranges[i]!;
      level = i + 1;
      // A loop of one turn has no index.
      if (start === 0 && end === step) return;
      let local = this.#inductions.get(key);
      if (local === undefined) {
        local = this.#values.newLocal(wide ? 'i64' : 'i32');
        this.#inductions.set(key, local);
        this.#before[i]!.push(...set(local, code), ...this.#skip(i, local, coefficient, start, wide));
        this.#turnEnds[i]!.push(
          ...set(local, [...get(local), ...constantOf(multiply(coefficient, step)), ...add]),
        );
      }
      code = get(local);
    });
    return { code, level };
  }

  /** Adds to an induction variable what the indices before the first one are worth. */
  #skip(loop: number, local: number, coefficient: number, start: number, wide: boolean): Code {
    const constantOf = wide ? i64Const : i32Const;
    const [multiply, add] = wide ? [i64.mul, i64.add] : [i32.mul, i32.add];
    if (!this.#isTurned(loop)) {
      const skipped = wide ? coefficient * start : Math.imul(coefficient, start);
      return skipped === 0 ? [] : set(local, [...get(local), ...constantOf(skipped), ...add]);
    }
    const { from, tiling } = this.#writing;
    const first = [...get(from), ...i32Const(tiling.unit), ...i32.mul, ...(wide ? i64.extend_i32_u : [])];
    return set(local, [...get(local), ...first, ...constantOf(coefficient), ...multiply, ...add]);
  }

  /** Whether a call is for some of this loop's turns. Tiles of what the whole turns leave start further on. */
  #isTurned(loop: number): boolean {
    return loop === this.#writing.tiling.turnLoop && !this.#isRest(loop);
  }

  #isRest(loop: number): boolean {
    const { start, step } = this.#tile.ranges[loop]!;
    return start > 0 || step < this.#writing.tiling.unit;
  }

  /** The tile's code, run if any of its turns are asked for. */
  #guarded(out: number[]): void {
    const { tiling, from, to } = this.#writing;
    const { turnLoop, unit } = tiling;
    if (turnLoop < 0) {
      this.#assemble(0, out);
      return;
    }
    const { start, end } = this.#tile.ranges[turnLoop]!;
    const turns = (index: number) => i32Const(index / unit);
    let condition: Code;
    if (this.#isRest(turnLoop)) {
      condition = [
        ...get(from),
        ...turns(start),
        ...i32.le_u,
        ...get(to),
        ...turns(start),
        ...i32.gt_u,
        ...i32.and,
      ];
    } else {
      const least = [...get(to), ...turns(end), ...get(to), ...turns(end), ...i32.lt_u, ...control.select];
      append(out, set(this.#lastTurn, least));
      condition = [...get(from), ...get(this.#lastTurn), ...i32.lt_u];
    }
    appendWhen(out, condition, () => this.#assemble(0, out));
  }

  #form(form: Form, copy: Copy): Placed {
    const { code, level } = this.#induction(form);
    const delta = this.#delta(form, copy);
    if (delta === 0) return { code, level };
    return {
      code: [...code, ...(form.wide ? [...i64Const(delta), ...i64.add] : [...i32Const(delta), ...i32.add])],
      level,
    };
  }

  #index(slot: number, copy: Copy): Value {
    const form = this.#indexForm(slot);
    const bits = bitsOf(this.#nest.extents, (loop) => form.coefficients[loop] !== 0);
    return this.#once(`index ${slot} ${this.#keyOf(copy, bits)}`, () => {
      const values = this.#values;
      const { code, level } = this.#form(form, copy);
      const first = values.define(level, 'i32', code);
      const along = this.#alongLanes(form);
      if (this.#tile.vectors === 0 || along === 0) return first;
      const steps = v128Const(0, along, 2 * along, 3 * along);
      return values.define(level, 'v128', [...values.vectorBits(first), ...steps, ...i32x4.add]);
    });
  }

  #alongLanes = ({ lane, coefficients }: Form): number => lane ?? coefficients[this.#tile.laneLoop] ?? 0;

  #operand(operand: number, copy: Copy): Value {
    return this.#once(`operand ${operand} ${this.#keyOf(copy, this.#operandDependence(operand))}`, () => {
      const { vectors, laneLoop } = this.#tile;
      if (this.#nest.accesses[operand]!.outside)
        return this.#values.constant(this.#loop.operands[operand]!.fill);
      const varies = vectors > 0 && copy.lane < 0 && dependsOn(this.#nest, operand, laneLoop);
      return varies ? this.#readVector(operand, copy) : this.#readWord(operand, copy);
    });
  }

  #readWord(operand: number, copy: Copy): Value {
    const { dtype, fill } = this.#loop.operands[operand]!;
    const { address, offset, condition, level } = this.#place(operand, copy);
    const type = dtype === 'f32' ? 'f32' : 'i32';
    const load = [
      ...address,
      ...memory({ f32: f32.load, i32: i32.load, i8: i32.load8_s, u8: i32.load8_u }[dtype], offset),
    ];
    const splat = ELEMENT_BYTES[dtype] === 4 ? [...address, ...memory(v128.load32_splat, offset)] : undefined;
    if (!condition) return this.#values.define(level, type, load, true, splat);
    const word: Code = type === 'f32' ? [...i32Const(fill), ...f32.reinterpret_i32] : i32Const(fill);
    const fills = v128Const(fill, fill, fill, fill);
    return this.#values.define(
      level,
      type,
      branch(type, condition, load, word),
      true,
      splat && branch('v128', condition, splat, fills),
    );
  }

  #readVector(operand: number, copy: Copy): Value {
    const { dtype, fill } = this.#loop.operands[operand]!;
    const access = this.#nest.accesses[operand]!;
    const { laneLoop } = this.#tile;
    const { halves } = access;
    const bytes = halves ? 2 : ELEMENT_BYTES[dtype];
    const lanes = this.#lanesOf(copy);
    const isLinear = this.#isUniform(operand, laneLoop);
    if (!isLinear || this.#alongLanes(access.address) !== bytes) {
      // Lanes that there are not are one that there is.
      const copies = [0, 1, 2, 3].map((lane) => ({ ...copy, lane: Math.min(lane, lanes - 1) }));
      if (isLinear && bytes === 4 && !this.#place(operand, copy).condition) {
        const places = copies.map((one) => this.#place(operand, one));
        const [first, ...others] = places;
        let code: Code = [...first!.address, ...memory(v128.load32_zero, first!.offset)];
        for (const [i, { address, offset }] of others.entries()) {
          code = [...address, ...code, ...memory(v128.load32_lane, offset), i + 1];
        }
        return this.#values.define(Math.max(...places.map(({ level }) => level)), 'v128', code);
      }
      const values = copies.map((one) => this.#operand(operand, one));
      const level = Math.max(...values.map((value) => value.level));
      const words = values.map((value) => this.#values.bits(value));
      return this.#values.define(
        level,
        'v128',
        fromLanes((i) => words[i]!),
      );
    }
    const { address, offset, condition, level } = this.#place(operand, copy);
    const load = halves
      ? [...address, ...memory(halves === 'signed' ? v128.load8x8_s : v128.load8x8_u, offset)]
      : loadOf(dtype, address, offset, lanes);
    const code = condition ? branch('v128', condition, load, v128Const(fill, fill, fill, fill)) : load;
    return this.#values.define(level, 'v128', code);
  }

  /** Whether what an operand reads depends on these loops in any other way than by a linear address. */
  #selectionVaries(operand: number, loops: readonly number[]): boolean {
    const { checks, quotients, gatherings } = this.#nest.accesses[operand]!;
    return loops.some(
      (loop) =>
        loop >= 0 &&
        ([...checks, ...quotients].some(({ form }) => form.coefficients[loop] !== 0) ||
          gatherings.some((gathering) => dependsOn(this.#nest, gathering.operand, loop))),
    );
  }

  /** Whether the lanes of every vector are inside or not, and divided to the same, all together. */
  #isUniform(operand: number, laneLoop: number): boolean {
    const { checks, quotients, gatherings } = this.#nest.accesses[operand]!;
    // Vectors start at multiples of four lanes. If all else is a multiple of what four lanes are worth, one is not
    // beyond an end that another has not reached.
    const isWhole = ({ constant, coefficients }: Form, end: number): boolean => {
      const along = coefficients[laneLoop]!;
      const others = coefficients.filter((_, i) => i !== laneLoop);
      return along === 0 || (along > 0 && [constant, end, ...others].every((n) => n % (LANES * along) === 0));
    };
    return (
      checks.every(({ form, bound, multipleOf }) =>
        multipleOf > 1 ? form.coefficients[laneLoop] === 0 : isWhole(form, bound!),
      ) &&
      quotients.every(({ form, divisor }) => isWhole(form, divisor)) &&
      !gatherings.some((gathering) => dependsOn(this.#nest, gathering.operand, laneLoop))
    );
  }

  /** Where an operand is read, and on which condition: one local, true if it is inside. */
  #place(operand: number, copy: Copy) {
    const access = this.#nest.accesses[operand]!;
    const { address: form, checks, quotients, gatherings } = access;
    const { node } = this.#loop.operands[operand]!;
    const origin = this.#writing.source(access, node);
    const values = this.#values;
    const conditions: Placed[] = checks.flatMap((check) => this.#conditions(check, copy));
    const parts: Placed[] = quotients.map(({ form: dividend, divisor, stride }) => {
      const { code, level } = this.#form(dividend, copy);
      const quotient = dividend.wide
        ? [...code, ...i64Const(divisor), ...i64.div_u, ...i32.wrap_i64]
        : [...code, ...i32Const(divisor), ...i32.div_u];
      return { code: [...quotient, ...i32Const(stride), ...i32.mul], level };
    });
    for (const { operand: by, extent, stride } of gatherings) {
      const value = this.#operand(by, copy);
      const coordinate = values.lane(value, Math.max(0, copy.lane));
      conditions.push({ code: [...coordinate, ...i32Const(extent), ...i32.lt_u], level: value.level });
      parts.push({ code: [...coordinate, ...i32Const(stride), ...i32.mul], level: value.level });
    }
    let { code: address, level } = this.#induction(form, origin.base);
    for (const part of parts) {
      level = Math.max(level, part.level);
      address = [...address, ...part.code, ...i32.add];
    }
    const delta = this.#delta(form, copy);
    // An offset of the instruction does not wrap, so the address before it must be one that is read as well.
    const { rowLoop, laneLoop, ranges } = this.#tile;
    const unrolled = ranges
      .map((_, i) => i)
      .slice(this.#nest.outputs)
      .filter((i) => ranges[i]!.step > 1);
    const isStatic = delta >= 0 && !this.#selectionVaries(operand, [rowLoop, laneLoop, ...unrolled]);
    if (!isStatic) address = [...address, ...i32Const(delta), ...i32.add];
    if (parts.length > 0) address = values.use(values.define(level, 'i32', address));
    const condition = this.#all(conditions);
    return {
      address,
      offset: origin.offset + (isStatic ? delta : 0),
      condition: condition?.code,
      level: Math.max(level, condition?.level ?? 0),
    };
  }

  #conditions({ form, bound, multipleOf }: Check, copy: Copy): Placed[] {
    const { code, level } = this.#form(form, copy);
    const conditions: Placed[] = [];
    if (bound !== undefined) {
      const below = form.wide ? [...i64Const(bound), ...i64.lt_u] : [...i32Const(bound), ...i32.lt_u];
      conditions.push({ code: [...code, ...below], level });
    }
    if (multipleOf > 1) {
      const rest = form.wide
        ? [...i64Const(multipleOf), ...i64.rem_u, ...i64.eqz]
        : [...i32Const(multipleOf), ...i32.rem_u, ...i32.eqz];
      conditions.push({ code: [...code, ...rest], level });
    }
    return conditions;
  }

  /** All conditions, the outermost first, so that each is computed as rarely as it can be. */
  #all(conditions: readonly Placed[]): Placed | undefined {
    let all: Placed | undefined;
    for (const condition of [...conditions].sort((a, b) => a.level - b.level)) {
      const code: Code = all ? [...all.code, ...condition.code, ...i32.and] : condition.code;
      const value = this.#once(`condition ${condition.level} ${code.join()}`, () =>
        this.#values.define(condition.level, 'i32', code),
      );
      all = { code: this.#values.use(value), level: condition.level };
    }
    return all;
  }

  /** Appends the code inside the first `level` loops. */
  #assemble(level: number, out: number[]): void {
    const { regions } = this.#values;
    append(out, regions[level]!);
    if (level === this.#nest.outputs && this.#hasFold) append(out, this.#accumulatorInit);
    if (level < this.#depth) {
      append(out, this.#before[level]!);
      const { start, end, step } = this.#tile.ranges[level]!;
      if (end - start === step) {
        this.#assemble(level + 1, out);
      } else {
        const isTurned = this.#isTurned(level);
        const counter = this.#values.newLocal('i32');
        append(out, set(counter, isTurned ? get(this.#writing.from) : i32Const(start)));
        const next = set(counter, [...get(counter), ...i32Const(isTurned ? 1 : step), ...i32.add]);
        const last = isTurned ? get(this.#lastTurn) : i32Const(end);
        appendRepeat(out, [...get(counter), ...last, ...i32.lt_u], () => {
          this.#assemble(level + 1, out);
          append(out, this.#turnEnds[level]!);
          append(out, next);
        });
      }
    }
    if (level === this.#nest.outputs) append(out, regions[this.#postLevel]!);
  }
}

/** The parts in which lanes of a vector are stored: the first one's place, the opcode and its lane, if it takes one. */
function storesOf(lanes: number, bytes: 1 | 2 | 4): { at: number; opcode: Code; lane?: number }[] {
  if (lanes === 4 && bytes === 4) return [{ at: 0, opcode: v128.store }];
  const [one, two, four] = {
    1: [v128.store8_lane, v128.store16_lane, v128.store32_lane],
    2: [v128.store16_lane, v128.store32_lane, v128.store64_lane],
    4: [v128.store32_lane, v128.store64_lane, v128.store],
  }[bytes] as [Code, Code, Code];
  if (lanes === 4) return [{ at: 0, opcode: four, lane: 0 }];
  return [
    ...(lanes >= 2 ? [{ at: 0, opcode: two, lane: 0 }] : []),
    ...(lanes % 2 === 1 ? [{ at: lanes - 1, opcode: one, lane: lanes - 1 }] : []),
  ];
}

/** Loads so many lanes, bytes extended to words, and not a byte more; the other lanes are 0. */
function loadOf(dtype: DType, address: Code, offset: number, lanes: number): Code {
  const isByte = ELEMENT_BYTES[dtype] === 1;
  const extend =
    dtype === 'i8'
      ? [...i16x8.extend_low_i8x16_s, ...i32x4.extend_low_i16x8_s]
      : [...i16x8.extend_low_i8x16_u, ...i32x4.extend_low_i16x8_u];
  const whole = (opcode: Code, at: number) => [...address, ...memory(opcode, offset + at)];
  const inLane = (opcode: Code, at: number, lane: number, vector: Code) => [
    ...address,
    ...vector,
    ...memory(opcode, offset + at),
    lane,
  ];
  const zeros = v128Const(0, 0, 0, 0);
  if (isByte) {
    if (lanes === 4) return [...whole(v128.load32_zero, 0), ...extend];
    const two = lanes >= 2 ? inLane(v128.load16_lane, 0, 0, zeros) : zeros;
    return [...(lanes % 2 === 1 ? inLane(v128.load8_lane, lanes - 1, lanes - 1, two) : two), ...extend];
  }
  if (lanes === 4) return whole(v128.load, 0);
  if (lanes === 1) return whole(v128.load32_zero, 0);
  return lanes === 2
    ? whole(v128.load64_zero, 0)
    : inLane(v128.load32_lane, 8, 2, whole(v128.load64_zero, 0));
}
