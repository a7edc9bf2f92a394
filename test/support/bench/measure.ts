import { type Model, programInputs, Unavailable } from '../../../examples/models/index.ts';
import {
  checkpointsOf,
  computedOf,
  type Engine,
  type Session,
  type TensorData,
} from '../../../src/engine/engine.ts';
import { wasmEngineWith } from '../../../src/engine/wasm/wasm.ts';
import { equalBytes, type Hash } from '../../../src/merkle/keccak.ts';
import { modelOf } from '../../../src/merkle/model.ts';
import { tensorRoot, tensorTree } from '../../../src/merkle/tensor.ts';
import type { MerkleTree } from '../../../src/merkle/tree.ts';
import { type CompiledModel, importOnnx, realNodes } from '../../../src/onnx/index.ts';
import { checkpointTree, commitmentOf } from '../../../src/trace/commitment.ts';
import { difference, sameBits, TOLERANCE } from './compare.ts';
import { type FirstRun, firstRunOf } from './firstRun.ts';
import { withMemory } from './memory.ts';
import { matrixSpeed, NodeTimer } from './nodes.ts';
import { type OrtSession, ortNode, ortWeb } from './onnxruntime.ts';
import type { PeakMeter } from './peak.ts';
import { bytesOf, largestBlock, leastMemory, macsOf } from './program.ts';
import { digest, keptReference, type ReferenceRun, runReference } from './reference.ts';
import { sampleReference } from './sample.ts';
import { type Contestant, race, type Timing, timed } from './timing.ts';

/**
 * The use of the reference: compared with a full run if the cache has one, and otherwise with a sample of every node's
 * elements; run again in full; or left out.
 */
export type ReferenceUse = 'sample' | 'full' | 'none';

export interface Result {
  readonly model: string;
  readonly weights: string;
  readonly nodes: number;
  readonly macs: number;
  /**
   * By contestant: assay1, assay2, before1, before2, trace1, trace2, kept1, whole1, block1, ortWeb1, ortNode1, ortNode2.
   * Those that could not run are missing.
   */
  readonly times: ReadonlyMap<string, Timing>;
  readonly reference:
    | {
        /** Processor time of a full run; estimated from a sample if `share` is less than 1. */
        readonly ms: number;
        readonly kept: boolean;
        /** Share of the fold steps that the reference has computed. */
        readonly share: number;
      }
    | undefined;
  readonly importMs: number;
  readonly loadMs: number;
  readonly firstMs: number;
  /** In a process of its own. */
  readonly firstRun: FirstRun;
  /** Linear memory of the engine on one thread, for runs that keep outputs only. */
  readonly memoryBytes: number;
  readonly leastMemory: { readonly weights: number; readonly live: number };
  /** Bytes of tensors that are hashed: checkpoints in trace1, all in whole1, the largest block in block1. */
  readonly hashed: { readonly committed: number; readonly all: number; readonly block: number };
  /** f32 operations a second in nodes like matrix products, on one thread. */
  readonly matrixSpeed: number | undefined;
  /** Peak of the machine next to the model: f32 operations a second of one thread. */
  readonly peak: number;
  /** The greatest difference of each onnxruntime from our floats. */
  readonly differences: ReadonlyMap<string, number>;
  /** Outputs that are wrong, in words: figures of a wrong result are no figures. */
  readonly problems: readonly string[];
}

/** Makes an engine for some threads, as `wasmEngineWith` does. */
export type EngineOf = (options: { readonly threads: number }) => Engine;

const NODE_RUNS = 7;
const FIRST_RUN_PROCESSES = 3;

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

/** The first tensor of a run that is not the reference's, in words; none if all are. */
function differingNode({ tensors: expected }: ReferenceRun, tensors: readonly Uint8Array[]): string[] {
  const at = expected.findIndex((hash, i) => hash !== digest(tensors[i]!));
  return at < 0 ? [] : [`the tensor of node ${at} is not that of the reference`];
}

/** The first tree of a contestant that has another root than the tensor that was compared with the reference. */
function wrongTrees(name: string, trees: ReadonlyMap<number, MerkleTree>, roots: readonly Hash[]): string[] {
  const wrong = [...trees].find(([node, { root }]) => !equalBytes(root, roots[node]!));
  return wrong ? [`${name} has another root of the tensor of node ${wrong[0]}`] : [];
}

