import { expect } from 'chai';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { GpuDevice } from '../../src/engine/webgpu/device.ts';
import { WebgpuSession } from '../../src/engine/webgpu/session.ts';
import { webgpuEngineWith } from '../../src/engine/webgpu/webgpu.ts';
import { madeFrom } from '../browser/nests.ts';
import { engineErrorOf } from '../support/engineError.ts';
import { carelessOfZeros, FAULTS, flushing, watchedGpu } from '../support/gpu/faultyGpu.ts';
import { sharedGpu } from '../support/gpu/sharedGpu.ts';
import { deviceOrSkip, engineOn, expectTensors, onDevice, rootsOf, small } from '../support/gpu/stage.ts';
import {
  affine,
  f32Bytes,
  i32Bytes,
  instruction,
  loop,
  matMul,
  ProgramBuilder,
} from '../support/programs.ts';
import { Random } from '../support/randomProgram.ts';

const LONG = process.env['ASSAY_LONG'] !== undefined;

const SETTINGS = { cpu: wasmEngine, spotChecks: 1, next: () => 0 };

describe('devices of the webgpu engine', function () {
  this.timeout(1_800_000);
  const { program: product, weights: factors, inputs, right } = small();
  let gpu: GPU;
  /** A device of one's own, to lose. */
  let ownGpu: GPU;

  before(async function () {
    ownGpu = await deviceOrSkip(this);
    gpu = sharedGpu(ownGpu);
  });

  for (const [fault, liberty] of Object.entries(FAULTS)) {
    it(`refuses a device that ${fault}, and the CPU serves`, async () => {
      const { gpu: faulty, watched } = watchedGpu(gpu);
      watched.liberty = liberty;
      const { engine, lines } = engineOn(faulty);
      const session = await engine.load(product, factors);
      expect(watched.changed).to.be.greaterThan(0);
      expect(lines.join()).to.match(
        /^the device .*SwiftShader.* is refused: its [a-z ]+ are not those of the definition \(element \d+ is 0x[0-9a-f]{8}, not 0x[0-9a-f]{8}\); the CPU serves$/,
      );
      expect(session).not.to.be.instanceOf(WebgpuSession);
      expect((await session.run(inputs))[0]!.bytes).to.deep.equal(right);
    });
  }

  for (const [liberty, change] of Object.entries({
    'flushes all subnormals': flushing,
    'leaves zeros out of sums': carelessOfZeros,
  })) {
    it(`serves with the right bits on a device that ${liberty}`, async () => {
      const { gpu: free, watched } = watchedGpu(gpu);
      watched.liberty = change;
      const { engine, lines } = engineOn(free);
      for (const [kind, seed] of [
        ['random', 5],
        ['wide', 84],
      ] as const) {
        const { program, weights, inputs } = madeFrom(kind, seed);
        const expected = await (await referenceEngine.load(program, weights)).runAll(inputs);
        const session = await onDevice(engine, program, weights);
        expect(rootsOf(await session.runAll(inputs)), kind).to.deep.equal(rootsOf(expected));
        await session.close();
      }
      expect(watched.changed).to.be.greaterThan(0);
      expect(lines).to.deep.equal([]);
    });
  }

  it('compiles a kernel once for all sessions and runs', async () => {
    const { gpu: watchedOne, watched } = watchedGpu(gpu);
    const { engine } = engineOn(watchedOne);
    const first = await onDevice(engine, product, factors);
    await first.run(inputs);
    let compiled = 0;
    watched.liberty = (text) => {
      compiled++;
      return text;
    };
    const second = await onDevice(engine, product, factors);
    for (const session of [first, second, first])
      expect((await session.run(inputs))[0]!.bytes).to.deep.equal(right);
    expect(compiled).to.equal(0);
    await Promise.all([first.close(), second.close()]);
  });

  it('goes on with the CPU when the device is lost, and says so in one line', async () => {
    const { gpu: watchedOne, watched } = watchedGpu(ownGpu);
    const { engine, lines } = engineOn(watchedOne);
    const session = await onDevice(engine, product, factors);
    expect((await session.run(inputs))[0]!.bytes).to.deep.equal(right);
    watched.device!.destroy();
    const [first, second] = await Promise.all([session.run(inputs), session.run(inputs)]);
    expect(first[0]!.bytes).to.deep.equal(right);
    expect(second[0]!.bytes).to.deep.equal(right);
    expect(lines).to.have.length(1);
    expect(lines[0]).to.match(/^the device .* is lost: .*; the CPU goes on$/s);
    expect(await engine.load(product, factors)).not.to.be.instanceOf(WebgpuSession);
    await session.close();
    expect(await engineErrorOf(session.run(inputs))).to.equal('the session is closed');
  });

  it('goes on with the CPU wherever in its work the device is lost', async () => {
    // Integers alone, for which little is compiled.
    const build = new ProgramBuilder();
    const x = build.input('i32', [70]);
    const coordinate = affine([[0, 1]]);
    for (const shape of [[70], [7, 10]])
      build.node(
        loop({
          dtype: 'i32',
          shape,
          operands: [{ node: x, dtype: 'i32', fill: 5, view: [{ extent: 70, coordinate }] }],
          post: (s) => [instruction('i32.mul', s.operands, s.operands)],
        }),
      );
    const { program, weights } = build.finish([1, 2]);
    const inputs = [i32Bytes(Array.from({ length: 70 }, (_, i) => i - 35))];
    let calls = 0;
    const open = async (lostAt: number) => {
      const { gpu: dying, watched } = watchedGpu(ownGpu);
      const device = (await GpuDevice.open(dying))!;
      watched.lostAt = lostAt;
      const lines: string[] = [];
      const settings = { ...SETTINGS, warn: (line: string) => lines.push(line) };
      const request = { program, weights, device, isInterpreted: false };
      const session = await WebgpuSession.load(request, settings);
      await expectTensors(session, inputs, expected);
      await session.close();
      calls = watched.calls;
      device.close();
      return lines;
    };
    const expected = await (await referenceEngine.load(program, weights)).runAll(inputs);
    expect(await open(Number.POSITIVE_INFINITY)).to.deep.equal([]);
    const all = calls;
    for (let lostAt = 0; lostAt < all; lostAt += LONG ? 1 : Math.floor(all / 5)) {
      const lines = await open(lostAt);
      expect(lines, `call ${lostAt} of ${all}`).to.have.length(1);
      expect(lines[0]).to.match(/^the device .* is lost: .*; the CPU goes on$/s);
    }
  });

  it('leaves ways to run to the CPU that keep more than fits, and no others', async () => {
    const { gpu: tight } = watchedGpu(gpu, { bufferBytes: 2 ** 18 });
    const { engine, lines } = engineOn(tight);
    const build = new ProgramBuilder();
    const [rows, size] = [60, 150];
    let at = build.input('f32', [rows, size]);
    const weight = build.constant('f32', [size, size], new Uint8Array(4 * size * size).fill(0x3d));
    for (let i = 0; i < 9; i++) at = build.node(matMul(at, weight, rows, size, size));
    const { program, weights } = build.finish();
    const inputs = [new Uint8Array(4 * rows * size).fill(0x3e)];
    const expected = await (await wasmEngine.load(program, weights)).runAll(inputs);
    const session = await onDevice(engine, program, weights);
    for (let i = 0; i < 2; i++) {
      expect((await session.run(inputs))[0]!.bytes).to.deep.equal(expected.at(-1));
      expect(rootsOf(await session.runAll(inputs))).to.deep.equal(rootsOf(expected));
    }
    expect((await session.doubts()).size).to.equal(9);
    expect(lines).to.deep.equal([
      'the tensors of a run take 0.4 MB, a buffer of the device has at most 0.3 MB; the CPU serves',
    ]);
    await session.close();
  });

  it('gives a device up when a spot check finds it wrong, and the run is right', async () => {
    const { gpu: watchedOne, watched } = watchedGpu(gpu);
    const { engine, lines } = engineOn(watchedOne);
    const before = await onDevice(engine, product, factors);
    watched.liberty = (text) => text.replaceAll('return a + b; }', 'return a - b; }');
    const build = new ProgramBuilder();
    const x = build.input('f32', [3]);
    build.node(
      loop({
        dtype: 'f32',
        shape: [3],
        operands: [{ node: x, dtype: 'f32', fill: 0, view: [{ extent: 3, coordinate: affine([[0, 1]]) }] }],
        constants: [0x3e800000],
        post: (s) => [instruction('f32.add', s.operands, s.constants)],
      }),
    );
    const { program, weights } = build.finish();
    const session = await onDevice(engine, program, weights);
    expect((await session.run([f32Bytes([1, 2, 3])]))[0]!.bytes).to.deep.equal(f32Bytes([1.25, 2.25, 3.25]));
    expect(lines).to.have.length(1);
    expect(lines[0]).to.match(
      / computes wrong: element 0 of node 1 is 0x3f400000, not 0x3fa00000; the CPU goes on$/,
    );
    // The other session of the device leaves it too.
    expect((await before.run(inputs))[0]!.bytes).to.deep.equal(right);
    expect(lines).to.have.length(2);
  });

  it('spreads constants over as many buffers as they need', async () => {
    const { gpu: tight } = watchedGpu(gpu, { bufferBytes: 2 ** 18 });
    const { engine, lines } = engineOn(tight);
    const build = new ProgramBuilder();
    const random = new Random(3);
    let at = build.input('f32', [1, 150]);
    for (let i = 0; i < 6; i++) {
      const floats = random.times(22_500, () => random.below(2000) / 1000 - 1);
      at = build.node(matMul(at, build.constant('f32', [150, 150], f32Bytes(floats)), 1, 150, 150));
    }
    const { program, weights } = build.finish();
    const inputs = [f32Bytes(random.times(150, () => random.below(100)))];
    const session = await onDevice(engine, program, weights);
    await expectTensors(session, inputs, await (await referenceEngine.load(program, weights)).runAll(inputs));
    expect(lines).to.deep.equal([]);
  });

  it('leaves programs to the CPU that do not fit, and says which figure does not', async () => {
    const { gpu: tight } = watchedGpu(gpu, { bufferBytes: 2 ** 18, storageBuffers: 4 });
    const { engine, lines } = engineOn(tight);
    const sized = (count: number, elements: number) => {
      const build = new ProgramBuilder();
      let at = build.input('f32', [1, elements]);
      for (let i = 0; i < count; i++) {
        const zeros = build.constant('f32', [elements, 1], new Uint8Array(4 * elements));
        at = build.node(matMul(at, zeros, 1, elements, 1));
        at = build.node(
          matMul(at, build.constant('f32', [1, elements], new Uint8Array(4 * elements)), 1, 1, elements),
        );
      }
      return build.finish();
    };
    for (const [count, elements] of [
      [1, 100_000],
      [2, 60_000],
    ] as const) {
      const { program, weights } = sized(count, elements);
      const session = await engine.load(program, weights);
      expect(session).not.to.be.instanceOf(WebgpuSession);
      await session.close();
    }
    expect(lines).to.deep.equal([
      'constant 1 has 0.4 MB, a buffer of the device at most 0.3 MB; the CPU serves',
      'the constants need 4 buffers of 0.3 MB, the device has 1; the CPU serves',
    ]);
  });

  it('asks no device for programs of little work, and says nothing where there is none', async () => {
    let asked = 0;
    const told: string[] = [];
    const engine = webgpuEngineWith({
      gpu: async () => {
        asked++;
        return undefined;
      },
      cpu: wasmEngine,
      leastCost: 100,
      warn: (line, refusal) => told.push(`${refusal}: ${line}`),
    });
    expect((await (await engine.load(product, factors)).run(inputs))[0]!.bytes).to.deep.equal(right);
    expect(asked).to.equal(0);
    const build = new ProgramBuilder();
    const x = build.input('f32', [8, 8]);
    build.node(matMul(x, x, 8, 8, 8));
    const large = build.finish();
    expect(await engine.load(large.program, large.weights)).not.to.be.instanceOf(WebgpuSession);
    expect(told).to.deep.equal(['absent: there is no device for WebGPU here; the CPU serves']);
  });
});
