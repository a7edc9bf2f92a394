import { expect } from 'chai';
import { type Expression, fold, i32, indexValue, operation, word } from '../../src/onnx/ir/expression.ts';
import { axisIndex, type Index } from '../../src/onnx/ir/indices.ts';
import { infer } from '../../src/onnx/ir/infer.ts';
import { floatOf, integerOf, type Known } from '../../src/onnx/ir/known.ts';
import { reading, type Tensor, wordsOf } from '../../src/onnx/ir/tensor.ts';
import { evaluate, FoldingBudget } from '../../src/onnx/tensors/evaluate.ts';
import { type ElementType, type Range, TYPES } from '../../src/onnx/types.ts';
import { INSTRUCTIONS, type InstructionName } from '../../src/scalar/instructions.ts';
import { f32OfWord, wordOfF32 } from '../../src/scalar/machine.ts';
import { EXTREMES } from '../scalar/vectors.ts';
import { Random } from '../support/randomProgram.ts';

/** Bounds that are inferred hold for every value, whatever the formula; and where nothing wraps, it is the formula's. */

/** A formula over the tensors given, at the place given. */
type Formula = (
  tensors: readonly Tensor[],
  indices: readonly Index[],
  accumulator?: Expression,
) => Expression;

const ELEMENTS = 40;

const tensor = (id: number, type: ElementType, range: Range, words?: Uint32Array): Tensor => ({
  id,
  name: `t${id}`,
  label: `t${id}`,
  type,
  shape: [ELEMENTS],
  range: type.family === 'float' ? undefined : range,
  floats: type.family === 'float' ? { ...range, nan: false } : undefined,
  channelsLast: false,
  source: words ? { kind: 'constant', words } : { kind: 'input', slot: id },
});

const INTEGERS = [
  'i32.add',
  'i32.sub',
  'i32.mul',
  'i32.lt_s',
  'i32.eq',
  'select',
] as const satisfies readonly InstructionName[];
const ALL = INSTRUCTIONS.map(({ name }) => name as InstructionName);

/** A formula of up to `size` instructions, those given or all of them. */
function randomFormula(
  random: Random,
  size: number,
  names: readonly InstructionName[],
  hasAccumulator: boolean,
): Formula {
  const leaf = random.below(hasAccumulator ? 6 : 5);
  if (size === 0 || random.chance(10)) {
    if (leaf <= 2) return (tensors, indices) => reading(tensors[leaf] as Tensor, [indices[0] as Index]);
    if (leaf === 3) return (_, indices) => indexValue(indices[0] as Index);
    if (leaf === 5) return (_, __, accumulator) => accumulator as Expression;
    const bits = random.pick([random.pick(EXTREMES), random.below(8), -random.below(8)]);
    return () => word(bits);
  }
  const name = random.pick(names);
  const { arity } = INSTRUCTIONS.find((one) => one.name === name)!;
  const parts = random.times(arity, () =>
    randomFormula(random, Math.floor((size - 1) / arity), names, hasAccumulator),
  );
  // The same part twice, as in a minimum: that is what conditions say something about.
  if (name === 'select' && random.chance(60)) {
    const [, then, otherwise] = parts as [Formula, Formula, Formula];
    const isLess = random.chance(50) ? i32.lt : i32.eq;
    return (...places) => {
      const [p, q] = [then(...places), otherwise(...places)];
      return operation('select', isLess(p, q), p, i32.add(q, p));
    };
  }
  return (...places) => operation(name, ...parts.map((part) => part(...places)));
}

function randomRange(random: Random): Range {
  const end = () => random.pick([0, 1, -1, 7, 100, -100, 2 ** 20, -(2 ** 20), 2 ** 31 - 1, -(2 ** 31)]);
  const [a, b] = [end(), end()];
  return { low: Math.min(a, b), high: Math.max(a, b) };
}

const between = (random: Random, { low, high }: Range): number =>
  random.pick([low, high, low + Math.floor((random.word() / 2 ** 32) * (high - low + 1))]);

function expectInside(found: Known, bits: number, what: string): void {
  if (found.kind === 'word') {
    expect(bits, what).to.equal(found.word >>> 0);
    return;
  }
  if (found.kind === 'integer') {
    const { low, high } = integerOf(found);
    expect((bits | 0) >= low && (bits | 0) <= high, `${what}: ${bits | 0} in ${low}..${high}`).to.equal(true);
    return;
  }
  const { low, high, nan } = floatOf(found);
  const value = f32OfWord(bits);
  const isInside = Number.isNaN(value) ? nan : value >= low && value <= high;
  expect(isInside, `${what}: ${value} in ${low}..${high}${nan ? ' or NaN' : ''}`).to.equal(true);
}