/** Everything about one model, in one go. @param before an earlier engine that takes part in the race */
export async function measure(
  { name, weights, options, bytes, inputs: values }: Model,
  meter: PeakMeter,
  use: ReferenceUse,
  before?: EngineOf,
): Promise<Result> {
  const [onnx, ours] = [bytes(), values()];
  const { result: compiled, ms: importMs } = await timed(() => importOnnx(onnx, options));
  const { program } = compiled;
  const inputs = programInputs(compiled, ours);
  const load = (threads: number) => wasmEngineWith({ threads }).load(program, compiled.weights);
  const { result: loaded, ms: loadMs } = await timed(() => withMemory(() => load(1)));
  const session = loaded.made;
  const { ms: firstMs } = await timed(() => session.run(inputs));
  const memoryBytes = loaded.bytes();
  const pair = await load(2);

  const model = modelOf(program);
  const assay = [new Kept('assay1', () => session.run(inputs)), new Kept('assay2', () => pair.run(inputs))];
  const earlier =
    before &&
    (await Promise.all([1, 2].map((threads) => before({ threads }).load(program, compiled.weights))));
  const formerly = (earlier ?? []).map((one, i) => new Kept(`before${i + 1}`, () => one.run(inputs)));
  const tensorsBefore = await session.runAll(inputs);
  const block = largestBlock(program);
  const kept = new Kept('kept1', () => session.runAll(inputs));
  const traced = (key: string, by: Session) =>
    new Kept(key, async () => commitmentOf(model, await by.runCheckpoints(inputs)).root);
  const traces = [traced('trace1', session), traced('trace2', pair)];
  const whole = new Kept('whole1', async () => (await session.runTrace(inputs)).trees);
  const blockTrees = new Kept(
    'block1',
    async () => new Map(block.map((i) => [i, tensorTree(tensorsBefore[i]!)])),
  );
  const ort = await openAll(onnx, ours);
  const theirs = [...ort].map(([key, one]) => new Kept(key, one.run));
  const times = await race(
    [...assay, ...formerly, ...traces, kept, whole, blockTrees, ...theirs].map(
      ({ contestant }) => contestant,
    ),
  );
  const ofNodes = new NodeTimer(program, compiled.weights, inputs).times(NODE_RUNS);
  const peak = meter.best();

  const outputs = assay[0]!.last!;
  const differences = new Map(
    theirs.map(({ contestant, last }) => [contestant.name, difference(compiled.outputs, outputs, last!)]),
  );
  const tensors = kept.last!;
  const roots = tensors.map(tensorRoot);
  const { root } = checkpointTree(program, (i) => roots[i]!);
  const problems = [
    ...problemsOf([...assay, ...formerly], differences),
    ...traces
      .filter(({ last }) => !equalBytes(last!, root))
      .map(({ contestant }) => `${contestant.name} has another root than its tensors have`),
    ...wrongTrees('whole1', whole.last!, roots),
    ...wrongTrees('block1', blockTrees.last!, roots),
  ];
  if (outputs.some((tensor, i) => !equalBytes(tensor.bytes, tensors[program.outputs[i]!]!))) {
    problems.push('the outputs of the timed runs are not those of the run that keeps all tensors');
  }
  const { reference, found } = await compareWithReference(compiled, inputs, tensors, use);
  problems.push(...found);
  await Promise.all([session.close(), pair.close(), ...[...ort.values()].map((one) => one.release())]);
  return {
    model: name,
    weights,
    nodes: realNodes(program).length,
    macs: macsOf(program),
    times,
    reference,
    ...{ importMs, loadMs, firstMs },
    firstRun: await firstRunOf({ kind: 'model', name }, FIRST_RUN_PROCESSES),
    memoryBytes,
    leastMemory: leastMemory(program),
    hashed: {
      committed: bytesOf(program, checkpointsOf(program)),
      all: bytesOf(program, computedOf(program)),
      block: bytesOf(program, block),
    },
    matrixSpeed: matrixSpeed(program, ofNodes),
    peak,
    differences,
    problems,
  };
}

/** Fold steps of a sample: some seconds of the reference. Smaller models are compared in full. */
const SAMPLE_STEPS = 30e6;

/** Compares the tensors of a run with those of the reference. */
async function compareWithReference(
  compiled: CompiledModel,
  inputs: readonly Uint8Array[],
  tensors: readonly Uint8Array[],
  use: ReferenceUse,
): Promise<{ readonly reference: Result['reference']; readonly found: readonly string[] }> {
  if (use === 'none') return { reference: undefined, found: [] };
  const kept = use === 'full' ? undefined : keptReference(compiled, inputs);
  const run = kept ?? (use === 'full' ? await runReference(compiled, inputs) : undefined);
  if (run) {
    const reference = { ms: run.ms, kept: kept !== undefined, share: 1 };
    return { reference, found: differingNode(run, tensors) };
  }
  const { share, ms, difference } = sampleReference(compiled.program, inputs, tensors, SAMPLE_STEPS);
  return { reference: { ms, kept: false, share }, found: difference === undefined ? [] : [difference] };
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
