import type { Session } from '../../../src/engine/engine.ts';
import { wasmEngineWith } from '../../../src/engine/wasm/wasm.ts';
import { compileText } from '../../../src/text/compile.ts';
import { generate, inputsOf } from '../../../src/text/generate.ts';
import type { WeightForm } from '../../../src/text/options.ts';
import { TextSession } from '../../../src/text/session/textSession.ts';
import { tokenBytes } from '../../../src/text/tokens.ts';
import { type FirstRun, firstRunOf } from './firstRun.ts';
import { oneThreadedWeb, WEB_OPTIONS } from './onnxruntime.ts';
import { openOrtText } from './ortText.ts';
import type { TextBench } from './textModels.ts';
import { race, ratioOf, type Timing, threadRatioOf } from './timing.ts';

/**
 * Writing a text token by token with a cache, here and in onnxruntime-web, and checking the whole text. Ratios of what runs
 * on one thread are those of processor time.
 */
export interface TextResult {
  readonly model: string;
  readonly tokens: number;
  /** By the form of the weights, in the order of the benchmark; all were in one race. */
  readonly forms: readonly FormResult[];
  /** Milliseconds of a token in onnxruntime-web, in float32. */
  readonly ortWeb: Timing;
  /** Time per token in onnxruntime-web divided by the time per token here, both in float32. */
  readonly asOrt: number;
  readonly problems: readonly string[];
}

/** Times of a model with its weights in one form. */
export interface FormResult {
  readonly form: WeightForm;
  /** Milliseconds of a token in the middle of the text, in a session on one thread. */
  readonly token: Timing;
  /** Milliseconds of a pass that checks the whole text, on one thread and on two. */
  readonly check: readonly [one: Timing, two: Timing];
  /** Time per token in the previous form divided by the time per token in this one; undefined for the first form. */
  readonly asFormBefore: number | undefined;
  /** Time to write the whole text divided by the time to check it, with checks on one thread and on two. */
  readonly asCheck: readonly [one: number, two: number];
  /** Of processes of their own: the first check, and the first whole text that is written. */
  readonly firstCheck: FirstRun;
  readonly firstText: FirstRun;
}

/** Tokens that are written in one run of the race. */
const STEPS = 8;

/** A text model in one form, as the race runs it. */
interface Writer {
  readonly form: WeightForm;
  /** The text that it writes. */
  readonly text: readonly number[];
  /** Writes some tokens from the middle of the text on. */
  write(): Promise<readonly number[]>;
  /** Checks the text by one pass on as many threads. @returns whether it is accepted */
  check(threads: 1 | 2): Promise<boolean>;
  close(): Promise<unknown>;
}

/**
 * Tokens from the middle of a text on. The token before them is another one in every other turn, so that nothing is
 * known from the turn before.
 *
 * @param choose finds the token behind those so far
 */
async function follow(
  text: readonly number[],
  vocabulary: number,
  turn: number,
  choose: (soFar: readonly number[]) => Promise<number>,
): Promise<number[]> {
  const start = Math.floor(text.length / 2);
  const last = (text[start - 1]! + (turn % 2)) % vocabulary;
  const tokens = text.slice(0, start).with(-1, last);
  for (let i = 0; i < STEPS; i++) tokens.push(await choose(tokens));
  return tokens.slice(start);
}

async function openWriter({ graph, fileBytes, sizes, prompt }: TextBench, form: WeightForm) {
  const model = compileText(graph(form), fileBytes, sizes);
  const inputs = inputsOf(model, { prompt });
  const session = await TextSession.load(model, wasmEngineWith({ threads: 1 }));
  const chooser = session.on(inputs);
  const text = await generate(model, chooser);
  const claimed = [...inputs, tokenBytes(text, model.width)];
  const load = (threads: number): Promise<Session> =>
    wasmEngineWith({ threads }).load(model.program, model.weights);
  const checkers = { 1: await load(1), 2: await load(2) };
  let turn = 0;
  const writer: Writer = {
    form,
    text,
    write: () =>
      follow(text, model.vocabulary, turn++, async (tokens) => (await chooser.choose(tokens, []))[0]!),
    check: async (threads) => (await checkers[threads].run(claimed))[0]!.bytes[0] === 1,
    close: () => Promise.all([session.close(), checkers[1].close(), checkers[2].close()]),
  };
  return { writer, vocabulary: model.vocabulary };
}

/** onnxruntime-web, going on from its cache at the same place of the same text. */
async function openRival({ graphWithPast, prompt }: TextBench, text: readonly number[], vocabulary: number) {
  const ort = await openOrtText(oneThreadedWeb(), graphWithPast(), WEB_OPTIONS);
  const before = await ort.read([...prompt, ...text.slice(0, Math.floor(text.length / 2) - 1)]);
  let turn = 0;
  const write = (): Promise<readonly number[]> => {
    let state = before;
    return follow(text, vocabulary, turn++, async (tokens) => {
      state = await ort.next(state, [tokens.at(-1)!]);
      return state.choice;
    });
  };
  return { write, close: () => ort.release() };
}

export async function measureText(bench: TextBench): Promise<TextResult> {
  const { name, sizes, effort } = bench;
  const [, ...others] = bench.forms;
  const { writer: first, vocabulary } = await openWriter(bench, bench.forms[0]);
  const writers = [first];
  for (const form of others) writers.push((await openWriter(bench, form)).writer);
  const rival = await openRival(bench, first.text, vocabulary);

  const problems: string[] = [];
  for (let turn = 0; turn < 2; turn++) {
    const [ours, theirs] = [await first.write(), await rival.write()];
    if (String(ours) !== String(theirs)) problems.push(`onnxruntime writes ${theirs}, this engine ${ours}`);
  }
  for (const { form, check } of writers)
    for (const threads of [1, 2] as const)
      if (!(await check(threads)))
        problems.push(`the text that was written in ${form} is not accepted on ${threads} threads`);

  const raced = await race(
    [
      { name: 'ortWeb', run: rival.write },
      ...writers.flatMap(({ form, write, check }) => [
        { name: `${form} token`, run: write },
        { name: `${form} check1`, run: () => check(1) },
        { name: `${form} check2`, run: () => check(2) },
      ]),
    ],
    effort,
  );
  await Promise.all([rival, ...writers].map((one) => one.close()));

  const forms: FormResult[] = [];
  for (const [i, { form }] of writers.entries()) {
    const timing = (what: string): Timing => raced.get(`${form} ${what}`)!;
    const before = writers[i - 1] && raced.get(`${writers[i - 1]!.form} token`);
    const [token, one, two] = [timing('token'), timing('check1'), timing('check2')];
    const runs = sizes.tokens / STEPS;
    forms.push({
      form,
      token: perToken(token),
      check: [one, two],
      asFormBefore: before && threadRatioOf(before, token),
      asCheck: [runs * threadRatioOf(token, one), runs * ratioOf(token, two)],
      firstCheck: await firstRunOf({ kind: 'check', name, form }, effort.processes),
      firstText: await firstRunOf({ kind: 'write', name, form }, effort.processes),
    });
  }
  const ortWeb = raced.get('ortWeb')!;
  return {
    model: name,
    tokens: sizes.tokens,
    forms,
    ortWeb: perToken(ortWeb),
    asOrt: threadRatioOf(ortWeb, raced.get(`${first.form} token`)!),
    problems,
  };
}

const perToken = (timing: Timing): Timing => ({
  ...timing,
  median: timing.median / STEPS,
  spread: timing.spread / STEPS,
  best: timing.best / STEPS,
});
