import { expect } from 'chai';
import { network } from 'hardhat';
import { encodeNode } from '../../src/program/codec.ts';
import { leafCost } from '../../src/program/cost.ts';
import { LIMITS } from '../../src/program/limits.ts';
import { byteLengthOf, type LoopNode, type Node, type Operand } from '../../src/program/node.ts';
import { RULES, type Rule } from '../../src/program/rules.ts';
import { checkDescriptor, checkOperand, validate } from '../../src/program/validate.ts';
import { OPCODE } from '../../src/scalar/instructions.ts';
import { wildLoop } from '../support/extremePrograms.ts';
import { affine, instruction, loop, ProgramBuilder, view } from '../support/programs.ts';
import { Random, randomProgram } from '../support/randomProgram.ts';

/** The index that the tested node has. */
const INDEX = 9;
/** A model of several blocks of 16 nodes. */
const MODEL = {
  nodeCount: 100,
  inputs: [{ node: 3, byteLength: 20 }],
  outputs: [{ node: 4, byteLength: 8 }],
  answers: [],
};

const operand: Operand = { node: 1, dtype: 'i32', fill: 0, view: [view(6, 0), view(5, 2)] };

/** A valid loop; slots: 0 accumulator, 1 constant, 2 and 3 operands, 4 and 5 output indices, 6 fold index, 7 results. */
const base: LoopNode = loop({
  dtype: 'f32',
  shape: [6, 4],
  fold: [5],
  constants: [7],
  grain: 2,
  operands: [operand, { ...operand, view: [{ extent: 30, coordinate: affine([[0, 5]]) }] }],
  step: (s) => [instruction('i32.add', s.accumulator, s.operands)],
  post: (s) => [instruction('i32.sub', s.accumulator, s.operands + 1)],
});

const withView = (part: Partial<Operand['view'][number]>, rest: Partial<Operand> = {}): LoopNode => ({
  ...base,
  operands: [
    { ...operand, view: [{ extent: 30, coordinate: affine([[0, 5]]), ...part }], ...rest },
    base.operands[1]!,
  ],
});
const withStep = (...code: LoopNode['step']['code']): LoopNode => ({
  ...base,
  // Operand 0 is read by the result.
  step: { code, result: 2 },
});

/** Encoded, then a byte overwritten. */
const poked = (node: Node, at: number, ...bytes: readonly number[]): Uint8Array => {
  const encoded = encodeNode(node);
  encoded.set(bytes, at < 0 ? encoded.length + at : at);
  return encoded;
};

const input = (slot: number, shape = [5]): Node => ({ kind: 'input', dtype: 'i32', shape, slot });
const constant = (shape: readonly number[]): Node => ({
  kind: 'constant',
  dtype: 'f32',
  shape,
  root: new Uint8Array(32).fill(1),
});
const outputLoop = (checkpoint: boolean): LoopNode => loop({ dtype: 'f32', shape: [2], checkpoint });
const HUGE = 2 ** 31;

/** A fold of 300 steps that jump from chunk to chunk. */
const jumping = (grain: number): LoopNode => ({
  ...base,
  fold: [300],
  grain,
  operands: [{ ...operand, view: [{ extent: 30_000, coordinate: affine([[2, 100]]) }] }, base.operands[1]!],
});

