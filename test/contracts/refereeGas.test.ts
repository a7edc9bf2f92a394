import { expect } from 'chai';
import { network } from 'hardhat';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { encodeNode } from '../../src/program/codec.ts';
import { type LeafCost, leafCost } from '../../src/program/cost.ts';
import { LIMITS } from '../../src/program/limits.ts';
import { type DType, type LoopNode, type Operand, sizeOf } from '../../src/program/node.ts';
import { validate } from '../../src/program/validate.ts';
import { INSTRUCTIONS } from '../../src/scalar/instructions.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { commitmentsOf } from '../support/disputes.ts';
import { expectGas } from '../support/gas.ts';
import { affine, f32Bytes, instruction, loop, ProgramBuilder, view } from '../support/programs.ts';

/**
 * Most gas of hashing and copying one byte of the openings: 5.6 is measured, where every step reads another chunk. Leaves that
 * take more than the 5 of src/dispute/gas.ts pay the calldata floor, which is more; see src/program/README.md, The grain.
 */
const OPENING_GAS = 7;

const fits = ({ witnessBytes, computeGas }: LeafCost): boolean =>
  witnessBytes <= LIMITS.MAX_LEAF_WITNESS_BYTES && computeGas <= LIMITS.MAX_LEAF_COMPUTE_GAS;

/** The loop with the largest grain that is valid. */
function withLargestGrain(node: LoopNode): LoopNode {
  const bytes = encodeNode(node).length;
  let low = 1;
  let high = Math.max(1, sizeOf(node.fold));
  expect(fits(leafCost({ ...node, grain: 1 }, bytes))).to.equal(true);
  while (low < high) {
    const grain = Math.ceil((low + high) / 2);
    if (fits(leafCost({ ...node, grain }, bytes))) low = grain;
    else high = grain - 1;
  }
  return { ...node, grain: low };
}

/** Instructions that repeat one with the same operands. */
const repeated = (count: number, name: Parameters<typeof instruction>[0], a: number, b = 0, c = 0) =>
  Array.from({ length: count }, () => instruction(name, a, b, c));

const bytesOf = (count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (i * 7 + (i >> 8)) & 255);

/** Reads tensor `node` of `extent` elements, the last fold index (index 1) moving by `coefficient`. */
const moving = (node: number, dtype: DType, extent: number, coefficient: number): Operand => ({
  node,
  dtype,
  fill: 0,
  view: [{ extent, coordinate: affine([[1, coefficient]]) }],
});

/** The operands on which `machine.test.ts` found instructions to be most expensive. */
const WORST: Partial<Record<string, readonly number[]>> = {
  'f32.add': [0xff7fffff, 0xff7fffff],
  'f32.sub': [0xff7fffff, 0x7f7fffff],
  'f32.mul': [0x00800000, 0x00800000],
  'f32.div': [0x00000001, 0x7f7fffff],
  'f32.sqrt': [0x00000001, 0],
  select: [0, 1, 2],
};

/** Nodes to read: 1,024 i32; 2^18 bytes; one byte. */
interface Tensors {
  readonly words: number;
  readonly large: number;
  readonly scalar: number;
}

const wide = { dtype: 'f32' as const, shape: [1] };

/** A loop whose step reads every operand. */
const reading = (frame: Pick<LoopNode, 'dtype' | 'shape' | 'fold'>, operands: readonly Operand[]): LoopNode =>
  loop({
    ...frame,
    operands,
    step: (s) => operands.map((_, i) => instruction('i32.and', s.accumulator, s.operands + i)),
  });

