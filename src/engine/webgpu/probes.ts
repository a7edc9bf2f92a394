import type { LoopNode, Node, Operand, Program, ScalarProgram } from '../../program/node.ts';
import { INSTRUCTIONS, type InstructionName, OPCODE } from '../../scalar/instructions.ts';
import { xorshift32 } from '../../scalar/xorshift32.ts';

/** Loops that show whether a device computes as the definition says, and the property that each shows. */
export interface Probes {
  readonly program: Program;
  readonly inputs: readonly Uint8Array[];
  /** Phrase for each node; undefined for inputs. */
  readonly properties: readonly (string | undefined)[];
}

/** Zeros, subnormals, the ends of normal floats and of integers, ties, infinities, NaN with and without payload. */
const EXTREMES = [
  ...[0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x00400000, 0x007fffff, 0x807fffff, 0x00800000],
  ...[0x80800000, 0x00800001, 0x00ffffff, 0x1f800000, 0x20000000, 0x20000001, 0xa0000000, 0x33800000],
  ...[0x34000000, 0x3effffff, 0x3f000000, 0x3f000001, 0x3f7fffff, 0x3f800000, 0xbf800000, 0x3f800001],
  ...[0x3fc00000, 0x40200000, 0xc0600000, 0x40490fdb, 0x4b000001, 0x4b7fffff, 0x4b800000, 0xcb800001],
  ...[0x4effffff, 0x4f000000, 0xcf000000, 0x5f000000, 0x7e800000, 0x7f7fffff, 0xff7fffff, 0x7f800000],
  ...[0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001, 0x7fffffff, 0xffffffff],
];

/** Words: all extremes, and drawn ones. */
const WORDS = 64;
/** Rows and steps of folds. */
const ROWS = 64;
const STEPS = 37;

const bytesOf = (words: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer);

/** Floats of magnitudes that meet in a sum, so that each rounding and each order shows. */
function meeting(count: number, next: () => number): number[] {
  return Array.from({ length: count }, () => {
    const word = next();
    return ((word & 0x807fffff) | ((120 + (next() % 14)) << 23)) >>> 0;
  });
}

/** Rows of a fold: most of floats that meet, the last quarter with a word of any kind in each. */
function rowsOf(words: readonly number[], next: () => number): number[] {
  const rows = meeting(ROWS * STEPS, next);
  for (let row = (ROWS * 3) / 4; row < ROWS; row++)
    rows[row * STEPS + (next() % STEPS)] = words[next() % words.length]!;
  return rows;
}

/** Factors of one product: what a fold only sees at its end, or never. */
const MEETINGS = [
  ...[0x7f800000, 0x00000000, 0x80000000, 0xff800000, 0x7fc00001, 0x00000000, 0x80000000, 0xffffffff],
  ...[0x7f800000, 0xbf800000, 0x7f7fffff, 0x7f7fffff, 0x00000001, 0x3f800000, 0x1f800000, 0x1f800000],
];

/** Puts the factors of each meeting into a row of their own, among the first of those that products read. */
function meet(first: number[], second: number[]): void {
  for (let i = 0; i < MEETINGS.length / 2; i++) {
    const at = (ROWS - PRODUCT_ROWS + i) * STEPS + 3 * i;
    first[at] = MEETINGS[2 * i]!;
    second[at] = MEETINGS[2 * i + 1]!;
  }
}

const affine = (...terms: readonly [index: number, coefficient: number][]) =>
  ({
    kind: 'affine',
    offset: 0,
    divisor: 1,
    exact: false,
    terms: terms.map(([index, coefficient]) => ({ index, coefficient })),
  }) as const;

const NOTHING: ScalarProgram = { code: [], result: 0 };

type Reference = number;
type Line = readonly [name: InstructionName, a: Reference, b?: Reference, c?: Reference];

const codeOf = (lines: readonly Line[], results: number): ScalarProgram => ({
  code: lines.map(([name, a, b = 0, c = 0]) => ({ opcode: OPCODE[name], a, b, c })),
  result: lines.length === 0 ? 0 : results + lines.length - 1,
});

function loop(parts: Partial<LoopNode> & Pick<LoopNode, 'shape' | 'operands'>): LoopNode {
  return {
    kind: 'loop',
    dtype: 'f32',
    fold: [],
    init: 0,
    constants: [],
    step: NOTHING,
    post: NOTHING,
    grain: 1,
    checkpoint: false,
    ...parts,
  };
}

const vector = (node: number, extent: number, index: number): Operand => ({
  node,
  dtype: 'f32',
  fill: 0,
  view: [{ extent, coordinate: affine([index, 1]) }],
});