/** Each malformation by itself, with the rule that names it. */
const malformed: readonly (readonly [what: string, rule: Rule, descriptor: Uint8Array, index?: number])[] = [
  ['a descriptor above the limit', 'descriptor size', new Uint8Array(LIMITS.MAX_DESCRIPTOR_BYTES + 1)],
  ['no bytes', 'encoding', new Uint8Array(0)],
  ['a header cut off', 'encoding', encodeNode(base).slice(0, 31)],
  ['a descriptor cut off in an operand', 'encoding', encodeNode(base).slice(0, -1)],
  ['a byte after the end', 'encoding', Uint8Array.from([...encodeNode(base), 0])],
  ['an unknown kind', 'encoding', poked(base, 0, 4)],
  ['kind 0', 'encoding', poked(base, 0, 0)],
  ['an unknown dtype', 'encoding', poked(base, 1, 5)],
  ['dirty padding of the header', 'encoding', poked(base, 31, 1)],
  ['a slot where there is none', 'encoding', poked(base, 21, 1)],
  ['a mark of a checkpoint that is not 0 or 1', 'encoding', poked(base, 22, 2)],
  ['a mark of a checkpoint on a constant', 'encoding', poked(constant([2]), 22, 1)],
  ['a grain in a constant', 'encoding', poked(constant([2]), 13, 1)],
  ['operands in an input', 'encoding', poked(input(0), 4, 1)],
  ['uses that are not those of the code', 'encoding', poked(base, encodeNode(base).indexOf(1, 66), 3)],
  ['an unknown coordinate mode', 'encoding', poked(base, -15, 3)],
  ['nine output dimensions', 'rank', encodeNode(constant(Array(9).fill(1)))],
  [
    'nine fold dimensions',
    'rank',
    encodeNode({ ...base, fold: Array(9).fill(1), step: { code: [], result: 2 } }),
  ],
  ['nine view dimensions', 'rank', encodeNode(withView({}, { view: Array(9).fill(view(1, 0)) }))],
  ['a huge extent', 'extent', encodeNode(constant([HUGE]))],
  ['a huge extent beside a zero one', 'extent', encodeNode(constant([0, HUGE]))],
  ['a huge fold extent', 'extent', encodeNode({ ...base, fold: [HUGE] })],
  ['a huge view extent', 'extent', encodeNode(withView({ extent: HUGE }))],
  ['a tensor above the limit', 'tensor size', encodeNode(constant([2 ** 14, 2 ** 14 + 1]))],
  [
    'extents whose product wraps to 0',
    'tensor size',
    encodeNode(constant([2 ** 30, 2 ** 30, 2 ** 30, 2 ** 30, 2 ** 30, 2 ** 30, 2 ** 30, 2 ** 30])),
  ],
  ['a view above the limit', 'tensor size', encodeNode(withView({ extent: 2 ** 28 + 1 }))],
  [
    'a fold above the limit',
    'fold size',
    encodeNode({
      ...base,
      fold: [2 ** 16, 2 ** 15],
      operands: [],
      step: { code: [], result: 0 },
      post: { code: [], result: 0 },
    }),
  ],
  [
    'seventeen operands',
    'count',
    encodeNode({
      ...base,
      operands: Array(17).fill(operand),
      step: { code: [], result: 0 },
      post: { code: [], result: 0 },
    }),
  ],
  [
    'too many constants',
    'count',
    encodeNode({
      ...base,
      constants: Array(65).fill(0),
      operands: [],
      step: { code: [], result: 0 },
      post: { code: [], result: 0 },
    }),
  ],
  ['too many instructions', 'count', encodeNode(withStep(...Array(129).fill(instruction('i32.add', 0, 0))))],
  ['too many terms', 'count', encodeNode(withView({ coordinate: affine(Array(17).fill([0, 0])) }))],
  ['opcode 0', 'opcode', encodeNode(withStep({ opcode: 0, a: 0, b: 0, c: 0 }))],
  [
    'an opcode beyond the last',
    'opcode',
    encodeNode(withStep({ opcode: OPCODE.select + 1, a: 0, b: 0, c: 0 })),
  ],
  ['an unused b', 'unused reference', encodeNode(withStep({ opcode: OPCODE['f32.sqrt'], a: 0, b: 1, c: 0 }))],
  ['an unused c', 'unused reference', encodeNode(withStep({ opcode: OPCODE['f32.add'], a: 0, b: 0, c: 1 }))],
  [
    'an instruction that reads its own result',
    'reference',
    encodeNode(withStep(instruction('i32.add', 7, 0))),
  ],
  [
    'an instruction that reads a later result',
    'reference',
    encodeNode(withStep(instruction('i32.add', 0, 8), instruction('i32.add', 0, 0))),
  ],
  ['a select whose third is late', 'reference', encodeNode(withStep(instruction('select', 0, 0, 255)))],
  ['a result beyond the slots', 'result', encodeNode({ ...base, post: { ...base.post, result: 8 } })],
  [
    'post that reads a fold index',
    'post',
    encodeNode({ ...base, post: { code: [instruction('i32.sub', 6, 3)], result: 7 } }),
  ],
  ['post that yields a fold index', 'post', encodeNode({ ...base, post: { ...base.post, result: 6 } })],
  [
    'post that reads an operand moved by the fold',
    'post',
    encodeNode({ ...base, post: { code: [instruction('i32.sub', 2, 3)], result: 7 } }),
  ],
  [
    'post that reads an operand gathered by one moved by the fold',
    'post',
    encodeNode({
      ...base,
      operands: [
        operand,
        { ...operand, view: [{ extent: 30, coordinate: { kind: 'gathered', operand: 0 } }] },
      ],
    }),
  ],
  ['a later operand', 'operand order', encodeNode(base), 1],
  [
    'a node that reads itself',
    'operand order',
    encodeNode({ ...base, operands: [{ ...operand, node: INDEX }, base.operands[1]!] }),
  ],
  [
    'a cycle through a later node',
    'operand order',
    encodeNode({ ...base, operands: [{ ...operand, node: INDEX + 1 }, base.operands[1]!] }),
  ],
  ['a divisor of 0', 'divisor', encodeNode(withView({ coordinate: affine([], { divisor: 0 }) }))],
  ['an index that does not exist', 'term index', encodeNode(withView({ coordinate: affine([[3, 1]]) }))],
  [
    'an address that could overflow',
    'address',
    encodeNode({
      ...withView({
        coordinate: affine([
          [2, 2 ** 31 - 1],
          [2, 2 ** 31 - 1],
        ]),
      }),
      fold: [2 ** 17],
    }),
  ],
  [
    'an operand gathered by itself',
    'gather',
    encodeNode(withView({ coordinate: { kind: 'gathered', operand: 0 } })),
  ],
  [
    'an operand gathered by a later one',
    'gather',
    poked(withView({ coordinate: { kind: 'gathered', operand: 0 } }), -26, 1),
  ],
  [
    'an operand gathered by floats',
    'gather',
    encodeNode({
      ...base,
      operands: [
        { ...operand, dtype: 'f32' },
        { ...operand, view: [{ extent: 30, coordinate: { kind: 'gathered', operand: 0 } }] },
      ],
      post: { code: [], result: 0 },
      step: { code: [], result: 3 },
    }),
  ],
  ['a grain of 0', 'grain', encodeNode({ ...base, grain: 0 })],
  ['a grain whose openings are too large', 'leaf witness', encodeNode(jumping(60))],
  [
    'a grain whose arithmetic is too expensive',
    'leaf gas',
    encodeNode({
      ...base,
      fold: [2 ** 20],
      operands: [
        { ...operand, view: [view(6, 0), { extent: 5, coordinate: affine([]) }] },
        base.operands[1]!,
      ],
      grain: 100_000,
    }),
  ],
  ["an input beyond the model's list", 'input', encodeNode(input(1)), 3],
  ['an input at another node', 'input', encodeNode(input(0)), 2],
  ['an input of another size', 'input', encodeNode(input(0, [4])), 3],
  ['a loop where the model has an input', 'input', encodeNode(base), 3],
  ['an output of another size', 'output', encodeNode(constant([3])), 4],
  ['an output that is no checkpoint', 'checkpoint', encodeNode(outputLoop(false)), 4],
];

