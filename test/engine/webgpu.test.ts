import { expect } from 'chai';
import { examples } from '../../examples/models/examples.ts';
import { models, programInputs } from '../../examples/models/index.ts';
import { rungs, textsOf } from '../../examples/text/rungs.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { inputsOf } from '../../src/text/generate.ts';
import { tokenBytes } from '../../src/text/tokens.ts';
import { madeFrom, NEST_KINDS } from '../browser/nests.ts';
import { availableOrSkip } from '../support/available.ts';
import { compareNests } from '../support/gpu/nests.ts';
import { sharedGpu } from '../support/gpu/sharedGpu.ts';
import { deviceOrSkip, engineOn, expectTensors, onDevice, rootsOf } from '../support/gpu/stage.ts';
import {
  affine,
  FAR,
  f32Bytes,
  i32Bytes,
  instruction,
  loop,
  matMul,
  ProgramBuilder,
  view,
} from '../support/programs.ts';

const LONG = process.env['ASSAY_LONG'] !== undefined;

/** Loops of random programs of each kind. */
const NESTS = LONG ? 2_600 : 40;
/** Models that a device on the CPU runs in seconds. */
const QUICK = ['digits', 'digits int8', 'boosted trees (iris)', 'language identifier (lande)'];
const chosen = [...models, ...examples].filter(({ name }) => LONG || QUICK.includes(name));

