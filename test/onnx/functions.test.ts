import { expect } from 'chai';
import { ACCURACY, FUNCTIONS } from '../../src/onnx/functions/index.ts';
import { pow } from '../../src/onnx/functions/power.ts';
import { TWO_OVER_PI } from '../../src/onnx/functions/turns.ts';
import { type Expression, f32 } from '../../src/onnx/ir/expression.ts';
import { OPCODE } from '../../src/scalar/instructions.ts';
import { f32OfWord, runScalar, type Step, wordOfF32 } from '../../src/scalar/machine.ts';
import { EXACT, exactPower } from '../support/exactFunctions.ts';
import { hardArguments, powerPairs, specialPairs, twoOverPi } from '../support/hardArguments.ts';
import { ARGUMENT, compileScalar, everyWord, greatestError, SECOND } from '../support/scalarFunction.ts';

/** Long runs look at every 67th bit pattern, short ones at every 16,411th. */
const STRIDE = process.env.ASSAY_LONG ? 67 : 16_411;

const names = Object.keys(EXACT) as (keyof typeof EXACT)[];

/** The function by the machine itself. */
function onMachine(expression: Expression): (word: number, second?: number) => number {
  const words: number[] = [0, 0];
  const slots = new Map<Expression, number>([
    [ARGUMENT, 0],
    [SECOND, 1],
  ]);
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
  return (word, second = 0) => {
    const memory = new Uint32Array(base + code.length);
    memory.set(words);
    memory[0] = word;
    memory[1] = second;
    runScalar(code, memory, base);
    return memory[slots.get(expression) as number] as number;
  };
}

const hard = hardArguments();

describe('float32 functions', function () {
  this.timeout(600_000);
  for (const name of names) {
    const expression = FUNCTIONS[name](ARGUMENT);

    it(`${name} is within ${ACCURACY[name]} ulp of the exact value over the whole range`, () => {
      const { worst, at, count } = greatestError(compileScalar(expression), EXACT[name], everyWord(STRIDE));
      expect(count).to.be.greaterThan(250_000);
      expect(worst, `at ${at}`).to.be.at.most(ACCURACY[name]);
    });

    it(`${name} is within ${ACCURACY[name]} ulp at ends, powers of two, and next to multiples of pi/2`, () => {
      const { worst, at } = greatestError(
        compileScalar(expression),
        EXACT[name],
        hard.map((word) => [word]),
      );
      expect(worst, `at ${at}`).to.be.at.most(ACCURACY[name]);
    });

    it(`${name} has the same bits on the machine as in the sweep`, () => {
      const machine = onMachine(expression);
      const swept = compileScalar(expression);
      for (const word of hard) expect(machine(word), `word ${word}`).to.equal(swept(word | 0) >>> 0);
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

  it('no stated error is above 2 ulp, and every function has one', () => {
    expect(Object.keys(ACCURACY)).to.have.members([...Object.keys(FUNCTIONS), 'pow']);
    expect(Object.keys(EXACT)).to.have.members(Object.keys(FUNCTIONS));
    expect(Math.max(...Object.values(ACCURACY))).to.be.at.most(2);
  });

  it('the constant of the reduction has the bits of 2 / pi', () => {
    expect(TWO_OVER_PI).to.equal(twoOverPi(192n));
  });

  it('the hard arguments have the float next to a multiple of pi/2', () => {
    // K. C. Ng, "Argument reduction for huge arguments", 1992: 16367173 * 2^72, at a distance of 2^-29.2.
    expect(hard).to.include(wordOfF32(16_367_173 * 2 ** 72));
    expect(Math.abs(Math.cos(16_367_173 * 2 ** 72))).to.be.lessThan(2 ** -29);
  });

  it(`pow is within ${ACCURACY.pow} ulp of the exact value over both whole ranges`, () => {
    const pairs = powerPairs(process.env.ASSAY_LONG ? 5_000_000 : 400_000);
    const { worst, at } = greatestError(compileScalar(pow(ARGUMENT, SECOND)), exactPower, pairs);
    expect(worst, `at ${at}`).to.be.at.most(ACCURACY.pow);
  });

  it('pow is right at special values, with the same bits on the machine', () => {
    const expression = pow(ARGUMENT, SECOND);
    const [machine, swept] = [onMachine(expression), compileScalar(expression)];
    const { worst, at } = greatestError(swept, exactPower, specialPairs());
    expect(worst, `at ${at}`).to.be.at.most(ACCURACY.pow);
    for (const [x, y] of specialPairs())
      expect(machine(x, y), `${x}, ${y}`).to.equal(swept(x | 0, y | 0) >>> 0);
  });

  it('pow of exponents that are literals is pow of any', () => {
    const values = [0, -0, 1, -1, 2, -2.5, 0.5, Infinity, -Infinity, NaN, 3, 1e-40, 16_777_215];
    const whole = compileScalar(pow(ARGUMENT, SECOND));
    for (const y of values) {
      const folded = compileScalar(pow(ARGUMENT, f32.of(y)));
      for (const x of hard.filter((_, i) => i % 50 === 0))
        expect(folded(x | 0), `${x} ** ${y}`).to.equal(whole(x | 0, wordOfF32(y) | 0));
    }
  });
});