/** All pairs of words through some code: slots 1 and 2 are the pair, 3 and 4 their indices, then results. */
const pairs = (lines: readonly Line[]): LoopNode =>
  loop({
    shape: [WORDS, WORDS],
    operands: [vector(0, WORDS, 0), vector(0, WORDS, 1)],
    post: codeOf(lines, 5),
  });

/** Each instruction on all pairs, put together so that every bit of every result counts. */
function everyInstruction(): LoopNode {
  const lines: Line[] = [];
  let mixed: number = 3;
  for (const { name } of INSTRUCTIONS) {
    lines.push([name as InstructionName, 1, 2, 1]);
    const result = 5 + lines.length - 1;
    lines.push(['i32.xor', mixed, result], ['i32.shl', result + 1, 4], ['i32.add', result + 1, result + 2]);
    mixed = result + 3;
  }
  return pairs(lines);
}

/** A fold over the rows of inputs 1 and 2: slots 1 and 2 are their elements, 3 and 4 the indices. */
const fold = (lines: readonly Line[]): LoopNode => {
  const read = (node: number): Operand => ({
    node,
    dtype: 'f32',
    fill: 0,
    view: [
      { extent: ROWS, coordinate: affine([0, 1]) },
      { extent: STEPS, coordinate: affine([1, 1]) },
    ],
  });
  return loop({ shape: [ROWS], fold: [STEPS], operands: [read(1), read(2)], step: codeOf(lines, 5) });
};

/** Rows of the products, the last ones: some of them have words of any kind. */
const PRODUCT_ROWS = 40;

/** Rows of input 1 by rows of input 2, which is computed in tiles: all of them, or one. */
const product = (isOneRow: boolean): LoopNode => {
  const first = { offset: ROWS - PRODUCT_ROWS };
  const read = (node: number, index: number): Operand => ({
    node,
    dtype: 'f32',
    fill: 0,
    view: [
      { extent: ROWS, coordinate: { ...affine([index, 1]), ...first } },
      { extent: STEPS, coordinate: affine([2, 1]) },
    ],
  });
  return loop({
    shape: [isOneRow ? 1 : PRODUCT_ROWS, PRODUCT_ROWS],
    fold: [STEPS],
    operands: [read(1, 0), read(2, 1)],
    step: codeOf(
      [
        ['f32.mul', 1, 2],
        ['f32.add', 0, 6],
      ],
      6,
    ),
  });
};

/** Bytes that are found by bytes, and stored as bytes. */
const gathered = (dtype: 'i8' | 'u8'): LoopNode =>
  loop({
    dtype,
    shape: [WORDS - 3],
    operands: [
      { node: 3, dtype: 'u8', fill: 7, view: [{ extent: 4 * WORDS, coordinate: affine([0, 5]) }] },
      {
        node: 3,
        dtype,
        fill: 0xfffffff9,
        view: [{ extent: 4 * WORDS, coordinate: { kind: 'gathered', operand: 0 } }],
      },
    ],
    post: codeOf([['i32.sub', 2, 1]], 4),
  });

export function makeProbes(): Probes {
  const next = xorshift32(0x2545f491);
  const words = [...EXTREMES, ...Array.from({ length: WORDS - EXTREMES.length }, next)];
  const input = (dtype: 'f32' | 'u8', shape: readonly number[], slot: number): Node => ({
    kind: 'input',
    dtype,
    shape,
    slot,
  });
  const nodes: Node[] = [
    input('f32', [WORDS], 0),
    input('f32', [ROWS, STEPS], 1),
    input('f32', [ROWS, STEPS], 2),
    input('u8', [4 * WORDS], 3),
  ];
  const properties: (string | undefined)[] = nodes.map(() => undefined);
  const add = (property: string, node: LoopNode): void => {
    nodes.push(node);
    properties.push(property);
  };
  add('sums', pairs([['f32.add', 1, 2]]));
  add('products', pairs([['f32.mul', 1, 2]]));
  add(
    'sums of products',
    pairs([
      ['f32.mul', 1, 2],
      ['f32.add', 1, 5],
      ['f32.sub', 5, 2],
      ['f32.add', 6, 7],
    ]),
  );
  add('folds of sums', fold([['f32.add', 0, 1]]));
  add(
    'folds of products',
    fold([
      ['f32.mul', 1, 2],
      ['f32.add', 0, 5],
    ]),
  );
  add('products in tiles', product(false));
  add('products of one row', product(true));
  add('instructions', everyInstruction());
  add('signed bytes', gathered('i8'));
  add('bytes', gathered('u8'));
  const program = { nodes, inputs: [0, 1, 2, 3], outputs: nodes.flatMap((_, i) => (i < 4 ? [] : [i])) };
  const [first, second] = [rowsOf(words, next), rowsOf(words, next)];
  meet(first, second);
  const inputs = [words, first, second, words.map(next)].map(bytesOf);
  return { program, inputs, properties };
}
