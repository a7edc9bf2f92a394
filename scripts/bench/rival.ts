// A thread of its own that runs a program on one thread, next to whatever others do: see threads.ts.
import { parentPort, workerData } from 'node:worker_threads';
import type { Weights } from '../../src/engine/engine.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import type { Program } from '../../src/program/node.ts';
import { rateOf } from './rate.ts';

const { program, weights, inputs } = workerData as {
  readonly program: Program;
  readonly weights: Weights;
  readonly inputs: readonly Uint8Array[];
};
const session = await wasmEngine.load(program, weights);
parentPort!.on('message', async (ms: number) => {
  parentPort!.postMessage(await rateOf(() => session.run(inputs), ms));
});