/** A formula's bounds, and its values on tensors within theirs. */
function compare(random: Random, names: readonly InstructionName[], isFolded: boolean) {
  const ranges = random.times(3, () => randomRange(random));
  const types = [TYPES.int32, TYPES.int32, names.length > INTEGERS.length ? TYPES.float : TYPES.int32];
  const words = types.map((type, i) =>
    Uint32Array.from({ length: ELEMENTS }, () => {
      const value = between(random, ranges[i]!);
      return type === TYPES.float ? wordOfF32(value) : value >>> 0;
    }),
  );
  const inputs = types.map((type, i) => tensor(i, type, rounded(type, ranges[i]!)));
  const constants = types.map((type, i) => tensor(i, type, rounded(type, ranges[i]!), words[i]));
  const formula = randomFormula(random, random.between(1, 9), names, isFolded);
  const count = random.pick([1, 2, 3, 30]);
  const init = random.pick([0, 1, 0xffffffff, 0x7fffffff, wordOfF32(1)]);
  const body = (tensors: readonly Tensor[]) => (indices: readonly Index[]) =>
    isFolded
      ? fold([count], init, (_, accumulator) => formula(tensors, indices, accumulator), { ordered: true })
      : formula(tensors, indices);
  const found = infer([ELEMENTS], body(inputs));
  const source = { kind: 'computed', body: body(constants) } as const;
  const values = evaluate({ ...tensor(9, TYPES.int32, ranges[0]!), source }, new FoldingBudget(0))!;
  /** The elements in numbers that never wrap. */
  const numbers = (): bigint[] =>
    Array.from({ length: ELEMENTS }, (_, i) =>
      unbounded(body(constants)([axisIndex({ id: 0, extent: ELEMENTS })]), i),
    );
  return { found, values, numbers };
}

/** The element at a place of a formula of {@link INTEGERS}, folds included, as it would be in any number of bits. */
function unbounded(expression: Expression, place: number, accumulator = 0n): bigint {
  const at = (one: Expression): bigint => unbounded(one, place, accumulator);
  switch (expression.kind) {
    case 'literal':
      return BigInt(expression.word | 0);
    case 'index':
      return BigInt(place);
    case 'accumulator':
      return accumulator;
    case 'reading':
      return BigInt((wordsOf(expression.tensor) as Uint32Array)[place]! | 0);
    case 'fold': {
      let sum = BigInt(expression.init | 0);
      for (let k = 0; k < expression.extents[0]!; k++) {
        sum = unbounded(expression.step([], { kind: 'accumulator' }), place, sum);
      }
      return sum;
    }
    case 'operation': {
      const [a, b, c] = expression.args as [Expression, Expression, Expression];
      if (expression.name === 'select') return at(a) !== 0n ? at(b) : at(c);
      const [x, y] = [at(a), at(b)];
      if (expression.name === 'i32.add') return x + y;
      if (expression.name === 'i32.sub') return x - y;
      if (expression.name === 'i32.mul') return x * y;
      if (expression.name === 'i32.lt_s') return x < y ? 1n : 0n;
      if (expression.name === 'i32.eq') return x === y ? 1n : 0n;
      throw new Error(`${expression.name} is none of the instructions drawn`);
    }
  }
}

const rounded = (type: ElementType, { low, high }: Range): Range =>
  type === TYPES.float ? { low: Math.fround(low), high: Math.fround(high) } : { low, high };

describe('inferred bounds', () => {
  const formulas = process.env['ASSAY_LONG'] ? 40_000 : 600;

  for (const [what, names, isFolded] of [
    ['formulas of all instructions', ALL, false],
    ['formulas of integers', INTEGERS, false],
    ['folds of all instructions', ALL, true],
    ['folds of integers', INTEGERS, true],
  ] as const) {
    it(`hold for every value of ${what}`, function () {
      this.timeout(300_000);
      let bounded = 0;
      for (let seed = 1; seed <= formulas; seed++) {
        const { found, values } = compare(new Random(seed), names, isFolded);
        for (const bits of values) expectInside(found, bits, `formula ${seed}`);
        if (found.kind !== 'integer' || found.exact) bounded++;
      }
      // Bounds that are never found would hold, too.
      expect(bounded, 'formulas with bounds').to.be.above(formulas / 4);
    });
  }

  for (const [what, isFolded] of [
    ['formulas', false],
    ['folds', true],
  ] as const) {
    it(`are called exact only for ${what} that would be the same in more bits`, function () {
      this.timeout(300_000);
      let exact = 0;
      for (let seed = 1; seed <= formulas; seed++) {
        const { found, values, numbers } = compare(new Random(seed), INTEGERS, isFolded);
        // A literal is what its word says, however it came about.
        if (found.kind !== 'integer' || !found.exact) continue;
        exact++;
        const expected = numbers();
        for (const [i, bits] of values.entries()) {
          expect(BigInt(bits | 0), `formula ${seed}, element ${i}`).to.equal(expected[i]);
        }
      }
      expect(exact).to.be.above(formulas / 8);
    });
  }
});
