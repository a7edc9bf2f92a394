// `npx tsx scripts/halfBillion.ts`: runs, claims and disputes texts of half a billion parameters, and says what they take.
//
//   npx tsx scripts/halfBillion.ts       lies at 4 nodes
//   npx tsx scripts/halfBillion.ts 12    lies at 12 nodes
//
// Seconds and memory are those of this machine, and compared with nothing; a lie that is not found fails.
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { qwenShapedGraph } from '../examples/text/qwenShape.ts';
import { wasmEngineWith } from '../src/engine/wasm/wasm.ts';
import { hexOf } from '../src/merkle/keccak.ts';
import { modelOf } from '../src/merkle/model.ts';
import { realNodes } from '../src/onnx/index.ts';
import { sampleNodes } from '../src/rehearsal/fault.ts';
import { rehearseScript } from '../src/rehearsal/rehearsal.ts';
import { compileText } from '../src/text/compile.ts';
import { generate, inputsOf } from '../src/text/generate.ts';
import { openSession } from '../src/text/session/openSession.ts';
import { tokenBytes } from '../src/text/tokens.ts';
import { RunTrace } from '../src/trace/run.ts';

const SIZES = { prompt: 8, tokens: 8 };
const PROMPT = [9707, 11, 847];
/** Size that a file of such weights would have, in bytes. */
const FILE_BYTES = 500_000_000;

const lies = Number(process.argv[2] ?? 4);
let last = performance.now();
const say = (line: string): void => {
  const now = performance.now();
  console.log(`${((now - last) / 1000).toFixed(1)} s  ${line}`);
  last = now;
};

const graph = qwenShapedGraph(SIZES.prompt + SIZES.tokens, 'int8');
say('weights are made, and rounded to 8 bits');
const model = compileText(graph, FILE_BYTES, SIZES);
const weightBytes = [...model.weights.values()].reduce((sum, { length }) => sum + length, 0);
const committed = modelOf(model.program);
say(
  `compiled: model ${hexOf(committed.id)}, ${realNodes(model.program).length} nodes, ${(weightBytes / 1e6).toFixed(0)} MB of weights`,
);

const engine = wasmEngineWith({ threads: availableParallelism() });
const choosers = await openSession(model, engine, console.error);
const request = inputsOf(model, { prompt: PROMPT });
say('loaded to write');
const tokens = await generate(model, choosers.on(request));
await choosers.close();
say(`wrote ${tokens.length} tokens: ${tokens.join(' ')}`);

const session = await engine.load(model.program, model.weights);
const inputsFor = (text: readonly number[]) => [...request, tokenBytes(text, model.width)];
const traceOf = async (text: readonly number[]): Promise<RunTrace> => {
  const { tensors, trees } = await session.runTrace(inputsFor(text));
  return new RunTrace(committed, tensors, trees);
};
const [accept] = await session.run(inputsFor(tokens));
say(`checked: accept is ${accept!.bytes[0]}`);
const wrong = tokens.with(4, (tokens[4]! + 1) % model.vocabulary);
const script = {
  honest: await traceOf(tokens),
  wrong: await traceOf(wrong),
  labels: model.labels,
  inputs: inputsFor(tokens),
  places: sampleNodes(realNodes(model.program), lies).map((node) => ({ node, element: undefined })),
  falseChallenges: true,
  session,
};
const quiet = (): void => undefined;
const { disputes, falseChallenges } = await rehearseScript(script, {
  onStart: quiet,
  onLie: quiet,
  onDispute: quiet,
});
await session.close();
const greatest = (numbers: readonly number[]): string => Math.max(0, ...numbers).toLocaleString('en-US');
say(
  `${disputes.length} lies and ${falseChallenges.length} false challenges: at most ${greatest(disputes.map(({ gas }) => gas.total))} gas, ` +
    `its last move ${greatest(disputes.map(({ gas }) => gas.leaf ?? 0))}, ${greatest(disputes.map(({ rounds }) => rounds))} answers`,
);
console.log(`at most ${(process.resourceUsage().maxRSS / 1e6).toFixed(1)} GB of memory`);
const isRight =
  accept!.bytes[0] === 1 && disputes.length > 0 && [...disputes, ...falseChallenges].every(({ ok }) => ok);
if (!isRight) console.error('the text is not accepted, or a lie was not found');
process.exit(isRight ? 0 : 1);
