// A process of its own that runs a program on one thread, next to whatever others do: see threads.ts. It is sent the
// work, then milliseconds, and answers each of these with its runs a second in that time.
import { fileURLToPath } from 'node:url';
import type { Session, Weights } from '../../../src/engine/engine.ts';
import { wasmEngine } from '../../../src/engine/wasm/wasm.ts';
import type { Program } from '../../../src/program/node.ts';
import { rateOf } from './rate.ts';

export interface RivalWork {
  readonly program: Program;
  readonly weights: Weights;
  readonly inputs: readonly Uint8Array[];
}

/** Answers messages until the parent ends the process. */
function serve(): void {
  let inputs: readonly Uint8Array[];
  let session: Promise<Session>;
  process.on('message', async (message: RivalWork | number) => {
    if (typeof message !== 'number') {
      inputs = message.inputs;
      session = wasmEngine.load(message.program, message.weights);
      return;
    }
    const loaded = await session;
    process.send!(await rateOf(() => loaded.run(inputs), message));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) serve();