/** Valid loops made to be expensive in one way each. */
const adversaries: readonly (readonly [what: string, make: (tensors: Tensors) => LoopNode])[] = [
  ...INSTRUCTIONS.map(
    ({ name, arity, opcode }) =>
      [
        `nothing but ${name} on its worst operands`,
        () =>
          loop({
            ...wide,
            fold: [5000],
            constants: WORST[name] ?? [0x3f800000, 0x3f800000, 0],
            step: (s) =>
              Array.from({ length: 128 }, () => ({
                opcode,
                a: s.constants,
                b: arity > 1 ? s.constants + 1 : 0,
                c: arity > 2 ? s.constants + 2 : 0,
              })),
          }),
      ] as const,
  ),
  ['a leaf that does nothing', () => loop(wide)],
  ['steps that do nothing', () => loop({ ...wide, fold: [50_000] })],
  [
    'steps of one instruction',
    () => loop({ ...wide, fold: [50_000], step: (s) => repeated(1, 'i32.and', s.accumulator) }),
  ],
  ['runs of one step', () => loop({ ...wide, fold: [50_000, 1] })],
  ['carries over many fold dimensions', () => loop({ ...wide, fold: [5000, 1, 1, 1, 1, 1, 1, 1] })],
  [
    'operands that move on',
    ({ words }) =>
      reading(
        { ...wide, fold: [4096] },
        Array.from({ length: 4 }, () => moving(words, 'i32', 1024, 1)),
      ),
  ],
  [
    'operands of bytes that move on',
    ({ large }) =>
      reading(
        { ...wide, fold: [4096] },
        Array.from({ length: 8 }, () => moving(large, 'i8', 2 ** 18, 1)),
      ),
  ],
  [
    'operands that change between known chunks at every step',
    ({ words }) =>
      reading(
        { ...wide, fold: [500, 16] },
        Array.from({ length: 3 }, () => ({
          ...moving(words, 'i32', 1024, 0),
          view: [{ extent: 1024, coordinate: affine([[2, 64]]) }],
        })),
      ),
  ],
  [
    'operands read anew at every step: scalars',
    ({ scalar }) =>
      reading(
        { ...wide, fold: [5000, 1] },
        Array.from({ length: 16 }, () => ({ ...moving(scalar, 'i8', 1, 0), view: [] })),
      ),
  ],
  ...[0, 1, 4, 16].map(
    (terms) =>
      [
        `operands read anew at every step: eight dimensions of ${terms} terms`,
        ({ scalar }: Tensors) =>
          reading(
            { ...wide, fold: [5000, 1] },
            Array.from({ length: 4 }, () => ({
              ...moving(scalar, 'i8', 1, 0),
              view: Array.from({ length: 8 }, () => ({
                extent: 1,
                coordinate: affine(
                  Array.from({ length: terms }, () => [1, 0] as const),
                  { divisor: 3, exact: true },
                ),
              })),
            })),
          ),
      ] as const,
  ),
  [
    'operands with a divided coordinate that the last fold index moves',
    ({ words }) =>
      reading(
        { ...wide, fold: [2000] },
        Array.from({ length: 4 }, () => ({
          ...moving(words, 'i32', 1024, 0),
          view: [{ extent: 1024, coordinate: affine([[1, 1]], { divisor: 2, exact: true }) }],
        })),
      ),
  ],
  [
    'a gather at every step',
    ({ words, large }) =>
      loop({
        ...wide,
        fold: [1024],
        operands: [
          moving(words, 'i32', 1024, 1),
          {
            node: large,
            dtype: 'i8',
            fill: 0,
            view: [{ extent: 2 ** 18, coordinate: { kind: 'gathered', operand: 0 } }],
          },
        ],
        step: (s) => [instruction('i32.and', s.accumulator, s.operands + 1)],
      }),
  ],
  [
    'a jump to another chunk at every step',
    ({ large }) =>
      loop({
        ...wide,
        fold: [1024],
        operands: [moving(large, 'i8', 2 ** 18, 256)],
        step: (s) => [instruction('i32.and', s.accumulator, s.operands)],
      }),
  ],
  [
    'openings and arithmetic together at their limits',
    ({ large }) =>
      loop({
        ...wide,
        fold: [1024],
        constants: [0x00800000],
        operands: [moving(large, 'i8', 2 ** 18, 256)],
        step: (s) => [
          instruction('i32.and', s.accumulator, s.operands),
          ...repeated(17, 'f32.mul', s.constants, s.constants),
        ],
      }),
  ],
  [
    'a long post program',
    ({ words }) =>
      loop({
        ...wide,
        constants: [0x00800000],
        operands: Array.from({ length: 16 }, (_, i) => ({
          ...moving(words, 'i32', 1024, 0),
          view: [{ extent: 1024, coordinate: affine([], { offset: 64 * i }) }],
        })),
        post: (s) => [
          ...Array.from({ length: 16 }, (_, i) => instruction('i32.and', s.accumulator, s.operands + i)),
          ...repeated(112, 'f32.mul', s.constants, s.constants),
        ],
      }),
  ],
  [
    'decoding of terms, twice',
    ({ words }) =>
      loop({
        ...wide,
        operands: Array.from({ length: 4 }, () => ({
          ...moving(words, 'i32', 1024, 0),
          view: Array.from({ length: 8 }, (_, d) => ({
            extent: d === 0 ? 1024 : 1,
            coordinate: affine(Array.from({ length: 16 }, () => [0, 1] as const)),
          })),
        })),
        step: (s) => [0, 1, 2, 3].map((i) => instruction('i32.xor', s.operands + i, 0)),
        post: (s) => [0, 1, 2, 3].map((i) => instruction('i32.xor', s.operands + i, 0)),
      }),
  ],
  [
    'decoding of operands and dimensions, twice',
    ({ scalar }) =>
      loop({
        ...wide,
        operands: Array.from({ length: 16 }, () => ({
          ...moving(scalar, 'i8', 1, 0),
          view: Array.from({ length: 8 }, () => ({ extent: 1, coordinate: affine([]) })),
        })),
        step: (s) => Array.from({ length: 16 }, (_, i) => instruction('i32.xor', s.operands + i, 0)),
        post: (s) => Array.from({ length: 16 }, (_, i) => instruction('i32.xor', s.operands + i, 0)),
      }),
  ],
  [
    'decoding of constants and instructions',
    () =>
      loop({
        ...wide,
        constants: Array.from({ length: 64 }, (_, i) => i),
        step: () => repeated(128, 'i32.xor', 0),
        post: () => repeated(128, 'i32.xor', 0),
      }),
  ],
];

