// `npm run gpu`: what the lane for GPUs takes, on the device that WebGPU finds.
//
//   npm run gpu                              everything
//   npm run gpu -- product rows              some of it: product, rows, nests, models, text
//   npm run gpu -- models --only MobileNetV2 some of the models: those whose names start so
//   npm run gpu -- --small                   small sizes, and the models that a device on the CPU runs in seconds
//   npm run gpu -- --software                on SwiftShader, a Vulkan driver on the CPU (Debian's chromium has it)
//
// product: a product of floats of 4096 by 4096, its share of the peak without fused sums, and whether it is exact.
// rows: one row by a matrix, of floats, of bytes, and of 4-bit weights.
// nests: programs of random loops, with NaN, infinities, subnormals and signed zeros, next to the reference; `--seeds 1-75`
//   says which of each kind.
// models: the root of every tensor of each model, next to the CPU's; and the times of both.
// text: one pass of SmolLM2-135M over 256 positions, likewise.
//
// The exit code is 1 if a bit differs, or if there is no device.
import { parseArgs } from 'node:util';
import { examples } from '../examples/models/examples.ts';
import { models, programInputs, Unavailable } from '../examples/models/index.ts';
import { rungs, textsOf } from '../examples/text/rungs.ts';
import { wasmEngineWith } from '../src/engine/wasm/wasm.ts';
import { GpuDevice } from '../src/engine/webgpu/device.ts';
import { WebgpuSession } from '../src/engine/webgpu/session.ts';
import { webgpuEngineWith } from '../src/engine/webgpu/webgpu.ts';
import { importOnnx } from '../src/onnx/index.ts';
import type { Program } from '../src/program/node.ts';
import { inputsOf } from '../src/text/generate.ts';
import { tokenBytes } from '../src/text/tokens.ts';
import { nodeGpu } from '../src/work/nodeGpu.ts';
import { NEST_KINDS } from '../test/browser/nests.ts';
import { timeOf } from '../test/support/gpu/measure/machine.ts';
import { oneRowProduct, type WeightKind } from '../test/support/gpu/measure/oneRow.ts';
import { peakOf, squareProduct } from '../test/support/gpu/measure/product.ts';
import { compareNests } from '../test/support/gpu/nests.ts';
import { NO_DEVICE, softwareGpu } from '../test/support/gpu/softwareGpu.ts';
import { rootsOf } from '../test/support/gpu/stage.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    small: { type: 'boolean' },
    software: { type: 'boolean' },
    only: { type: 'string' },
    seeds: { type: 'string' },
  },
});
const isSmall = values.small === true;
const { only = '' } = values;
/** Runs that are timed, after one that is not; a device on the CPU takes minutes for the larger models. */
const RUNS = values.software ? 1 : 7;
const isChosen = (part: string): boolean => positionals.length === 0 || positionals.includes(part);
/** Models for `--small`. */
const QUICK = ['digits', 'digits int8', 'boosted trees (iris)', 'language identifier (lande)'];

const gpu = values.software ? await softwareGpu() : await nodeGpu();
const device = gpu && (await GpuDevice.open(gpu));
const isWrong: string[] = [];

const tera = (perSecond: number): string => `${(perSecond / 1e12).toPrecision(3)} T/s`;
const ms = (time: number): string => `${time.toPrecision(3)} ms`;

async function product(on: GpuDevice): Promise<void> {
  const size = isSmall ? 256 : 4096;
  const peak = await peakOf(on, isSmall ? 64 : 4096, isSmall ? 64 : 4096);
  const { ms: time, flops, compared, isExact } = await squareProduct(on, size);
  const share = ((100 * flops) / peak).toFixed(0);
  console.log(`product ${size} x ${size} x ${size}: ${ms(time)}, ${tera(flops)} of sums and products`);
  console.log(`  ${share} % of the peak without fused sums, ${tera(peak)}`);
  console.log(`  ${isExact ? 'exact' : 'WRONG'} in ${compared} elements`);
  if (!isExact) isWrong.push('product');
}

async function rows(on: GpuDevice): Promise<void> {
  const size = isSmall ? 512 : 4096;
  const times: number[] = [];
  for (const kind of ['f32', 'i8', 'nibbles'] satisfies WeightKind[]) {
    times.push(await oneRowProduct(on, size, kind));
    const factor = (times[0]! / times.at(-1)!).toFixed(2);
    console.log(
      `one row by ${size} x ${size} of ${kind}: ${ms(times.at(-1)!)}, ${factor} times as fast as f32`,
    );
  }
}

