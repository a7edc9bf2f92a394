// A process of its own that times its first run and later ones, and sends both to its parent: see firstRun.ts. Its argument
// is the work, as JSON.
import { models, programInputs } from '../../../examples/models/index.ts';
import { wasmEngineWith } from '../../../src/engine/wasm/wasm.ts';
import { importOnnx } from '../../../src/onnx/index.ts';
import { compileText } from '../../../src/text/compile.ts';
import { generate, inputsOf } from '../../../src/text/generate.ts';
import { TextSession } from '../../../src/text/session/textSession.ts';
import { tokenBytes } from '../../../src/text/tokens.ts';
import type { FirstRun, FirstRunWork } from './firstRun.ts';
import { textModels } from './textModels.ts';
import { median, pause, threadTime } from './timing.ts';

/** Later runs: so many, or what a time allows. */
const LATER = { leastRuns: 2, runs: 20, ms: 1500 };

/** @returns opens what is to be run; each call of that runs it once, on other inputs where they would be remembered */
async function open(work: FirstRunWork): Promise<() => Promise<unknown>> {
  const engine = wasmEngineWith({ threads: 1 });
  if (work.kind === 'model') {
    const model = models.find(({ name }) => name === work.name)!;
    const compiled = importOnnx(model.bytes(), model.options);
    const session = await engine.load(compiled.program, compiled.weights);
    const inputs = programInputs(compiled, model.inputs());
    return () => session.run(inputs);
  }
  const { graph, fileBytes, sizes, prompt } = await textModels[work.name]!();
  const model = compileText(graph(work.form), fileBytes, sizes);
  if (work.kind === 'check') {
    const session = await engine.load(model.program, model.weights);
    // Any text takes as long as any other.
    const text = Array.from({ length: sizes.tokens }, (_, i) => prompt[i % prompt.length]!);
    const claimed = [...inputsOf(model, { prompt }), tokenBytes(text, model.width)];
    return () => session.run(claimed);
  }
  const session = await TextSession.load(model, engine);
  let turn = 0;
  return () => {
    const other = prompt.with(0, (prompt[0]! + turn++) % model.vocabulary);
    return generate(model, session.on(inputsOf(model, { prompt: other })));
  };
}

async function serve(work: FirstRunWork): Promise<void> {
  const run = await open(work);
  const timed = async (): Promise<number> => {
    const start = threadTime();
    await run();
    return threadTime() - start;
  };
  await pause();
  const firstMs = await timed();
  const later: number[] = [];
  const start = threadTime();
  while (later.length < LATER.leastRuns || (later.length < LATER.runs && threadTime() - start < LATER.ms))
    later.push(await timed());
  process.send!({ firstMs, laterMs: median(later) } satisfies FirstRun, () => process.exit());
}

// Test runners import every file here; only as a program of its own does it serve.
if (process.argv[1] === import.meta.filename) await serve(JSON.parse(process.argv[2]!));
