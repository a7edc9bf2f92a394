// The body of a worker thread: it holds models, and runs them one at a time.
import { parentPort, workerData } from 'node:worker_threads';
import type { Engine, Session } from '../engine/engine.ts';
import { wasmEngine } from '../engine/wasm/wasm.ts';
import { type Model, modelOf, splitTensors, suppliedRefs } from '../merkle/model.ts';
import type { MerkleTree } from '../merkle/tree.ts';
import { Refusal } from '../onnx/errors.ts';
import { decodeProgram } from '../store/programFile.ts';
import { ChoiceRows } from '../text/session/choiceRows.ts';
import { commitmentTree } from '../trace/commitment.ts';
import { foldOn } from '../trace/foldOn.ts';
import { Batcher } from './batcher.ts';
import { engineBy } from './engines.ts';
import type {
  FoldWork,
  FromThread,
  RunKind,
  RunResult,
  ThreadSettings,
  ToThread,
  TreeParts,
} from './messages.ts';
import { sharedBytes } from './sharedBytes.ts';

if (!parentPort) throw new Error('this file is run by a worker thread');
const port = parentPort;

const { engine: choice, batch } = workerData as ThreadSettings;
const engine: Engine = engineBy(choice, (line) => process.stderr.write(`assay: note: ${line}\n`));

/** Runs folds of single elements, which have nothing to share among threads or a GPU. */
const folding: Engine = choice.name === 'reference' ? engine : wasmEngine;

/** A model that is run as a whole, or its choices by rows. */
type Held =
  | { readonly model: Model; readonly session: Session; readonly batcher: Batcher }
  | { readonly model: Model; readonly rows: ChoiceRows };

const held = new Map<string, Promise<Held>>();

const partsOf = ([node, { levels }]: readonly [number, MerkleTree]): TreeParts => ({ node, levels });

async function run(modelId: string, what: RunKind, inputs: readonly Uint8Array[]): Promise<ModelResult> {
  const found = await held.get(modelId)!;
  const { model } = found;
  const tensors = inputs.map((bytes) => splitTensors(suppliedRefs(model), bytes));
  if ('rows' in found) {
    if (what !== 'output') throw new Error(`a session of a text has outputs only, and no ${what}`);
    const outputs: Uint8Array[] = [];
    for (const one of tensors) outputs.push(await found.rows.run(one));
    return { what, outputs };
  }
  const { session, batcher } = found;
  switch (what) {
    case 'output':
      return { what, outputs: await batcher.run(tensors) };
    case 'commitment':
      return { what, levels: commitmentTree(model, await session.runCheckpoints(tensors[0]!)).levels };
    case 'trace': {
      const traced = await session.runTrace(tensors[0]!);
      // Each is let go as soon as it is copied, so that they are not all there twice.
      const left = traced.tensors as Uint8Array[];
      const computed: [number, Uint8Array][] = [];
      for (const node of left.keys()) {
        if (model.program.nodes[node]!.kind !== 'constant') computed.push([node, readable(left[node]!)]);
        left[node] = NO_BYTES;
      }
      return { what, tensors: computed, trees: [...traced.trees].map(partsOf) };
    }
  }
}

/** Buffers from this size on are handed over, not copied. */
const LEAST_HANDED_BYTES = 65_536;

/** The same bytes in a buffer that holds nothing else. */
const alone = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength < LEAST_HANDED_BYTES || bytes.byteLength < bytes.buffer.byteLength ? bytes.slice() : bytes;

const NO_BYTES = new Uint8Array(0);

/** The same bytes where other threads read them too, if a copy for each would take time: folds read whole tensors. */
const readable = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength < LEAST_HANDED_BYTES ? bytes : sharedBytes(bytes);

async function fold({ loop, tensors: read, part }: FoldWork): Promise<RunResult> {
  const tensors: Uint8Array[] = [];
  for (const [node, bytes] of read) tensors[node] = bytes;
  return { what: 'fold', words: await foldOn(folding, loop, tensors, part) };
}

type ModelResult = Exclude<RunResult, { what: 'fold' }>;

function packed(result: ModelResult): ModelResult {
  switch (result.what) {
    case 'output':
      return { ...result, outputs: result.outputs.map(alone) };
    case 'commitment':
      return { ...result, levels: result.levels.map(alone) };
    case 'trace':
      return {
        ...result,
        tensors: result.tensors.map(([node, bytes]) => [node, alone(bytes)]),
        trees: result.trees.map(({ node, levels }) => ({ node, levels: levels.map(alone) })),
      };
  }
}

function buffersIn(result: RunResult): ArrayBuffer[] {
  if (result.what === 'fold') return [];
  const views =
    result.what === 'output'
      ? result.outputs
      : result.what === 'commitment'
        ? result.levels
        : [...result.tensors.map(([, bytes]) => bytes), ...result.trees.flatMap(({ levels }) => levels)];
  return [...new Set(views.map(({ buffer }) => buffer))].filter((buffer) => buffer instanceof ArrayBuffer);
}

async function load({ program, weights, rows }: Extract<ToThread, { kind: 'load' }>): Promise<Held> {
  const model = modelOf(decodeProgram(program));
  const constants = new Map(weights);
  if (rows) {
    try {
      return { model, rows: await ChoiceRows.load(model.program, constants, rows, engine) };
    } catch (error) {
      // Its rows are not understood, so it is run as a whole.
      if (!(error instanceof Refusal)) throw error;
    }
  }
  const session = await engine.load(model.program, constants);
  return { model, session, batcher: new Batcher(engine, model.program, constants, session, batch) };
}

const answer = (message: FromThread, buffers: ArrayBuffer[] = []): void => port.postMessage(message, buffers);

async function receive(message: ToThread): Promise<void> {
  switch (message.kind) {
    case 'load': {
      const loading = load(message);
      held.set(message.modelId, loading);
      // The run that waits for it tells the failure.
      loading.catch(() => undefined);
      break;
    }
    case 'unload': {
      const model = await held.get(message.modelId)?.catch(() => undefined);
      held.delete(message.modelId);
      if (model && 'rows' in model) await model.rows.close();
      else if (model) {
        await model.batcher.close();
        await model.session.close();
      }
      break;
    }
    case 'run':
    case 'fold':
      try {
        const result =
          message.kind === 'fold'
            ? await fold(message.work)
            : packed(await run(message.modelId, message.what, message.inputs));
        answer({ kind: 'done', id: message.id, result }, buffersIn(result));
      } catch (error) {
        answer({ kind: 'failed', id: message.id, reason: (error as Error).message });
      }
  }
}

port.on('message', (message: ToThread) => void receive(message));