const valid: readonly (readonly [what: string, descriptor: Uint8Array, index?: number])[] = [
  ['the loop that the malformed ones start from', encodeNode(base)],
  ['the jumping fold with a small grain', encodeNode(jumping(20))],
  ['a tensor of exactly the limit', encodeNode(constant([2 ** 14, 2 ** 14]))],
  ['an empty tensor', encodeNode(constant([0, HUGE - 1]))],
  ['a scalar', encodeNode(constant([]))],
  ['an input', encodeNode(input(0)), 3],
  ['an output', encodeNode(constant([2])), 4],
  ['an output that is a checkpoint', encodeNode(outputLoop(true)), 4],
  ['a checkpoint that need not be one', encodeNode({ ...base, checkpoint: true })],
  ['a grain beyond the fold', encodeNode({ ...base, grain: 0xffffffff })],
  [
    'an address at the limit',
    encodeNode({ ...withView({ coordinate: affine([[2, 2 ** 30]]) }), fold: [2 ** 17 + 1] }),
  ],
];

describe('static rules', function () {
  this.timeout(120_000);

  async function deploy() {
    const { ethers } = await network.create({
      override: { blockGasLimit: 1n << 40n, transactionGasCap: false },
    });
    return ethers.deployContract('NodeRulesMock');
  }
  let rules: Awaited<ReturnType<typeof deploy>>;
  before(async () => {
    rules = await deploy();
  });

  const model = (fields = MODEL) => ({ programRoot: `0x${'00'.repeat(32)}`, ...fields });
  /** The chain's verdict on each descriptor. */
  async function onChain(descriptors: readonly Uint8Array[], index: number, fields = MODEL) {
    const bytes = await rules.violations(model(fields), index, [...descriptors], { gasLimit: 1n << 39n });
    return [...Buffer.from(bytes.slice(2), 'hex')].map((code) => (code === 0 ? undefined : RULES[code - 1]));
  }

  describe('attack 20: a malformed node is refused by the compiler and proven on chain', () => {
    for (const [what, rule, descriptor, index = INDEX] of malformed) {
      it(`${what} breaks the rule "${rule}"`, async () => {
        const violation = checkDescriptor(descriptor, index, MODEL);
        expect(violation?.rule).to.equal(rule);
        expect(violation?.node).to.equal(index);
        expect(await onChain([descriptor], index)).to.deep.equal([rule]);
      });
    }

    it('every rule on single nodes has a case', () => {
      const tried = new Set(malformed.map(([, rule]) => rule));
      const single = RULES.slice(0, RULES.indexOf('operand size')).filter((rule) => !tried.has(rule));
      // At most 1 + 64 + 16 + 16 + 128 slots are possible within the other limits, so "slots" is a second line.
      expect(single).to.deep.equal(['slots']);
    });

    it('an operand fits the size and the dtype of the node that it reads', async () => {
      const cases: readonly (readonly [Node, Rule | undefined])[] = [
        [{ kind: 'input', dtype: 'i32', shape: [30], slot: 0 }, undefined],
        [{ kind: 'input', dtype: 'i32', shape: [29], slot: 0 }, 'operand size'],
        [{ kind: 'input', dtype: 'f32', shape: [30], slot: 0 }, 'operand dtype'],
      ];
      for (const [read, rule] of cases) {
        expect(checkOperand(base, INDEX, 0, read, MODEL.nodeCount)?.rule).to.equal(rule);
        const code = await rules.operandViolation(MODEL.nodeCount, INDEX, encodeNode(base), encodeNode(read));
        expect(RULES[Number(code) - 1]).to.equal(rule);
      }
    });

    it('an operand of another block must be a checkpoint', async () => {
      const read = (checkpoint: boolean) => loop({ dtype: 'i32', shape: [30], checkpoint });
      // Operand 0 reads node 1.
      const cases: readonly (readonly [number, number, Node, Rule | undefined])[] = [
        [100, 15, read(false), undefined],
        [100, 16, read(false), 'operand checkpoint'],
        [100, 16, read(true), undefined],
        [100, 16, { kind: 'input', dtype: 'i32', shape: [30], slot: 0 }, undefined],
        [100, 99, read(false), 'operand checkpoint'],
        // Up to 32 nodes are one block; from 257 on a block has 32 nodes.
        [32, 31, read(false), undefined],
        [33, 31, read(false), 'operand checkpoint'],
        [256, 16, read(false), 'operand checkpoint'],
        [257, 31, read(false), undefined],
        [257, 32, read(false), 'operand checkpoint'],
      ];
      for (const [nodeCount, index, node, rule] of cases) {
        expect(checkOperand(base, index, 0, node, nodeCount)?.rule).to.equal(rule);
        const code = await rules.operandViolation(nodeCount, index, encodeNode(base), encodeNode(node));
        expect(RULES[Number(code) - 1]).to.equal(rule);
      }
    });

    it('an output of a program of one block needs no mark', async () => {
      const fields = { ...MODEL, nodeCount: 32 };
      expect(checkDescriptor(encodeNode(outputLoop(false)), 4, fields)).to.equal(undefined);
      expect(await onChain([encodeNode(outputLoop(false))], 4, fields)).to.deep.equal([undefined]);
    });

    it('a program is refused with a sentence for each node', () => {
      const builder = new ProgramBuilder();
      const x = builder.input('f32', [3]);
      builder.node(
        loop({
          dtype: 'f32',
          shape: [3],
          operands: [{ node: x, dtype: 'f32', fill: 0, view: [view(4, 0)] }],
        }),
      );
      builder.node(loop({ dtype: 'f32', shape: [3], grain: 0 }));
      builder.node(loop({ dtype: 'f32', shape: [3], constants: [-1] }));
      expect(validate(builder.finish().program)).to.deep.equal([
        { rule: 'operand size', node: 1, message: 'node 1: operand 0 views 4 elements, node 0 has 3' },
        { rule: 'grain', node: 2, message: 'node 2: its grain is 0, so no leaf could check a step' },
        { rule: 'encoding', node: 3, message: 'node 3: it has a number that no field can hold' },
      ]);
    });
  });

  for (const [what, descriptor, index = INDEX] of valid) {
    it(`${what} is valid`, async () => {
      expect(checkDescriptor(descriptor, index, MODEL)).to.equal(undefined);
      expect(await onChain([descriptor], index)).to.deep.equal([undefined]);
    });
  }

  it('the cost of a leaf is the same on both sides', async () => {
    for (let seed = 100; seed < 115; seed++) {
      for (const node of randomProgram(seed, 10).program.nodes) {
        if (node.kind !== 'loop') continue;
        const descriptor = encodeNode(node);
        const [witnessBytes, computeGas] = await rules.leafCost(descriptor);
        expect({ witnessBytes: Number(witnessBytes), computeGas: Number(computeGas) }).to.deep.equal(
          leafCost(node, descriptor.length),
        );
      }
    }
  });

  it('both sides name the same rule for random mutations of valid nodes', async () => {
    const programs = process.env['ASSAY_LONG'] ? 600 : 30;
    const seen = new Map<Rule | undefined, number>();
    for (let seed = 1; seed <= programs; seed++) {
      const random = new Random(seed + 7000);
      const { program } = randomProgram(seed, 8);
      const refer = (node: number) => ({ node, byteLength: byteLengthOf(program.nodes[node]!) });
      // As if it were part of a larger program, so that marks count.
      const fields = {
        nodeCount: 100,
        inputs: program.inputs.map(refer),
        outputs: program.outputs.map(refer),
        answers: [],
      };
      for (const [index, node] of program.nodes.entries()) {
        const mutants = random.times(20, () => mutate(random, encodeNode(node)));
        const expected = mutants.map((mutant) => checkDescriptor(mutant, index, fields)?.rule);
        const chain = await onChain(mutants, index, fields);
        for (const [i, rule] of expected.entries()) {
          seen.set(rule, (seen.get(rule) ?? 0) + 1);
          expect(
            chain[i],
            `seed ${seed}, node ${index}: 0x${Buffer.from(mutants[i]!).toString('hex')}`,
          ).to.equal(rule);
        }
      }
    }
    // Mutation reaches most rules, and leaves some nodes valid.
    expect(seen.size).to.be.greaterThan(12);
    expect(seen.get(undefined)).to.be.greaterThan(100);
  });

  it('both sides name the same rule, and the same cost, for nodes of any numbers', async () => {
    const batches = process.env['ASSAY_LONG'] ? 2000 : 10;
    const random = new Random(7919);
    const fields = {
      nodeCount: 100,
      inputs: [{ node: 3, byteLength: 20 }],
      outputs: [
        { node: 4, byteLength: 8 },
        { node: 9, byteLength: 24 },
      ],
      answers: [],
    };
    const seen = new Map<Rule | undefined, number>();
    let costs = 0;
    for (let batch = 0; batch < batches; batch++) {
      const nodes = random.times(25, () => wildLoop(random));
      const descriptors = nodes.map(encodeNode);
      const index = random.pick([9, 9, 9, 2, 4, 99]);
      const expected = descriptors.map((one) => checkDescriptor(one, index, fields)?.rule);
      const chain = await onChain(descriptors, index, fields);
      for (const [i, rule] of expected.entries()) {
        const descriptor = descriptors[i]!;
        const hex = `0x${Buffer.from(descriptor).toString('hex')}`;
        seen.set(rule, (seen.get(rule) ?? 0) + 1);
        expect(chain[i], `node ${index}: ${hex}`).to.equal(rule);
        if (!OUTSIDE.includes(rule)) continue;
        const cost = leafCost(nodes[i]!, descriptor.length);
        if (cost.witnessBytes > EXACT || cost.computeGas > EXACT) continue;
        const [witnessBytes, computeGas] = await rules.leafCost(descriptor, { gasLimit: 1n << 39n });
        expect({ witnessBytes: Number(witnessBytes), computeGas: Number(computeGas) }, hex).to.deep.equal(
          cost,
        );
        costs++;
      }
    }
    expect(seen.size).to.be.above(12);
    expect(costs).to.be.above(batches);
  });
});

/** The rules that say nothing of a node's own form: what it costs, and how it fits the model. */
const OUTSIDE: readonly (Rule | undefined)[] = [
  undefined,
  'leaf witness',
  'leaf gas',
  'output',
  'input',
  'checkpoint',
];

/** Above this a number of TypeScript may be rounded; limits are far below. */
const EXACT = 2 ** 50;

/** One to three bytes changed, mostly by little, sometimes to an extreme; rarely the length. */
function mutate(random: Random, descriptor: Uint8Array): Uint8Array {
  const mutant = Uint8Array.from(descriptor);
  for (let count = random.between(1, 3); count > 0; count--) {
    // Half of the changes in the header and what follows it closely.
    const at = random.below(random.chance(50) ? Math.min(48, mutant.length) : mutant.length);
    const byte = mutant[at] as number;
    mutant[at] = random.pick([byte + 1, byte - 1, byte ^ 0x80, 0, 255, 1, random.below(256)]);
  }
  if (random.chance(3)) return mutant.slice(0, random.below(mutant.length));
  if (random.chance(3))
    return Uint8Array.from([...mutant, ...random.times(random.between(1, 20), () => random.below(3))]);
  return mutant;
}
