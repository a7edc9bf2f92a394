import {
  type DType,
  ELEMENT_BYTES,
  type LoopNode,
  type Node,
  type ScalarProgram,
  sizeOf,
  slotsOf,
} from '../../program/node.ts';
import { CANONICAL_NAN, instructionOf } from '../../scalar/instructions.ts';
import {
  branch,
  type Code,
  type FunctionBody,
  get,
  i32Const,
  i64Const,
  memory,
  repeat,
  set,
  simd,
  type ValueType,
  v128Const,
  when,
} from '../../wasm/assembler.ts';
import { fromLanes, instructionValue, isFloatResult } from './instruction.ts';
import { type Check, type Form, type Nest, nestOf } from './nest.ts';
import { type Packing, packConstants } from './packing.ts';
import { dependsOn, LANES, type Tile, type Tiling, tilingOf } from './tile.ts';
import { type Value, Values } from './value.ts';

/**
 * Generates the function that computes one loop node, as `LoopRunner` in `../reference/loop.ts` defines it: loops
 * over tiles of outputs, and in each tile the sequential folds of all its elements side by side. Every element still
 * folds in its own order, so the bits are the reference's.
 *
 * Addresses are induction variables: each loop adds its coefficient at the end of a turn. What depends on outer
 * indices only is computed in the outer loops. A read that may be outside is a branch, for speculation on an address
 * could trap.
 *
 * One file above 400 lines, because one class writes the whole function and its parts share the state of the walk.
 */

/** One element (or vector of elements) of a tile: `lane` is -1 for a whole vector. */
interface Copy {
  readonly row: number;
  readonly vector: number;
  readonly lane: number;
}

/** The parameters: the first turn, and the one after the last. */
const FROM = 0;
const TO = 1;

/** An expression, and how many loops must be around it. */
interface Placed {
  readonly code: Code;
  readonly level: number;
}

const isNoncanonicalNaN = (word: number): boolean =>
  (word & 0x7fffffff) > 0x7f800000 && word >>> 0 !== CANONICAL_NAN;

class TileWriter {
  readonly #loop: LoopNode;
  readonly #nest: Nest;
  readonly #tiling: Tiling;
  readonly #tile: Tile;
  readonly #placement: Placement;
  readonly #layout: ReturnType<typeof slotsOf>;
  readonly #values: Values;
  /** Number of loops; levels above it are the code of the fold's step and what follows the fold. */
  readonly #depth: number;
  readonly #postLevel: number;
  readonly #before: number[][];
  readonly #turnEnds: number[][];
  readonly #lastTurn: number;
  readonly #accumulatorInit: number[] = [];
  readonly #inductions = new Map<string, number>();
  readonly #memo = new Map<string, Value>();

  constructor(
    loop: LoopNode,
    nest: Nest,
    tiling: Tiling,
    tile: Tile,
    placement: Placement,
    locals: ValueType[],
  ) {
    this.#loop = loop;
    this.#nest = nest;
    this.#tiling = tiling;
    this.#tile = tile;
    this.#placement = placement;
    this.#layout = slotsOf(loop);
    this.#depth = nest.extents.length;
    this.#postLevel = this.#depth + 1;
    this.#values = new Values(locals, this.#depth + 2);
    this.#lastTurn = this.#values.newLocal('i32');
    this.#before = nest.extents.map(() => []);
    this.#turnEnds = nest.extents.map(() => []);
  }

  /** @param output offset of the node's tensor in memory */
  write(output: number): Code {
    const { rows, vectors } = this.#tile;
    for (let row = 0; row < rows; row++) {
      for (let vector = 0; vector < Math.max(1, vectors); vector++)
        this.#writeCopy({ row, vector, lane: -1 }, output);
    }
    return this.#guarded(this.#assemble(0));
  }

