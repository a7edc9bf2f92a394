import type { Session, TensorData } from '../../src/engine/engine.ts';
import { wasmEngineWith } from '../../src/engine/wasm/wasm.ts';
import { equalBytes } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { importOnnx, realNodes } from '../../src/onnx/index.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { type Model, programInputs, Unavailable } from '../models/index.ts';
import { difference, sameBits, TOLERANCE } from './compare.ts';
import { withMemory } from './memory.ts';
import { matrixSpeed, NodeTimer } from './nodes.ts';
import { type OrtSession, ortNode, ortWeb } from './onnxruntime.ts';
import type { PeakMeter } from './peak.ts';
import { leastMemory, macsOf } from './program.ts';
import { digest, type ReferenceRun, referenceRun } from './reference.ts';
import { type Contestant, race, type Timing, timed } from './timing.ts';

/** What becomes of the reference: taken from the cache if it is there, run again, or left out. */
export type ReferenceUse = 'kept' | 'again' | 'none';

export interface Result {
  readonly model: string;
  readonly weights: string;
  readonly nodes: number;
  readonly macs: number;
  /** By contestant: assay1, assay2, kept1, trace1, trace2, ortWeb1, ortNode1, ortNode2. Those that could not run are missing. */
  readonly times: ReadonlyMap<string, Timing>;
  readonly reference: { readonly ms: number; readonly kept: boolean } | undefined;
  readonly importMs: number;
  readonly loadMs: number;
  readonly firstMs: number;
  /** Linear memory of the engine on one thread, for runs that keep outputs only. */
  readonly memoryBytes: number;
  readonly leastMemory: { readonly weights: number; readonly live: number };
  /** f32 operations a second in nodes like matrix products, on one thread. */
  readonly matrixSpeed: number | undefined;
  /** Of the machine, f32 operations a second of one thread, measured next to the model. */
  readonly peak: number;
  /** How far each onnxruntime is from our floats. */
  readonly differences: ReadonlyMap<string, number>;
  /** What makes these figures worthless: outputs that are not what they should be. */
  readonly problems: readonly string[];
}

const NODE_RUNS = 7;

/** The last outputs of a contestant, which are those of a timed run when all is done. */
class Kept<T> {
  last: T | undefined;
  readonly contestant: Contestant;

  constructor(name: string, run: () => Promise<T>) {
    this.contestant = {
      name,
      run: async () => {
        this.last = await run();
      },
    };
  }
}

async function openAll(
  onnx: Uint8Array,
  inputs: ReturnType<Model['inputs']>,
): Promise<Map<string, OrtSession>> {
  const sessions = new Map([['ortWeb1', await ortWeb(onnx, inputs)]]);
  try {
    for (const threads of [1, 2]) sessions.set(`ortNode${threads}`, await ortNode(onnx, inputs, threads));
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.error(`without onnxruntime-node: ${error.message}`);
  }
  return sessions;
}

/** What is wrong with the tensors of a run, compared with those of the reference. */
function differingNode({ tensors: expected }: ReferenceRun, tensors: readonly Uint8Array[]): string[] {
  const at = expected.findIndex((hash, i) => hash !== digest(tensors[i]!));
  return at < 0 ? [] : [`the tensor of node ${at} is not that of the reference`];
}

/** Everything about one model, in one go. */
export async function measure(
  { name, weights, options, bytes, inputs: values }: Model,
  meter: PeakMeter,
  use: ReferenceUse,
): Promise<Result> {
  const [onnx, given] = [bytes(), values()];
  const { result: compiled, ms: importMs } = await timed(() => importOnnx(onnx, options));
  const { program } = compiled;
  const inputs = programInputs(compiled, given);
  const load = (threads: number) => wasmEngineWith({ threads }).load(program, compiled.weights);
  const { result: loaded, ms: loadMs } = await timed(() => withMemory(() => load(1)));
  const session = loaded.made;
  const { ms: firstMs } = await timed(() => session.run(inputs));
  const memoryBytes = loaded.bytes();
  const pair = await load(2);

  const model = modelOf(program);
  const assay = [new Kept('assay1', () => session.run(inputs)), new Kept('assay2', () => pair.run(inputs))];
  const kept = new Kept('kept1', () => session.runAll(inputs));
  const traced = (key: string, by: Session) =>
    new Kept(key, async () => {
      const { tensors, trees } = await by.runTrace(inputs);
      return new RunTrace(model, tensors, trees).root;
    });
  const traces = [traced('trace1', session), traced('trace2', pair)];
  const ort = await openAll(onnx, given);
  const theirs = [...ort].map(([key, one]) => new Kept(key, one.run));
  const times = await race([...assay, kept, ...traces, ...theirs].map(({ contestant }) => contestant));
  const ofNodes = new NodeTimer(program, compiled.weights, inputs).times(NODE_RUNS);
  const peak = meter.best();

  const outputs = assay[0]!.last!;
  const differences = new Map(
    theirs.map(({ contestant, last }) => [contestant.name, difference(compiled.outputs, outputs, last!)]),
  );
  const tensors = await session.runAll(inputs);
  const { root } = new RunTrace(model, tensors);
  const problems = [
    ...problemsOf(assay, differences),
    ...traces
      .filter(({ last }) => !equalBytes(last!, root))
      .map(({ contestant }) => `${contestant.name} has another root than its tensors have`),
  ];
  const reference = use === 'none' ? undefined : await referenceRun(compiled, inputs, use === 'again');
  if (reference) {
    problems.push(...differingNode(reference.run, tensors));
    const expected = program.outputs.map((node) => reference.run.tensors[node]);
    if (outputs.some((tensor, i) => digest(tensor.bytes) !== expected[i])) {
      problems.push('the outputs of the timed runs are not those of the reference');
    }
  }
  await Promise.all([session.close(), pair.close(), ...[...ort.values()].map((one) => one.release())]);
  return {
    model: name,
    weights,
    nodes: realNodes(program).length,
    macs: macsOf(program),
    times,
    reference: reference && { ms: reference.run.ms, kept: reference.kept },
    ...{ importMs, loadMs, firstMs },
    memoryBytes,
    leastMemory: leastMemory(program),
    matrixSpeed: matrixSpeed(program, ofNodes),
    peak,
    differences,
    problems,
  };
}

function problemsOf(
  assay: readonly Kept<TensorData[]>[],
  differences: ReadonlyMap<string, number>,
): string[] {
  const [first, ...others] = assay;
  return [
    ...others
      .filter(({ last }) => !sameBits(last!, first!.last!))
      .map(({ contestant }) => `${contestant.name} and assay1 have different bits`),
    ...[...differences]
      .filter(([, far]) => !(far <= TOLERANCE))
      .map(([key, far]) => `${key} is ${far.toExponential(1)} away; ${TOLERANCE} is tolerated`),
  ];
}
