import { expect } from 'chai';
import { ACCURACY, FUNCTIONS } from '../../src/onnx/functions/index.ts';
import { pow } from '../../src/onnx/functions/power.ts';
import { type Expression, f32 } from '../../src/onnx/ir/expression.ts';
import { OPCODE } from '../../src/scalar/instructions.ts';
import { f32OfWord, runScalar, type Step, wordOfF32 } from '../../src/scalar/machine.ts';
import { EXACT, type Exact } from '../support/exactFunctions.ts';
import { ARGUMENT, compileScalar, sweep, ulpError } from '../support/scalarFunction.ts';

/** Long runs look at every 67th bit pattern, short ones at every 16,411th. */
const STRIDE = process.env.ASSAY_LONG ? 67 : 16_411;

const names = Object.keys(EXACT) as (keyof typeof EXACT)[];

/** The function by the machine itself. */
function onMachine(expression: Expression): (word: number) => number {
  const words: number[] = [0];
  const slots = new Map<Expression, number>([[ARGUMENT, 0]]);
  const operations: Expression[] = [];
  const visit = (one: Expression): void => {
    if (slots.has(one) || operations.includes(one)) return;
    if (one.kind === 'literal') slots.set(one, words.push(one.word) - 1);
    if (one.kind !== 'operation') return;
    one.args.forEach(visit);
    operations.push(one);
  };
  visit(expression);
  const base = words.length;
  operations.forEach((one, i) => {
    slots.set(one, base + i);
  });
  const code = operations.map((one): Step => {
    if (one.kind !== 'operation') throw new Error('not an operation');
    const [a = 0, b = 0, c = 0] = one.args.map((arg) => slots.get(arg) as number);
    return { opcode: OPCODE[one.name], a, b, c };
  });
  return (word) => {
    const memory = new Uint32Array(base + code.length);
    memory.set(words);
    memory[0] = word;
    runScalar(code, memory, base);
    return memory[slots.get(expression) as number] as number;
  };
}

/** Every exponent and sign with the mantissas at both ends and in the middle. */
const extremes = Array.from({ length: 512 }, (_, i) =>
  [0, 1, 0x2aaaaa, 0x400000, 0x7fffff].map((mantissa) => ((i << 23) | mantissa) >>> 0),
).flat();

describe('float32 functions', function () {
  this.timeout(600_000);
  for (const name of names) {
    const { of, where } = EXACT[name] as Exact;
    const expression = FUNCTIONS[name](ARGUMENT);

    it(`${name} is within ${ACCURACY[name]} ulp of the exact value`, () => {
      const { worst, at, count } = sweep(compileScalar(expression), of, STRIDE, where);
      expect(count).to.be.greaterThan(100_000);
      expect(worst, `at ${at}`).to.be.at.most(ACCURACY[name]);
    });

    it(`${name} has the same bits on the machine as in the sweep`, () => {
      const machine = onMachine(expression);
      const swept = compileScalar(expression);
      for (const word of extremes) expect(machine(word), `word ${word}`).to.equal(swept(word | 0) >>> 0);
    });

    it(`${name} yields the canonical NaN for every NaN`, () => {
      const machine = onMachine(expression);
      for (const word of [0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff]) {
        expect(Number.isNaN(f32OfWord(machine(word))), `word ${word}`).to.equal(true);
      }
    });
  }

  const exactly: readonly [keyof typeof EXACT, number, number][] = [
    ['exp', Number.NEGATIVE_INFINITY, 0],
    ['exp', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ['exp', -0, 1],
    ['exp', 89, Number.POSITIVE_INFINITY],
    ['exp', -104, 0],
    ['log', 0, Number.NEGATIVE_INFINITY],
    ['log', -0, Number.NEGATIVE_INFINITY],
    ['log', 1, 0],
    ['log', -1, Number.NaN],
    ['log', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ['tanh', -0, -0],
    ['tanh', 0, 0],
    ['tanh', Number.POSITIVE_INFINITY, 1],
    ['tanh', Number.NEGATIVE_INFINITY, -1],
    ['sigmoid', 0, 0.5],
    ['sigmoid', Number.POSITIVE_INFINITY, 1],
    ['sigmoid', Number.NEGATIVE_INFINITY, 0],
    ['softplus', Number.NEGATIVE_INFINITY, 0],
    ['softplus', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ['erf', -0, -0],
    ['erf', Number.POSITIVE_INFINITY, 1],
    ['erf', Number.NEGATIVE_INFINITY, -1],
    ['sin', 0, 0],
    ['sin', -0, -0],
    ['sin', Number.POSITIVE_INFINITY, Number.NaN],
    ['cos', 0, 1],
    ['cos', Number.NEGATIVE_INFINITY, Number.NaN],
  ];
  for (const [name, x, y] of exactly) {
    it(`${name}(${Object.is(x, -0) ? '-0' : x}) is ${Object.is(y, -0) ? '-0' : y}`, () => {
      expect(f32OfWord(onMachine(FUNCTIONS[name](ARGUMENT))(wordOfF32(x)))).to.deep.equal(y);
    });
  }

  it(`pow is within ${ACCURACY.pow} ulp of the exact value for a sample of exponents`, () => {
    for (const y of [0.5, 1.7, 3, 10, 100.5, 0.001, -0.5, -3.3, -20.25].map(Math.fround)) {
      const { worst, at } = sweep(compileScalar(pow(ARGUMENT, f32.of(y))), (x) => x ** y, 4 * STRIDE);
      expect(worst, `at ${at} to the power ${y}`).to.be.at.most(ACCURACY.pow);
    }
  });

  it('pow is exact at zeros, ones, infinities and NaN', () => {
    const special = [0, -0, 1, -1, 2, -2, 0.5, -0.5, Infinity, -Infinity, NaN, 3, -3, 2.5, -2.5];
    for (const x of special) {
      for (const y of special) {
        // IEEE 754 says 1 where JavaScript says NaN.
        const isOne = x === 1 || (x === -1 && Math.abs(y) === Infinity);
        const word = onMachine(pow(ARGUMENT, f32.of(y)))(wordOfF32(x));
        const exact = isOne ? 1 : Math.fround(x ** y);
        expect(ulpError(f32OfWord(word), exact), `${x} ** ${y}`).to.be.at.most(ACCURACY.pow);
        if (exact === 0) expect(f32OfWord(word), `sign of ${x} ** ${y}`).to.deep.equal(exact);
      }
    }
  });
});