  #writeCopy(copy: Copy, output: number): void {
    const { init, step, post, dtype } = this.#loop;
    const values = this.#values;
    let accumulator = values.constant(init);
    if (sizeOf(this.#loop.fold) > 0) {
      if (this.#depth === this.#nest.outputs) {
        accumulator = this.#evaluate('step', step, copy, accumulator);
      } else {
        const last = step.code[step.result - this.#layout.results];
        const isFloat = last !== undefined && isFloatResult(last.opcode);
        const exact = !isFloat || isNoncanonicalNaN(init);
        const type = this.#tile.vectors > 0 ? 'v128' : isFloat ? 'f32' : 'i32';
        const local = values.newLocal(type);
        const start =
          type === 'v128'
            ? v128Const(init, init, init, init)
            : type === 'f32'
              ? [...i32Const(init), 0xbe]
              : i32Const(init);
        this.#accumulatorInit.push(...set(local, start));
        const held = values.held(this.#depth, type, local, exact);
        const next = this.#evaluate('step', step, copy, held);
        const code = this.#wordOf(next, type, exact);
        values.emit(this.#depth, set(local, code));
        accumulator = values.held(this.#postLevel, type, local, exact);
      }
    }
    if (this.#depth > this.#nest.outputs) values.floor = this.#postLevel;
    const result = this.#evaluate('post', post, copy, accumulator);
    this.#store(result, dtype, copy, output);
    values.floor = 0;
  }

  /** The value as a local of that type holds it. */
  #wordOf(value: Value, type: Value['type'], exact: boolean): Code {
    const values = this.#values;
    if (type === 'v128') return exact ? values.vectorBits(value) : values.vectorFloat(value);
    if (type === 'i32') return values.bits(value);
    return values.float(exact ? values.exact(value) : value);
  }

  #store(value: Value, dtype: DType, copy: Copy, output: number): void {
    const values = this.#values;
    const bytes = ELEMENT_BYTES[dtype];
    const coefficients = new Array<number>(this.#depth).fill(0);
    let stride: number = bytes;
    for (let i = this.#nest.outputs - 1; i >= 0; i--) {
      coefficients[i] = stride;
      stride *= this.#nest.extents[i]!;
    }
    const form = { constant: 0, coefficients, wide: false };
    const offset = output + this.#delta(form, copy);
    const address = this.#induction(form).code;
    const [word, opcode, ...lane] = this.#stored(value, dtype);
    values.emit(this.#postLevel, [...address, ...word, ...memory(opcode, offset), ...lane]);
  }

  /** A value as an element of that type, with the opcode that stores it and its lane, if that takes one. */
  #stored(value: Value, dtype: DType): readonly [word: Code, opcode: Code, ...lane: number[]] {
    const values = this.#values;
    const isByte = ELEMENT_BYTES[dtype] === 1;
    if (this.#tile.vectors === 0) {
      if (isByte) return [values.bits(value), [0x3a]];
      const exact = values.exact(value);
      return exact.type === 'f32' ? [values.use(exact), [0x38]] : [values.bits(exact), [0x36]];
    }
    const words = values.vectorBits(value);
    if (!isByte) return [words, simd(11)];
    // The low bytes, narrowed to 16 and to 8 bits.
    const zeros = v128Const(0, 0, 0, 0);
    const low = [...words, ...v128Const(255, 255, 255, 255), ...simd(78)];
    return [[...low, ...zeros, ...simd(134), ...zeros, ...simd(102)], simd(90), 0];
  }

  #evaluate(phase: 'step' | 'post', program: ScalarProgram, copy: Copy, accumulator: Value): Value {
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
    // Two copies share a value if neither of what they differ in matters to it.
    const keys = new Map<number, string>();
    const keyOf = (slot: number): string => {
      let key = keys.get(slot);
      if (key === undefined) {
        if (slot < constants) key = accumulator.word === undefined ? `a${copy.row},${copy.vector}` : 'a';
        else if (slot < operands) key = '';
        else if (slot < outputIndices) key = this.#operandKey(slot - operands, copy);
        else if (slot < results)
          key = this.#copyKey(copy, (loop) => this.#indexForm(slot).coefficients[loop] !== 0);
        else {
          const { opcode, a, b, c } = program.code[slot - results]!;
          key = [a, b, c].slice(0, instructionOf(opcode)!.arity).map(keyOf).join('|');
          key = [...new Set(key.split('|'))].sort().join('|');
        }
        keys.set(slot, key);
      }
      return key;
    };
    const compute = (slot: number): Value => {
      if (slot < constants) return accumulator;
      if (slot < operands) return this.#values.constant(this.#loop.constants[slot - constants]!);
      if (slot < outputIndices) return this.#operand(slot - operands, copy);
      if (slot < results) return this.#index(slot, copy);
      return this.#once(`${phase} ${slot} ${keyOf(slot)}`, () => {
        const { opcode, a, b, c } = program.code[slot - results]!;
        const args = [a, b, c].slice(0, instructionOf(opcode)!.arity).map(valueAt);
        return instructionValue(this.#values, opcode, args);
      });
    };
    return valueAt(program.result);
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

  #copyKey(copy: Copy, depends: (loop: number) => boolean): string {
    const { rowLoop, laneLoop } = this.#tile;
    const row = rowLoop >= 0 && depends(rowLoop) ? copy.row : '';
    const lane = laneLoop >= 0 && depends(laneLoop) ? `${copy.vector}.${copy.lane}` : '';
    return `r${row}l${lane}`;
  }

  #operandKey = (operand: number, copy: Copy): string =>
    this.#copyKey(copy, (loop) => dependsOn(this.#nest, operand, loop));

  #indexForm = (slot: number): Form => this.#nest.indexSlots.get(slot)!;

  /** How much a form is more for this copy than for the tile's first element. */
  #delta({ coefficients, wide }: Form, { row, vector, lane }: Copy): number {
    const { rowLoop, laneLoop, vectors } = this.#tile;
    const along = vectors > 0 ? LANES * vector + Math.max(0, lane) : 0;
    const multiply = wide ? (a: number, b: number) => a * b : Math.imul;
    return (
      (rowLoop >= 0 ? multiply(coefficients[rowLoop]!, row) : 0) +
      (laneLoop >= 0 ? multiply(coefficients[laneLoop]!, along) : 0)
    );
  }

  /** A form's value for the tile's first element. */
  #induction({ constant, coefficients, wide }: Form): Placed {
    const constantOf = wide ? i64Const : i32Const;
    const multiply = wide ? (a: number, b: number) => a * b : Math.imul;
    const add = wide ? 0x7c : 0x6a;
    let key = `${wide} ${constant}`;
    let code = constantOf(constant);
    let level = 0;
    coefficients.forEach((coefficient, i) => {
      if (coefficient === 0) return;
      key += ` ${i}*${coefficient}`;
      const { start, step } = this.#tile.ranges[i]!;
      let local = this.#inductions.get(key);
      if (local === undefined) {
        local = this.#values.newLocal(wide ? 'i64' : 'i32');
        this.#inductions.set(key, local);
        this.#before[i]!.push(...set(local, code), ...this.#skip(i, local, coefficient, start, wide));
        this.#turnEnds[i]!.push(
          ...set(local, [...get(local), ...constantOf(multiply(coefficient, step)), add]),
        );
      }
      code = get(local);
      level = i + 1;
    });
    return { code, level };
  }

  /** Adds to an induction variable what the indices before the first one are worth. */
  #skip(loop: number, local: number, coefficient: number, start: number, wide: boolean): Code {
    const constantOf = wide ? i64Const : i32Const;
    const [multiply, add] = wide ? [0x7e, 0x7c] : [0x6c, 0x6a];
    if (!this.#isTurned(loop)) {
      const skipped = wide ? coefficient * start : Math.imul(coefficient, start);
      return skipped === 0 ? [] : set(local, [...get(local), ...constantOf(skipped), add]);
    }
    const first = [...get(FROM), ...i32Const(this.#tiling.unit), 0x6c, ...(wide ? [0xad] : [])];
    return set(local, [...get(local), ...first, ...constantOf(coefficient), multiply, add]);
  }

  /** Whether a call is for some of this loop's turns. Tiles of what the whole turns leave start further on. */
  #isTurned(loop: number): boolean {
    return loop === this.#tiling.turnLoop && this.#tile.ranges[loop]!.start === 0;
  }

  /** The tile's code, run if any of its turns are asked for. */
  #guarded(code: Code): Code {
    const { turnLoop, unit } = this.#tiling;
    if (turnLoop < 0) return code;
    const { start, end } = this.#tile.ranges[turnLoop]!;
    const turns = (index: number) => i32Const(index / unit);
    if (!this.#isTurned(turnLoop)) return when([...get(TO), ...turns(start), 0x4b], code);
    const last = set(this.#lastTurn, [...get(TO), ...turns(end), ...get(TO), ...turns(end), 0x49, 0x1b]);
    return [...last, ...when([...get(FROM), ...get(this.#lastTurn), 0x49], code)];
  }

  #form(form: Form, copy: Copy): Placed {
    const { code, level } = this.#induction(form);
    const delta = this.#delta(form, copy);
    if (delta === 0) return { code, level };
    return {
      code: [...code, ...(form.wide ? [...i64Const(delta), 0x7c] : [...i32Const(delta), 0x6a])],
      level,
    };
  }

  #index(slot: number, copy: Copy): Value {
    const form = this.#indexForm(slot);
    const key = this.#copyKey(copy, (loop) => form.coefficients[loop] !== 0);
    return this.#once(`index ${slot} ${key}`, () => {
      const values = this.#values;
      const { code, level } = this.#form(form, copy);
      const first = values.define(level, 'i32', code);
      const along = form.coefficients[this.#tile.laneLoop] ?? 0;
      if (this.#tile.vectors === 0 || along === 0) return first;
      const steps = v128Const(0, along, 2 * along, 3 * along);
      return values.define(level, 'v128', [...values.vectorBits(first), ...steps, ...simd(174)]);
    });
  }

  #operand(operand: number, copy: Copy): Value {
    return this.#once(`operand ${operand} ${this.#operandKey(operand, copy)}`, () => {
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
    const load = [...address, ...memory([{ f32: 0x2a, i32: 0x28, i8: 0x2c, u8: 0x2d }[dtype]], offset)];
    const splat = ELEMENT_BYTES[dtype] === 4 ? [...address, ...memory(simd(9), offset)] : undefined;
    if (!condition) return this.#values.define(level, type, load, true, splat);
    const word: Code = type === 'f32' ? [...i32Const(fill), 0xbe] : i32Const(fill);
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
    const isContiguous =
      access.address.coefficients[laneLoop] === ELEMENT_BYTES[dtype] &&
      !this.#selectionVaries(operand, [laneLoop]);
    if (!isContiguous) {
      const lanes = [0, 1, 2, 3].map((lane) => this.#operand(operand, { ...copy, lane }));
      const level = Math.max(...lanes.map((value) => value.level));
      const words = lanes.map((value) => this.#values.bits(value));
      return this.#values.define(
        level,
        'v128',
        fromLanes((i) => words[i]!),
      );
    }
    const { address, offset, condition, level } = this.#place(operand, copy);
    const load = (): Code => {
      if (ELEMENT_BYTES[dtype] === 4) return [...address, ...memory(simd(0), offset)];
      const bytes = [...address, ...memory(simd(92), offset)];
      return dtype === 'i8' ? [...bytes, ...simd(135), ...simd(167)] : [...bytes, ...simd(137), ...simd(169)];
    };
    const code = condition ? branch('v128', condition, load(), v128Const(fill, fill, fill, fill)) : load();
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

  /** Where an operand is read, and on which condition: one local, true if it is inside. */
  #place(operand: number, copy: Copy) {
    const { address: form, checks, quotients, gatherings, packed } = this.#nest.accesses[operand]!;
    const { node } = this.#loop.operands[operand]!;
    const values = this.#values;
    const conditions: Placed[] = checks.flatMap((check) => this.#conditions(check, copy));
    const parts: Placed[] = quotients.map(({ form: dividend, divisor, stride }) => {
      const { code, level } = this.#form(dividend, copy);
      const quotient = dividend.wide
        ? [...code, ...i64Const(divisor), 0x80, 0xa7]
        : [...code, ...i32Const(divisor), 0x6e];
      return { code: [...quotient, ...i32Const(stride), 0x6c], level };
    });
    for (const { operand: by, extent, stride } of gatherings) {
      const value = this.#operand(by, copy);
      const coordinate = values.lane(value, Math.max(0, copy.lane));
      conditions.push({ code: [...coordinate, ...i32Const(extent), 0x49], level: value.level });
      parts.push({ code: [...coordinate, ...i32Const(stride), 0x6c], level: value.level });
    }
    let { code: address, level } = this.#induction(form);
    for (const part of parts) {
      level = Math.max(level, part.level);
      address = [...address, ...part.code, 0x6a];
    }
    const delta = this.#delta(form, copy);
    // An offset of the instruction does not wrap, so the address before it must be one that is read as well.
    const { rowLoop, laneLoop } = this.#tile;
    const isStatic = delta >= 0 && !this.#selectionVaries(operand, [rowLoop, laneLoop]);
    if (!isStatic) address = [...address, ...i32Const(delta), 0x6a];
    if (parts.length > 0) address = values.use(values.define(level, 'i32', address));
    const condition = this.#all(conditions);
    const { tensors, packings } = this.#placement;
    const base = packed === undefined ? tensors[node]! : packings[packed]!;
    return {
      address,
      offset: base + (isStatic ? delta : 0),
      condition: condition?.code,
      level: Math.max(level, condition?.level ?? 0),
    };
  }

  #conditions({ form, bound, multipleOf }: Check, copy: Copy): Placed[] {
    const { code, level } = this.#form(form, copy);
    const conditions: Placed[] = [];
    if (bound !== undefined) {
      const below = form.wide ? [...i64Const(bound), 0x54] : [...i32Const(bound), 0x49];
      conditions.push({ code: [...code, ...below], level });
    }
    if (multipleOf > 1) {
      const rest = form.wide ? [...i64Const(multipleOf), 0x82, 0x50] : [...i32Const(multipleOf), 0x70, 0x45];
      conditions.push({ code: [...code, ...rest], level });
    }
    return conditions;
  }

  /** All conditions, the outermost first, so that each is computed as rarely as it can be. */
  #all(conditions: readonly Placed[]): Placed | undefined {
    let all: Placed | undefined;
    for (const condition of [...conditions].sort((a, b) => a.level - b.level)) {
      const code: Code = all ? [...all.code, ...condition.code, 0x71] : condition.code;
      const value = this.#once(`condition ${condition.level} ${code.join()}`, () =>
        this.#values.define(condition.level, 'i32', code),
      );
      all = { code: this.#values.use(value), level: condition.level };
    }
    return all;
  }

  /** The code inside the first `level` loops. */
  #assemble(level: number): Code {
    const { regions } = this.#values;
    const parts: Code[] = [regions[level]!];
    const folds = this.#depth > this.#nest.outputs;
    if (level === this.#nest.outputs && folds) parts.push(this.#accumulatorInit);
    if (level < this.#depth) {
      const { start, end, step } = this.#tile.ranges[level]!;
      parts.push(this.#before[level]!);
      const body = this.#assemble(level + 1);
      if (end - start === step) {
        parts.push(body);
      } else if (this.#isTurned(level)) {
        const turn = this.#values.newLocal('i32');
        const next = set(turn, [...get(turn), ...i32Const(1), 0x6a]);
        const isLeft = [...get(turn), ...get(this.#lastTurn), 0x49];
        parts.push(set(turn, get(FROM)), repeat([...body, ...this.#turnEnds[level]!, ...next], isLeft));
      } else {
        const counter = this.#values.newLocal('i32');
        parts.push(set(counter, i32Const(start)));
        const next = set(counter, [...get(counter), ...i32Const(step), 0x6a]);
        parts.push(
          repeat([...body, ...this.#turnEnds[level]!, ...next], [...get(counter), ...i32Const(end), 0x49]),
        );
      }
    }
    if (level === this.#nest.outputs) parts.push(regions[this.#postLevel]!);
    return parts.flat();
  }
}

/** Where the parts of a node are in memory, bytes. */
export interface Placement {
  /** By node; those that the plan reads, and the node itself. */
  readonly tensors: readonly number[];
  /** Of each packing of the plan. */
  readonly packings: readonly number[];
  /** Memory of the node's own, while it runs. */
  readonly scratch: number;
}

/**
 * One part of a node's work: a function of (from, to) that does turns `from` to `to - 1` of so many. Turns may run in
 * any order and anywhere; those of the next phase start when all of these are done.
 */
export interface Phase {
  readonly body: FunctionBody;
  readonly turns: number;
}

/** How one loop node is computed, but for where things are. */
export interface NodePlan {
  /** Constants that it reads in another order, to be written once when the program is loaded. */
  readonly packings: readonly Packing[];
  /** Nodes whose tensors it reads where they are. */
  readonly reads: readonly number[];
  readonly scratchBytes: number;
  /** Scalar instructions and reads that it takes, all phases together. */
  readonly work: number;
  /** How it is computed, in words for a profile. */
  readonly label: string;
  phases(placement: Placement): Phase[];
}

const labelOf = ({ extents, outputs }: Nest, { tiles }: Tiling): string =>
  `loops ${extents.slice(0, outputs).join('×')} fold ${extents.slice(outputs).join('×')} tile ${tiles[0]!.rows}×${tiles[0]!.vectors}`;

/** @param index of the node, of all of the program's */
export function planNode(loop: LoopNode, index: number, nodes: readonly Node[]): NodePlan {
  const elements = sizeOf(loop.shape);
  if (elements === 0)
    return { packings: [], reads: [], scratchBytes: 0, work: 0, label: 'empty', phases: () => [] };
  const { nest, packings } = packConstants(loop, nestOf(loop), nodes);
  const tiling = tilingOf(loop, nest);
  const reads = loop.operands.flatMap(({ node }, o) =>
    nest.accesses[o]!.packed === undefined ? [node] : [],
  );
  return {
    packings,
    reads: [...new Set(reads)],
    scratchBytes: 0,
    work: elements * (sizeOf(loop.fold) * (loop.step.code.length + 1) + loop.post.code.length + 1),
    label: labelOf(nest, tiling),
    phases: (placement) => {
      const locals: ValueType[] = [];
      const code = tiling.tiles.flatMap((tile) =>
        new TileWriter(loop, nest, tiling, tile, placement, locals).write(placement.tensors[index]!),
      );
      const body: FunctionBody = { name: `node${index}phase0`, params: ['i32', 'i32'], locals, code };
      return [{ body, turns: tiling.turns }];
    },
  };
}
