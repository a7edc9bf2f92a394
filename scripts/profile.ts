// Where the time of a model goes, node by node, on one thread of the WebAssembly engine.
//
//   npx tsx scripts/profile.ts MODEL [--dim name=N …] [--runs N] [--top N]
//
// MODEL is an ONNX file, or the beginning of the name of a model of scripts/models. A line is a node of the program:
// its milliseconds (the least of the runs), share, products of its folds, their GFLOP/s, the node and how it is
// computed.
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { randomInput } from '../src/cli/randomInput.ts';
import { planNode } from '../src/engine/wasm/nodePlan.ts';
import { pack } from '../src/engine/wasm/packing.ts';
import { type CompiledModel, importOnnx } from '../src/onnx/index.ts';
import { byteLengthOf, type LoopNode, sizeOf } from '../src/program/node.ts';
import { OPCODE } from '../src/scalar/instructions.ts';
import { moduleOf, PAGE_BYTES } from '../src/wasm/assembler.ts';
import { models, programInputs } from './models/index.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dim: { type: 'string', multiple: true, default: [] },
    runs: { type: 'string', default: '30' },
    top: { type: 'string', default: '25' },
  },
});

/** The compiled model that is asked for, and its inputs. */
function modelOf(name: string): { model: CompiledModel; inputs: readonly Uint8Array[] } {
  const known = models.find((one) => one.name.toLowerCase().startsWith(name.toLowerCase()));
  if (known) {
    const model = importOnnx(known.bytes(), known.options);
    return { model, inputs: programInputs(model, known.inputs()) };
  }
  const dims = Object.fromEntries(
    values.dim.map((dim) => {
      const at = dim.lastIndexOf('=');
      return [dim.slice(0, at), Number(dim.slice(at + 1))];
    }),
  );
  const model = importOnnx(readFileSync(name), { dims });
  return { model, inputs: model.inputs.map((slot, i) => randomInput(slot, i + 1)) };
}

const products = ({ step, shape, fold }: LoopNode): number =>
  step.code.some(({ opcode }) => opcode === OPCODE['f32.mul'] || opcode === OPCODE['i32.mul'])
    ? sizeOf(shape) * sizeOf(fold)
    : 0;

const median = (times: number[]): number => times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;

const [name] = positionals;
if (name === undefined) throw new Error('name a model: npx tsx scripts/profile.ts MODEL.onnx');
const { model, inputs } = modelOf(name);
const { nodes } = model.program;

let total = 0;
const allocate = (bytes: number): number => {
  const offset = total;
  total += Math.ceil(bytes / 64) * 64;
  return offset;
};
const tensors = nodes.map((node) => allocate(byteLengthOf(node)));
const start = performance.now();
const plans = nodes.map((node, i) => (node.kind === 'loop' ? planNode(node, i, nodes) : undefined));
const packings = plans.map((plan) => plan?.packings.map(({ bytes }) => allocate(bytes)) ?? []);
const scratch = allocate(Math.max(0, ...plans.map((plan) => plan?.scratchBytes ?? 0)));
const phases = plans.map((plan, i) => plan?.phases({ tensors, packings: packings[i]!, scratch }) ?? []);
const bytes = moduleOf(
  phases.flat().map(({ body }) => body),
  { given: 'unshared' },
);
const generated = performance.now();
const pages = Math.ceil(total / PAGE_BYTES);
const memory = new WebAssembly.Memory({ initial: pages });
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
const compiled = performance.now();
const heap = new Uint8Array(memory.buffer);
nodes.forEach((node, i) => {
  if (node.kind === 'input') heap.set(inputs[node.slot]!, tensors[i]);
  if (node.kind === 'constant') heap.set(model.weights.get(i)!, tensors[i]);
  for (const [p, packing] of plans[i]?.packings.entries() ?? []) {
    pack(packing, model.weights.get(packing.node)!, heap, packings[i]![p]!);
  }
});

const times = nodes.map((): number[][] => []);
const runs = Number(values.runs);
const all: number[] = [];
// The first runs are for the compiler.
for (let run = -runs; run < runs; run++) {
  const begun = performance.now();
  phases.forEach((parts, i) => {
    parts.forEach(({ body, turns }, p) => {
      const before = performance.now();
      (exports[body.name] as (from: number, to: number) => void)(0, turns);
      times[i]![p] ??= [];
      if (run >= 0) times[i]![p]!.push(performance.now() - before);
    });
  });
  if (run >= 0) all.push(performance.now() - begun);
}

const rows = nodes.flatMap((node, i) => {
  if (node.kind !== 'loop') return [];
  const parts = times[i]!.map((t) => Math.min(...t));
  const ms = parts.reduce((sum, part) => sum + part, 0);
  return [{ i, node, parts, ms, macs: products(node) }];
});
const sum = rows.reduce((ms, row) => ms + row.ms, 0);
const macs = rows.reduce((count, row) => count + row.macs, 0);
console.log(
  `${name}: ${median(all).toFixed(2)} ms, ${(macs / 1e6).toFixed(1)} million products, ` +
    `${(macs / median(all) / 5e5).toFixed(1)} GFLOP/s; ${rows.length} loops, ${(bytes.length / 1e3).toFixed(0)} kB of code, ` +
    `generated in ${(generated - start).toFixed(0)} ms, compiled in ${(compiled - generated).toFixed(0)} ms`,
);
rows.sort((a, b) => b.ms - a.ms);
for (const { i, node, parts, ms, macs: of } of rows.slice(0, Number(values.top))) {
  const speed = of > 0 ? (of / ms / 5e5).toFixed(1) : '';
  console.log(
    [
      ms.toFixed(3).padStart(8),
      `${((100 * ms) / sum).toFixed(1)}%`.padStart(6),
      (of > 0 ? (of / 1e6).toFixed(2) : '').padStart(8),
      speed.padStart(5),
      ` node ${i}: [${node.shape}] fold [${node.fold}] step ${node.step.code.length} post ${node.post.code.length}` +
        ` reads ${node.operands.map(({ dtype, view }) => `${dtype}[${view.map(({ extent }) => extent)}]`).join(' ')}`,
      parts.length > 1 ? ` phases ${parts.map((part) => part.toFixed(3)).join(' + ')}` : '',
      ` ${plans[i]!.label}`,
    ].join(' '),
  );
}