/** Compares every tensor on the device with the CPU's, and times both. */
async function compare(
  name: string,
  program: Program,
  weights: ReadonlyMap<number, Uint8Array>,
  inputs: readonly Uint8Array[],
): Promise<void> {
  const lines: string[] = [];
  const cpu = wasmEngineWith({ threads: 1 });
  const engine = webgpuEngineWith({ gpu: async () => gpu, cpu, warn: (line) => lines.push(line) });
  const here = await cpu.load(program, weights);
  const there = await engine.load(program, weights);
  const expected = await here.runCheckpoints(inputs);
  const found = await there.runCheckpoints(inputs);
  const isRight = [...expected.tensors].every(([i, bytes]) => {
    const other = found.tensors.get(i);
    return other !== undefined && Buffer.compare(other, bytes) === 0;
  });
  let isWhole = true;
  if (program.nodes.length < 2000 && !name.startsWith('SmolLM2')) {
    const roots = rootsOf(await here.runAll(inputs));
    isWhole = rootsOf(await there.runAll(inputs)).every((root, i) => root === roots[i]);
  }
  const [slow, fast] = [
    await timeOf(() => here.run(inputs), RUNS),
    await timeOf(() => there.run(inputs), RUNS),
  ];
  const doubts = there instanceof WebgpuSession ? await there.doubts() : new Map<number, number>();
  const doubted = [...doubts.values()].reduce((sum, count) => sum + count, 0);
  const verdict = isRight && isWhole ? 'same roots' : 'OTHER ROOTS';
  console.log(`${name}: ${verdict}; device ${ms(fast)}, CPU ${ms(slow)}; ${doubted} elements computed again`);
  for (const line of lines) console.log(`  ${line}`);
  if (!(isRight && isWhole) || !(there instanceof WebgpuSession)) isWrong.push(name);
  await Promise.all([here.close(), there.close()]);
}

/** Compares programs of random loops, of each kind the seeds from some number on. */
async function nests(): Promise<void> {
  const [first, last] = (values.seeds ?? (isSmall ? '1-3' : '1-75')).split('-').map(Number);
  const lines: string[] = [];
  const engine = webgpuEngineWith({
    gpu: async () => gpu,
    cpu: wasmEngineWith({ threads: 1 }),
    spotChecks: 0,
  });
  for (const kind of NEST_KINDS) {
    let count = 0;
    for (let seed = first!; seed <= last!; seed++) {
      const found = await compareNests(engine, kind, seed);
      count += found.nests;
      for (const what of found.wrong) lines.push(`${kind}, seed ${seed}: ${what}`);
    }
    console.log(`random loops, ${kind}: ${count}, seeds ${first} to ${last}`);
  }
  console.log(
    lines.length === 0 ? '  every tensor as the reference has it' : `  OTHER TENSORS: ${lines.join('; ')}`,
  );
  if (lines.length > 0) isWrong.push('random loops');
}

async function eachModel(): Promise<void> {
  const chosen = [...models, ...examples].filter(({ name }) => !isSmall || QUICK.includes(name));
  for (const model of chosen.filter(({ name }) => name.startsWith(only))) {
    try {
      const compiled = importOnnx(await model.bytes(), model.options);
      await compare(model.name, compiled.program, compiled.weights, programInputs(compiled, model.inputs()));
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      console.log(`without ${model.name}: ${error.message}`);
    }
  }
}

async function text(): Promise<void> {
  for (const rung of (isSmall ? rungs.slice(0, 1) : rungs).filter(({ name }) => name.startsWith(only))) {
    try {
      const model = await rung.compile();
      const { ids, tokens } = textsOf(rung)[0]!;
      const inputs = [...inputsOf(model, { prompt: ids }), tokenBytes(tokens, model.width)];
      await compare(`${rung.name}, one pass over a text`, model.program, model.weights, inputs);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      console.log(`without ${rung.name}: ${error.message}`);
    }
  }
}

if (!device) {
  console.error(values.software ? NO_DEVICE : 'WebGPU finds no device here; see `--software`');
  process.exitCode = 1;
} else {
  console.log(`on ${device.name}`);
  if (isChosen('product')) await product(device);
  if (isChosen('rows')) await rows(device);
  if (isChosen('nests')) await nests();
  if (isChosen('models')) await eachModel();
  if (isChosen('text')) await text();
  device.close();
  if (isWrong.length > 0) {
    console.error(`not as they must be: ${isWrong.join(', ')}`);
    process.exitCode = 1;
  }
}