describe('gas of a leaf', function () {
  this.timeout(300_000);

  async function deploy() {
    const { ethers } = await network.create();
    const [sender] = await ethers.getSigners();
    return {
      ethers,
      sender: sender!,
      referee: await ethers.deployContract('Referee'),
      meter: await ethers.deployContract('GasMeter'),
    };
  }
  let chain: Awaited<ReturnType<typeof deploy>>;
  before(async () => {
    chain = await deploy();
  });

  /** Costs of the last leaf of a node's last element: gas of the call and of the transaction, bytes opened. */
  async function measure(builder: ProgramBuilder, nodeIndex: number, inputs: readonly Uint8Array[] = []) {
    const { program, weights } = builder.finish();
    expect(validate(program)).to.deep.equal([]);
    const session = await referenceEngine.load(program, weights);
    const trace = new RunTrace(modelOf(program), await session.runAll(inputs));
    const node = program.nodes[nodeIndex] as LoopNode;
    const element = sizeOf(node.shape) - 1;
    const to = sizeOf(node.fold);
    const from = Math.max(0, to - node.grain);
    const [accumulator] = trace.accumulators(nodeIndex, element, [from]) as [number];
    const witness = trace.witness(nodeIndex, element, from, to);
    const call = [
      trace.model.descriptors[nodeIndex]!,
      element,
      from,
      to,
      accumulator,
      commitmentsOf(trace, nodeIndex),
      witness,
    ] as const;
    expect(Number(await chain.referee.run(...call))).to.equal(trace.word(nodeIndex, element));
    const data = chain.referee.interface.encodeFunctionData('run', [...call] as never);
    const to_ = await chain.referee.getAddress();
    const sent = await chain.sender.sendTransaction({ to: to_, data, gasLimit: 16_000_000n });
    return {
      witnessBytes: witness.length,
      callGas: Number(await chain.meter.spent(to_, data)),
      transactionGas: Number((await sent.wait())!.gasUsed),
    };
  }

  describe('attack 23: an adversarial but valid node stays within the limit', () => {
    let worst = 0;
    for (const [what, make] of adversaries) {
      it(`with ${what}`, async () => {
        const builder = new ProgramBuilder();
        // Words from 0 to 2^18 - 1, which gather from the large one.
        const low = bytesOf(4 * 1024).map((byte, i) => (i % 4 === 3 ? 0 : i % 4 === 2 ? byte & 3 : byte));
        const tensors = {
          words: builder.constant('i32', [1024], low),
          large: builder.constant('i8', [2 ** 18], bytesOf(2 ** 18)),
          scalar: builder.constant('i8', [], bytesOf(1)),
        };
        const node = withLargestGrain(make(tensors));
        const index = builder.node(node);
        const measured = await measure(builder, index);
        const bound = leafCost(node, encodeNode(node).length);
        if (process.env['ASSAY_PRINT'])
          console.log(
            ((measured.callGas - OPENING_GAS * measured.witnessBytes) / bound.computeGas).toFixed(2),
            what,
            node.grain,
            JSON.stringify(bound),
            JSON.stringify(measured),
          );
        expect(measured.witnessBytes).to.be.at.most(bound.witnessBytes);
        expect(measured.callGas - OPENING_GAS * measured.witnessBytes).to.be.at.most(bound.computeGas);
        expect(measured.transactionGas).to.be.at.most(2_000_000);
        worst = Math.max(worst, measured.transactionGas);
        // The rules can be checked in one transaction whatever the node.
        const model = {
          programRoot: `0x${'00'.repeat(32)}`,
          nodeCount: 4,
          inputs: [],
          outputs: [],
          answers: [],
        };
        const call = chain.referee.interface.encodeFunctionData('isMalformed', [model, 3, encodeNode(node)]);
        expect(await chain.referee.isMalformed(model, 3, encodeNode(node))).to.equal(false);
        expect(Number(await chain.meter.spent(chain.referee, call))).to.be.at.most(1_500_000);
      });
    }

    it('the dearest of these nodes takes at least 40 % of the limit', () => {
      expect(worst).to.be.at.least(800_000);
    });
  });

  for (const grain of [16, 32, 64]) {
    it(`is at most ${grain <= 32 ? '200,000' : '300,000'} for ${grain} steps of an f32 dot product`, async () => {
      const builder = new ProgramBuilder();
      const depth = 256;
      const wave = (count: number) => f32Bytes(Array.from({ length: count }, (_, i) => Math.sin(i)));
      const x = builder.input('f32', [16, depth]);
      const w = builder.constant('f32', [64, depth], wave(64 * depth));
      const product = builder.node(
        loop({
          dtype: 'f32',
          shape: [16, 64],
          fold: [depth],
          grain,
          operands: [
            { node: x, dtype: 'f32', fill: 0, view: [view(16, 0), view(depth, 2)] },
            { node: w, dtype: 'f32', fill: 0, view: [view(64, 1), view(depth, 2)] },
          ],
          step: (s) => [
            instruction('f32.mul', s.operands, s.operands + 1),
            instruction('f32.add', s.accumulator, s.results),
          ],
        }),
      );
      for (let i = builder.nodes.length; i < 64; i++) builder.node(loop({ dtype: 'f32', shape: [1] }));
      const { transactionGas } = await measure(builder, product, [wave(16 * depth)]);
      expect(transactionGas).to.be.at.most(grain <= 32 ? 200_000 : 300_000);
      expectGas(`leaf of ${grain} steps of an f32 dot product, its transaction`, BigInt(transactionGas));
    });
  }
});
