// The body of a worker thread: it holds models, and runs them one at a time.
import { parentPort, workerData } from 'node:worker_threads';
import type { Engine, Session } from '../engine/engine.ts';
import { referenceEngine } from '../engine/reference/reference.ts';
import { wasmEngineWith } from '../engine/wasm/wasm.ts';
import { type Model, modelOf, splitTensors, suppliedRefs } from '../merkle/model.ts';
import type { MerkleTree } from '../merkle/tree.ts';
import { decodeProgram } from '../store/programFile.ts';
import { commitmentTree } from '../trace/commitment.ts';
import { Batcher } from './batcher.ts';
import type { FromThread, RunKind, RunResult, ThreadSettings, ToThread, TreeParts } from './messages.ts';

if (!parentPort) throw new Error('this file is run by a worker thread');
const port = parentPort;

const { engine: choice, batch } = workerData as ThreadSettings;
const { name, threads } = choice;
const engine: Engine = name === 'reference' ? referenceEngine : wasmEngineWith({ threads });

interface Held {
  readonly model: Model;
  readonly session: Session;
  readonly batcher: Batcher;
}

const held = new Map<string, Promise<Held>>();

const partsOf = ([node, { levels }]: readonly [number, MerkleTree]): TreeParts => ({ node, levels });

async function run(modelId: string, what: RunKind, inputs: readonly Uint8Array[]): Promise<RunResult> {
  const { model, session, batcher } = await held.get(modelId)!;
  const tensors = inputs.map((bytes) => splitTensors(suppliedRefs(model), bytes));
  switch (what) {
    case 'output':
      return { what, outputs: await batcher.run(tensors) };
    case 'commitment':
      return { what, levels: commitmentTree(model, await session.runCheckpoints(tensors[0]!)).levels };
    case 'trace': {
      const traced = await session.runTrace(tensors[0]!);
      const computed = [...traced.tensors.entries()].filter(
        ([node]) => model.program.nodes[node]!.kind !== 'constant',
      );
      return { what, tensors: computed, trees: [...traced.trees].map(partsOf) };
    }
  }
}

/** Buffers from this size on are handed over, not copied. */
const LEAST_HANDED_BYTES = 65_536;

/** The same bytes in a buffer that holds nothing else. */
const alone = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength < LEAST_HANDED_BYTES || bytes.byteLength < bytes.buffer.byteLength ? bytes.slice() : bytes;

function packed(result: RunResult): RunResult {
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
  const views =
    result.what === 'output'
      ? result.outputs
      : result.what === 'commitment'
        ? result.levels
        : [...result.tensors.map(([, bytes]) => bytes), ...result.trees.flatMap(({ levels }) => levels)];
  return [...new Set(views.map(({ buffer }) => buffer))].filter((buffer) => buffer instanceof ArrayBuffer);
}

const answer = (message: FromThread, buffers: ArrayBuffer[] = []): void => port.postMessage(message, buffers);

async function receive(message: ToThread): Promise<void> {
  switch (message.kind) {
    case 'load': {
      const model = modelOf(decodeProgram(message.program));
      const weights = new Map(message.weights);
      const load = engine.load(model.program, weights);
      held.set(
        message.modelId,
        load.then((session) => ({
          model,
          session,
          batcher: new Batcher(engine, model.program, weights, session, batch),
        })),
      );
      // The run that waits for it tells the failure.
      load.catch(() => undefined);
      break;
    }
    case 'unload': {
      const model = await held.get(message.modelId)?.catch(() => undefined);
      held.delete(message.modelId);
      await model?.batcher.close();
      await model?.session.close();
      break;
    }
    case 'run':
      try {
        const result = packed(await run(message.modelId, message.what, message.inputs));
        answer({ kind: 'done', id: message.id, result }, buffersIn(result));
      } catch (error) {
        answer({ kind: 'failed', id: message.id, reason: (error as Error).message });
      }
  }
}

port.on('message', (message: ToThread) => void receive(message));
