import type { Expression } from '../../src/onnx/ir/expression.ts';
import { f32OfWord, wordOfF32 } from '../../src/scalar/machine.ts';

/** Runs scalar expressions fast enough to sweep all of binary32: as generated JavaScript. */

/** A placeholder for the function's argument; its identity is all that counts. */
export const ARGUMENT: Expression = { kind: 'accumulator' };
/** The same for a second argument. */
export const SECOND: Expression = { kind: 'accumulator' };

/** Source of each instruction; floats live in `f` variables, words in `i`. `F` and `I` convert between them. */
const SOURCE: Readonly<Record<string, readonly [result: 'f' | 'i', args: string, code: string]>> = {
  'f32.add': ['f', 'ff', 'fround(A+B)'],
  'f32.sub': ['f', 'ff', 'fround(A- B)'],
  'f32.mul': ['f', 'ff', 'fround(A*B)'],
  'f32.div': ['f', 'ff', 'fround(A/B)'],
  'f32.sqrt': ['f', 'f', 'fround(sqrt(A))'],
  'f32.min': ['f', 'ff', 'min(A,B)'],
  'f32.max': ['f', 'ff', 'max(A,B)'],
  'f32.eq': ['i', 'ff', '(A===B?1:0)'],
  'f32.lt': ['i', 'ff', '(A<B?1:0)'],
  'f32.le': ['i', 'ff', '(A<=B?1:0)'],
  'f32.nearest': ['f', 'f', 'nearest(A)'],
  'f32.floor': ['f', 'f', 'floor(A)'],
  'f32.trunc': ['f', 'f', 'trunc(A)'],
  'i32.add': ['i', 'ii', '(A+B|0)'],
  'i32.sub': ['i', 'ii', '(A- B|0)'],
  'i32.and': ['i', 'ii', '(A&B)'],
  'i32.or': ['i', 'ii', '(A|B)'],
  'i32.xor': ['i', 'ii', '(A^B)'],
  'i32.shl': ['i', 'ii', '(A<<B)'],
  'i32.shr_s': ['i', 'ii', '(A>>B)'],
  'i32.shr_u': ['i', 'ii', '(A>>>B|0)'],
  'i32.eq': ['i', 'ii', '(A===B?1:0)'],
  'i32.lt_s': ['i', 'ii', '(A<B?1:0)'],
  'i32.lt_u': ['i', 'ii', '(A>>>0<B>>>0?1:0)'],
  'i32.mul': ['i', 'ii', 'imul(A,B)'],
  'f32.from_i32': ['f', 'i', 'fround(A)'],
  'i32.from_f32': ['i', 'f', 'fromF32(A)'],
  select: ['i', 'iii', '(A!==0?B:C)'],
};

const PRELUDE = `
const {fround, sqrt, min, max, floor, trunc, imul, abs} = Math;
const words = new Int32Array(1), floats = new Float32Array(words.buffer);
const F = (w) => { words[0] = w; return floats[0]; };
const I = (x) => { if (x !== x) return 0x7fc00000; floats[0] = x; return words[0]; };
const nearest = (x) => { if (!(abs(x) < 8388608)) return x; const m = abs(x) + 4503599627370496 - 4503599627370496; return x < 0 || Object.is(x, -0) ? -m : m; };
const fromF32 = (x) => x !== x ? 0 : x >= 2147483647 ? 2147483647 : x <= -2147483648 ? -2147483648 : trunc(x) | 0;
`;

/** One or two words in (signed), word out (signed). */
export function compileScalar(result: Expression): (word: number, second?: number) => number {
  const lines: string[] = [];
  const names = new Map<Expression, { f?: string; i?: string }>();
  const as = (expression: Expression, kind: 'f' | 'i'): string => {
    const own = names.get(expression) ?? visit(expression);
    const name = own[kind];
    if (name) return name;
    const made = `${kind}${lines.length}`;
    lines.push(`const ${made} = ${kind === 'f' ? `F(${own.i})` : `I(${own.f})`};`);
    own[kind] = made;
    return made;
  };
  const visit = (expression: Expression): { f?: string; i?: string } => {
    const made: { f?: string; i?: string } = {};
    names.set(expression, made);
    if (expression === ARGUMENT) made.i = 'x';
    else if (expression === SECOND) made.i = 'y';
    else if (expression.kind === 'literal') {
      made.i = `${expression.word | 0}`;
      const value = f32OfWord(expression.word);
      made.f = Object.is(value, -0) ? '-0' : `${value}`;
    } else if (expression.kind === 'operation') {
      const source = SOURCE[expression.name];
      if (!source) throw new Error(`${expression.name} has no source`);
      const [kind, argKinds, code] = source;
      const args = expression.args.map((arg, i) => as(arg, argKinds[i] as 'f' | 'i'));
      const name = `${kind}${lines.length}`;
      lines.push(
        `const ${name} = ${code.replace(/[ABC]/g, (letter) => args['ABC'.indexOf(letter)] as string)};`,
      );
      made[kind] = name;
    } else throw new Error(`a scalar function has no ${expression.kind}`);
    return made;
  };
  const answer = as(result, 'i');
  return new Function(`${PRELUDE} return (x, y) => { ${lines.join('\n')} return ${answer}; };`)() as (
    word: number,
    second?: number,
  ) => number;
}

/** Distance between two binary32 values around `exact`, in units of the last place of binary32 there. */
export function ulpError(actual: number, exact: number): number {
  if (Number.isNaN(exact) || Number.isNaN(actual))
    return Number.isNaN(exact) && Number.isNaN(actual) ? 0 : Number.POSITIVE_INFINITY;
  const rounded = f32OfWord(wordOfF32(exact));
  if (actual === rounded) return Number.isFinite(rounded) ? Math.abs(actual - exact) / unit(exact) : 0;
  // The value next above the largest finite one counts as 2^128.
  const finite = (x: number): number => (Number.isFinite(x) ? x : Math.sign(x) * 2 ** 128);
  return Math.abs(finite(actual) - finite(exact)) / unit(exact);
}

function unit(exact: number): number {
  const magnitude = Math.min(Math.abs(exact), 2 ** 127);
  if (magnitude < 2 ** -126) return 2 ** -149;
  let exponent = Math.floor(Math.log2(magnitude));
  if (2 ** exponent > magnitude) exponent--;
  return 2 ** (exponent - 23);
}

export interface Sweep {
  readonly worst: number;
  /** The argument of the worst result, or both. */
  readonly at: readonly number[];
  readonly count: number;
}

/**
 * Greatest error over the given bit patterns; a zero of the wrong sign counts as any error.
 *
 * @param places one word for each argument
 */
export function greatestError(
  f: (word: number, second?: number) => number,
  exact: (x: number, y: number) => number,
  places: Iterable<readonly [number, number?]>,
): Sweep {
  let worst = 0;
  let at: readonly number[] = [];
  let count = 0;
  for (const place of places) {
    const [word, second = 0] = place;
    const actual = f32OfWord(f(word | 0, second | 0) >>> 0);
    const expected = exact(f32OfWord(word), f32OfWord(second));
    const hasOtherSign = actual === 0 && expected === 0 && !Object.is(actual, expected);
    const error = hasOtherSign ? Number.POSITIVE_INFINITY : ulpError(actual, expected);
    count++;
    if (error > worst) {
      worst = error;
      at = place.map((one) => f32OfWord(one as number));
    }
  }
  return { worst, at, count };
}

/** Every `stride`-th binary32 bit pattern. */
export function* everyWord(stride: number): Generator<[number]> {
  for (let bits = 0; bits < 2 ** 32; bits += stride) yield [bits];
}