describe('programs on a GPU', function () {
  this.timeout(1_800_000);
  let gpu: GPU;
  let shared: ReturnType<typeof engineOn>;

  before(async function () {
    gpu = sharedGpu(await deviceOrSkip(this));
    shared = engineOn(gpu);
  });

  afterEach(() => {
    expect(shared.lines).to.deep.equal([]);
  });

  for (const kind of NEST_KINDS) {
    it(`gives random nests the tensors of the reference: ${kind}`, async () => {
      for (let nests = 0, seed = 1; nests < NESTS; seed++) {
        const found = await compareNests(shared.engine, kind, seed);
        expect(found.wrong, `seed ${seed}`).to.deep.equal([]);
        nests += found.nests;
      }
    });
  }

  it('gives random nests the tensors of the reference in integers alone', async () => {
    const { engine } = engineOn(gpu, { isInterpreted: true });
    for (const kind of NEST_KINDS) {
      const { program, weights, inputs } = madeFrom(kind, 77);
      const expected = await (await referenceEngine.load(program, weights)).runAll(inputs);
      const session = await onDevice(engine, program, weights);
      expect(rootsOf(await session.runAll(inputs)), kind).to.deep.equal(rootsOf(expected));
      await session.close();
    }
  });

  for (const model of chosen) {
    it(`gives every tensor of ${model.name} the root that the CPU gives it, in all ways`, async function () {
      const compiled = await availableOrSkip(this, () => importOnnx(model.bytes(), model.options));
      const { program, weights } = compiled;
      const inputs = programInputs(compiled, model.inputs());
      const cpu = await wasmEngine.load(program, weights);
      const session = await onDevice(shared.engine, program, weights);
      await expectTensors(session, inputs, await cpu.runAll(inputs));
      await Promise.all([cpu.close(), session.close()]);
    });
  }

  it('accepts a text of the small model, and doubts nothing of it', async function () {
    const rung = rungs[0]!;
    const model = await availableOrSkip(this, () => rung.compile());
    const { program, weights } = model;
    const { ids, tokens } = textsOf(rung)[0]!;
    const inputs = [...inputsOf(model, { prompt: ids }), tokenBytes(tokens, model.width)];
    const expected = await (await wasmEngine.load(program, weights)).runCheckpoints(inputs);
    const session = await onDevice(shared.engine, program, weights);
    const found = await session.runCheckpoints(inputs);
    for (const [i, { root }] of expected.trees)
      expect(hexOf(found.trees.get(i)!.root), `checkpoint ${i}`).to.equal(hexOf(root));
    const accept = found.tensors.get(program.outputs[0]!)!;
    expect(accept.some((byte) => byte !== 0)).to.equal(true);
    const doubts = [...(await session.doubts('checkpoints')).values()];
    expect(doubts.filter((count) => count > 0)).to.deep.equal([]);
    await session.close();
  });

  it('computes sums of subnormal products again, and only those', async () => {
    const build = new ProgramBuilder();
    const x = build.input('f32', [3, 2]);
    const y = build.input('f32', [2, 1]);
    build.node(matMul(x, y, 3, 2, 1));
    const { program, weights } = build.finish();
    const session = await onDevice(shared.engine, program, weights);
    const [found] = await session.run([f32Bytes([1, 2, 2 ** -80, 2 ** -60, 3, 4]), f32Bytes([2 ** -60, 1])]);
    expect(found!.bytes).to.deep.equal(f32Bytes([2 + 2 ** -60, 2 ** -60 + 2 ** -140, 4 + 3 * 2 ** -60]));
    expect([...(await session.doubts()).values()]).to.deep.equal([1]);
    await session.close();
  });

  it('gives +0 for a sum of products that are all -0, of one step and of many', async () => {
    const build = new ProgramBuilder();
    const vector = build.input('f32', [64]);
    const matrix = build.input('f32', [64, 64]);
    const at = view(64, 0);
    // One step: a compiler that knows that the sum starts at 0 may leave the sum out.
    build.node(
      loop({
        dtype: 'f32',
        shape: [64],
        operands: [
          { node: vector, dtype: 'f32', fill: 0, view: [at] },
          { node: matrix, dtype: 'f32', fill: 0, view: [at, at] },
        ],
        step: (s) => [
          instruction('f32.mul', s.operands, s.operands + 1),
          instruction('f32.add', s.accumulator, s.results),
        ],
      }),
    );
    build.node(matMul(vector, matrix, 1, 64, 64));
    build.node(matMul(matrix, matrix, 64, 64, 64));
    const { program, weights } = build.finish([2, 3, 4]);
    const inputs = [64, 64 * 64].map((count, sign) => f32Bytes(Array(count).fill(sign === 0 ? 1 : -0)));
    const session = await onDevice(shared.engine, program, weights);
    await expectTensors(session, inputs, await (await referenceEngine.load(program, weights)).runAll(inputs));
    await session.close();
  });

  if (LONG) {
    it('computes more items than a dispatch is wide, and more doubts than a list holds', async () => {
      const elements = 64 * 65_536;
      const build = new ProgramBuilder();
      const x = build.input('f32', [256]);
      // Every third element is a sum with a subnormal number.
      const coordinate = affine([[0, 1]]);
      build.node(
        loop({
          dtype: 'f32',
          shape: [elements / 256, 256],
          operands: [
            { node: x, dtype: 'f32', fill: 0, view: [{ extent: 256, coordinate: affine([[1, 1]]) }] },
          ],
          post: (s) => [
            instruction('f32.from_i32', s.outputIndices),
            instruction('f32.add', s.operands, s.results),
          ],
        }),
      );
      build.node(
        loop({
          dtype: 'i8',
          shape: [elements + 70],
          operands: [{ node: 1, dtype: 'f32', fill: 7, view: [{ extent: elements, coordinate }] }],
          post: (s) => [instruction('i32.xor', s.operands, s.outputIndices)],
        }),
      );
      const { program, weights } = build.finish([1, 2]);
      const inputs = [f32Bytes(Array.from({ length: 256 }, (_, i) => (i % 3 === 0 ? 2 ** -140 : 1 / i)))];
      const [cpu, session] = [
        await wasmEngine.load(program, weights),
        await onDevice(shared.engine, program, weights),
      ];
      expect(rootsOf(await session.runAll(inputs))).to.deep.equal(rootsOf(await cpu.runAll(inputs)));
      expect((await session.doubts('tensors')).get(1)).to.equal((elements / 256) * 86);
      await Promise.all([cpu.close(), session.close()]);
    });
  }

  it('leaves coordinates that no 32 bits hold to the reference', async () => {
    const build = new ProgramBuilder();
    const x = build.input('i32', [5]);
    const wide = build.node(
      loop({
        dtype: 'i32',
        shape: [6, 9],
        operands: [{ node: x, dtype: 'i32', fill: 9, view: [{ extent: 5, coordinate: FAR }] }],
        post: (s) => [instruction('i32.add', s.operands, s.accumulator)],
      }),
    );
    build.node(
      loop({
        dtype: 'i32',
        shape: [54],
        operands: [
          { node: wide, dtype: 'i32', fill: 0, view: [{ extent: 54, coordinate: affine([[0, 1]]) }] },
        ],
        post: (s) => [instruction('i32.mul', s.operands, s.operands)],
      }),
    );
    const { program, weights } = build.finish();
    const inputs = [i32Bytes([3, 1, 4, 1, 5])];
    const session = await onDevice(shared.engine, program, weights);
    await expectTensors(session, inputs, await (await referenceEngine.load(program, weights)).runAll(inputs));
  });
});
