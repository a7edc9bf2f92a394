import type { Session } from '../../../src/engine/engine.ts';
import { wasmEngineWith } from '../../../src/engine/wasm/wasm.ts';
import { compileText } from '../../../src/text/compile.ts';
import { generate, inputsOf } from '../../../src/text/generate.ts';
import { TextSession } from '../../../src/text/session/textSession.ts';
import { tokenBytes } from '../../../src/text/tokens.ts';
import { oneThreadedWeb, WEB_OPTIONS } from './onnxruntime.ts';
import { openOrtText } from './ortText.ts';
import type { TextBench } from './textModels.ts';
import { race, ratioOf, type Timing, timed } from './timing.ts';

/** Writing a text token by token with a cache, here and in onnxruntime-web, and checking the whole text. */
export interface TextResult {
  readonly model: string;
  readonly tokens: number;
  /** By contestant, milliseconds: `assay1` and `ortWeb1` of a token in the middle of the text, `check1` and `check2`. */
  readonly times: ReadonlyMap<string, Timing>;
  /** The first token after a prompt, which is read in blocks, and a token after that. */
  readonly firstMs: number;
  readonly secondMs: number;
  /** How many times as fast as onnxruntime-web a token is; how many times as long as checking it writing a text takes. */
  readonly asOrt: number;
  readonly asCheck: readonly [one: number, two: number];
  readonly problems: readonly string[];
}

/** Tokens that are written in one run of the race. */
const STEPS = 8;

export async function measureText(bench: TextBench): Promise<TextResult> {
  const { name, sizes, prompt, effort } = bench;
  const model = compileText(bench.graph, bench.fileBytes, sizes);
  const inputs = inputsOf(model, { prompt });
  const session = await TextSession.load(model, wasmEngineWith({ threads: 1 }));
  const chooser = session.on(inputs);
  const { result: first, ms: firstMs } = await timed(() => chooser.choose([], []));
  const { ms: secondMs } = await timed(() => chooser.choose(first, []));
  const text = await generate(model, session.on(inputs));

  // From the middle of the text. Another token before it each time, so that nothing is known from the run before.
  const start = Math.floor(sizes.tokens / 2);
  const context = (turn: number): number[] =>
    text
      .slice(0, start)
      .with(-1, turn % 2 === 0 ? text[start - 1]! : (text[start - 1]! + 1) % model.vocabulary);
  const follow = async (
    turn: number,
    choose: (text: readonly number[]) => Promise<number>,
  ): Promise<number[]> => {
    const tokens = context(turn);
    for (let i = 0; i < STEPS; i++) tokens.push(await choose(tokens));
    return tokens.slice(start);
  };
  let turn = 0;
  const write = () => follow(turn++, async (tokens) => (await chooser.choose(tokens, []))[0]!);
  const ort = await openOrtText(oneThreadedWeb(), bench.graphWithPast, WEB_OPTIONS);
  const before = await ort.read([...prompt, ...text.slice(0, start - 1)]);
  let ortTurn = 0;
  const writeByOrt = () => {
    let state = before;
    return follow(ortTurn++, async (tokens) => {
      state = await ort.next(state, [tokens.at(-1)!]);
      return state.choice;
    });
  };
  const checkers = new Map<string, Session>();
  for (const threads of [1, 2])
    checkers.set(`check${threads}`, await wasmEngineWith({ threads }).load(model.program, model.weights));
  const claimed = [...inputs, tokenBytes(text, model.width)];

  const written = [await write(), await write()];
  const writtenByOrt = [await writeByOrt(), await writeByOrt()];
  const problems = written.flatMap((tokens, i) =>
    String(tokens) === String(writtenByOrt[i])
      ? []
      : [`onnxruntime writes ${writtenByOrt[i]}, this engine ${tokens}`],
  );
  for (const checker of checkers.values())
    if ((await checker.run(claimed))[0]!.bytes[0] !== 1)
      problems.push('the text that was written is not accepted');

  const raced = await race(
    [
      { name: 'assay1', run: write },
      { name: 'ortWeb1', run: writeByOrt },
      ...[...checkers].map(([key, checker]) => ({ name: key, run: () => checker.run(claimed) })),
    ],
    effort,
  );
  await Promise.all([session.close(), ort.release(), ...[...checkers.values()].map((one) => one.close())]);
  const [assay, ortWeb] = [raced.get('assay1')!, raced.get('ortWeb1')!];
  const asCheck = (key: string): number => (sizes.tokens / STEPS) * ratioOf(assay, raced.get(key)!);
  return {
    model: name,
    tokens: sizes.tokens,
    times: new Map([...raced, ['assay1', perToken(assay)], ['ortWeb1', perToken(ortWeb)]]),
    ...{ firstMs, secondMs },
    asOrt: ratioOf(ortWeb, assay),
    asCheck: [asCheck('check1'), asCheck('check2')],
    problems,
  };
}

const perToken = (timing: Timing): Timing => ({
  ...timing,
  median: timing.median / STEPS,
  spread: timing.spread / STEPS,
  best: timing.best / STEPS,
});

const rate = ({ median }: Timing): string => `${(1000 / median).toFixed(0)} tokens a second`;
const digits = (ms: number): string => ms.toFixed(ms < 10 ? 2 : 1);

/** One model as lines of text. */
export function textResultOf({
  model,
  tokens,
  times,
  firstMs,
  secondMs,
  asOrt,
  asCheck,
  problems,
}: TextResult): string {
  const row = (title: string, text: string): string => `  ${title.padEnd(40)}${text}`;
  const token = (key: string): string => {
    const timing = times.get(key)!;
    return `${digits(timing.median).padStart(9)} ±${digits(timing.spread)} ms, ${rate(timing)}`;
  };
  const check = (key: string): string => `${digits(times.get(key)!.median).padStart(9)} ms`;
  return [
    `${model}: a text of ${tokens} tokens`,
    row('a token, this engine, 1 thread', token('assay1')),
    row('a token, onnxruntime-web, 1 thread', token('ortWeb1')),
    row('as fast as onnxruntime-web', `${asOrt.toFixed(2)} times`),
    row('the first token, the second', `${digits(firstMs)}, ${digits(secondMs)} ms`),
    row('checking the text, 1 and 2 threads', `${check('check1')}, ${check('check2')}`),
    row('writing takes longer than checking', asCheck.map((times) => `${times.toFixed(1)} times`).join(', ')),
    ...problems.map((problem) => `  WRONG: ${problem}`),
  ].join('\n');
}

/** One model as a line of JSON; times in milliseconds. */
export const textJsonOf = ({ times, ...result }: TextResult): string =>
  JSON.stringify({
    ...result,
    ...Object.fromEntries([...times].map(([key, { median }]) => [key, median])),
    best: Object.fromEntries([...times].map(([key, { best }]) => [key, best])),
  });
