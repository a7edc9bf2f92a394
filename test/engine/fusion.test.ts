import { expect } from 'chai';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { fused } from '../../src/engine/wasm/fusion.ts';
import type { Program } from '../../src/program/node.ts';
import { layerProgram } from '../support/layerProgram.ts';
import { affine, instruction, loop, ProgramBuilder, sameShape } from '../support/programs.ts';
import { Random, randomProgram } from '../support/randomProgram.ts';
import { wideProgram } from '../support/wideProgram.ts';

const PROGRAMS = process.env['ASSAY_LONG'] ? 3_000 : 150;
const LONG_MS = process.env['ASSAY_LONG'] ? 1_800_000 : 120_000;

const gone = ({ nodes }: Program, before: Program): number[] =>
  nodes.flatMap((node, i) => (node !== before.nodes[i] && node.shape[0] === 0 ? [i] : []));

/** A layer with elementwise loops after it, some of them flat, some reading two earlier ones. */
function chain(random: Random) {
  const made = layerProgram(random);
  const build = new ProgramBuilder();
  build.nodes.push(...made.program.nodes);
  build.inputs.push(...made.program.inputs);
  for (const [node, bytes] of made.weights) build.weights.set(node, bytes);
  for (let count = random.between(1, 4); count > 0; count--) {
    const last = build.nodes.length - 1;
    const { shape, dtype } = build.nodes[last]!;
    const size = shape.reduce((all, extent) => all * extent, 1);
    const flat = random.chance(50) && size > 0;
    const own = (node: number) => ({
      node,
      dtype: build.nodes[node]!.dtype,
      fill: 0,
      view: [{ extent: size, coordinate: affine([[0, 1]]) }],
    });
    const earlier = build.nodes.flatMap((node, i) =>
      i < last && node.kind === 'loop' && node.shape.reduce((a, e) => a * e, 1) === size ? [i] : [],
    );
    const second = earlier.length > 0 && random.chance(50) ? random.pick(earlier) : last;
    build.node(
      loop({
        dtype: random.pick(['f32', 'f32', 'i32', 'u8'] as const),
        shape: flat ? [size] : shape,
        operands: flat
          ? [own(last), own(second)]
          : [sameShape(last, dtype, shape), sameShape(last, dtype, shape)],
        constants: [0x40400000, random.word()],
        init: random.word(),
        post: (s) => [
          instruction(
            random.pick(['f32.add', 'i32.xor'] as const),
            s.operands,
            s.constants + random.below(2),
          ),
          instruction(random.pick(['f32.mul', 'f32.max', 'i32.add'] as const), s.results, s.operands + 1),
          instruction('i32.xor', s.results + 1, random.pick([s.accumulator, s.results])),
        ],
      }),
    );
  }
  return { ...build.finish(), inputs: made.inputs };
}

const MAKERS = {
  'layers with loops after them': (seed: number) => chain(new Random(seed)),
  'random programs': (seed: number) => randomProgram(seed, 8),
  'wide programs': (seed: number) => wideProgram(new Random(seed)),
};

describe('fusion', () => {
  let fusions = 0;
  for (const [what, make] of Object.entries(MAKERS)) {
    it(`leaves the reference's bits of every output: ${what}`, async function () {
      this.timeout(LONG_MS);
      for (let seed = 1; seed <= PROGRAMS; seed++) {
        const { program, weights, inputs } = make(seed);
        const lean = fused(program);
        const left = gone(lean, program);
        fusions += left.length;
        const [expected, given] = await Promise.all(
          [program, lean].map(async (one) => (await referenceEngine.load(one, weights)).runAll(inputs)),
        );
        expected!.forEach((tensor, i) => {
          if (left.includes(i)) expect(program.outputs).not.to.include(i);
          else expect(Buffer.compare(tensor, given![i]!), `${what}, seed ${seed}, node ${i}`).to.equal(0);
        });
      }
    });
  }

  it('had something to do', () => {
    expect(fusions).to.be.greaterThan(PROGRAMS);
  });
});
