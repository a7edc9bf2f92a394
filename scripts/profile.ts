// Where the time of a model goes, node by node, on one thread of the WebAssembly engine.
//
//   npx tsx scripts/profile.ts MODEL [--dim name=N …] [--runs N] [--top N]
//
// MODEL is an ONNX file, or the beginning of the name of a model of examples/models. A line is a node of the program:
// its milliseconds (the least of the runs), share, products of its folds, their GFLOP/s, the node and how it is
// computed.
//
//   npx tsx scripts/profile.ts MODEL --threads N     where N threads lose time
//
// The first line says how many times as fast as one thread they are, and how many times as much as one process so many
// processes do next to each other, of one thread each: what the machine has for that many threads, at that time. A line
// is a node: milliseconds lost, those with N threads, those with one (medians), and the node. Small loops that are
// done in one go count for the first of them.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { models, programInputs } from '../examples/models/index.ts';
import { randomInput } from '../src/files/randomInput.ts';
import { type CompiledModel, importOnnx } from '../src/onnx/index.ts';
import type { LoopNode } from '../src/program/node.ts';
import { NodeTimer, sum } from '../test/support/bench/nodes.ts';
import { macsOf, productsOf } from '../test/support/bench/program.ts';
import { threadTimes } from '../test/support/bench/threads.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dim: { type: 'string', multiple: true, default: [] },
    runs: { type: 'string', default: '30' },
    threads: { type: 'string' },
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

const [name] = positionals;
if (name === undefined) throw new Error('name a model: npx tsx scripts/profile.ts MODEL.onnx');
const { model, inputs } = modelOf(name);
const { nodes } = model.program;

const describe = ({ shape, fold, step, post, operands }: LoopNode): string =>
  `[${shape}] fold [${fold}] step ${step.code.length} post ${post.code.length}` +
  ` reads ${operands.map(({ dtype, view }) => `${dtype}[${view.map(({ extent }) => extent)}]`).join(' ')}`;

function onOneThread(): void {
  const timer = new NodeTimer(model.program, model.weights, inputs);
  const times = timer.times(Number(values.runs));

  const rows = nodes.flatMap((node, i) => {
    if (node.kind !== 'loop') return [];
    const parts = times[i]!;
    return [{ i, node, parts, ms: sum(parts), macs: productsOf(node) }];
  });
  const ms = sum(rows.map((row) => row.ms));
  const macs = macsOf(model.program);
  console.log(
    `${name}: ${ms.toFixed(2)} ms, ${(macs / 1e6).toFixed(1)} million products, ` +
      `${(macs / ms / 5e5).toFixed(1)} GFLOP/s; ${rows.length} loops, ${(timer.codeBytes / 1e3).toFixed(0)} kB of code, ` +
      `generated in ${timer.generationMs.toFixed(0)} ms, compiled in ${timer.compilationMs.toFixed(0)} ms`,
  );
  rows.sort((a, b) => b.ms - a.ms);
  for (const { i, node, parts, ms: own, macs: of } of rows.slice(0, Number(values.top))) {
    const speed = of > 0 ? (of / own / 5e5).toFixed(1) : '';
    console.log(
      [
        own.toFixed(3).padStart(8),
        `${((100 * own) / ms).toFixed(1)}%`.padStart(6),
        (of > 0 ? (of / 1e6).toFixed(2) : '').padStart(8),
        speed.padStart(5),
        ` node ${i}: ${describe(node)}`,
        parts.length > 1 ? ` phases ${parts.map((part) => part.toFixed(3)).join(' + ')}` : '',
        ` ${timer.plans[i]!.label}`,
      ].join(' '),
    );
  }
}

async function onThreads(threads: number): Promise<void> {
  const times = await threadTimes(model.program, model.weights, inputs, threads, Number(values.runs));
  const { one, many, together, apart } = times;
  console.log(
    `${name}: ${one.toFixed(2)} ms on one thread, ${many.toFixed(2)} ms on ${threads}, ${together.toFixed(2)} times ` +
      `as fast; ${threads} processes of one thread each do ${apart.toFixed(2)} times as much as one`,
  );
  console.log(`the best runs took ${times.best.one.toFixed(2)} and ${times.best.many.toFixed(2)} ms`);
  const rows = times.nodes.map((ms, i) => ({ ...ms, i, lost: ms.many - ms.one / threads }));
  rows.sort((a, b) => b.lost - a.lost);
  for (const { i, lost, many: ms, one: alone } of rows.slice(0, Number(values.top))) {
    const node = nodes[i]!;
    const what = node.kind === 'loop' ? describe(node) : 'what comes before the first stage, and that';
    console.log([lost, ms, alone].map((x) => x.toFixed(3).padStart(8)).join(' '), ` node ${i}: ${what}`);
  }
}

if (values.threads === undefined) onOneThread();
else await onThreads(Number(values.threads));
