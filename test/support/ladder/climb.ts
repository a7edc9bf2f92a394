import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { type KnownText, type Rung, textsOf } from '../../../examples/text/rungs.ts';
import { wasmEngineWith } from '../../../src/engine/wasm/wasm.ts';
import { hexOf } from '../../../src/merkle/keccak.ts';
import { realNodes } from '../../../src/onnx/index.ts';
import { sampleNodes } from '../../../src/rehearsal/fault.ts';
import type { DisputeResult } from '../../../src/rehearsal/result.ts';
import type { TextModel } from '../../../src/text/compile.ts';
import { generate, inputsOf } from '../../../src/text/generate.ts';
import { PADDING } from '../../../src/text/options.ts';
import { TextSession } from '../../../src/text/session/textSession.ts';
import { Stage } from './stage.ts';

/** Climbs a rung: its model accepts what another program wrote, and every lie about a text is found and loses. */

/** Figures that are the same on every machine. */
export interface RungFigures {
  readonly model: string;
  readonly nodes: number;
  /** Texts of another program that the model accepts. */
  readonly texts: number;
  /** Lies that were told, each of them found. */
  readonly lies: number;
  /** False challenges that were made, each of them lost. */
  readonly falseChallenges: number;
  /** Gas of the dearest dispute, both sides together. */
  readonly gas: number;
  readonly leafGas: number;
  /** Answers of the claimant, most. */
  readonly claimantMoves: number;
  /** Gas of a request, a claim and its finality without a dispute or callback. */
  readonly undisputedGas: number;
}

export interface Climbed {
  readonly figures: RungFigures;
  /** Sentences about what is not as it must be. */
  readonly problems: readonly string[];
  /** Sentences about figures beyond the rung's limits. */
  readonly exceeded: readonly string[];
}

/** Lies after which something is said. */
const PROGRESS = 20;

/** Is told each step, with its time on this machine. */
type Say = (line: string) => void;

type Texts = readonly [KnownText, ...KnownText[]];

const grouped = (n: number): string => n.toLocaleString('en-US');

const most = (disputes: readonly DisputeResult[], value: (one: DisputeResult) => number | null): number =>
  disputes.reduce((greatest, one) => Math.max(greatest, value(one) ?? 0), 0);

/** Does some work. @returns what it yields, and how long it took */
async function timed<T>(work: () => Promise<T>): Promise<[T, string]> {
  const start = performance.now();
  const result = await work();
  return [result, `${((performance.now() - start) / 1000).toFixed(1)} s`];
}

/** The text with another token at a place. */
const changed = ({ tokens }: KnownText, place: number, vocabulary: number): readonly number[] =>
  tokens.with(place, (tokens[place]! + 1) % vocabulary);

/** @returns how many texts are accepted */
async function check(rung: Rung, stage: Stage, texts: readonly KnownText[], problems: string[]) {
  const { vocabulary } = stage.model;
  let accepted = 0;
  for (const [i, text] of texts.entries()) {
    if (await stage.accepts(text)) accepted++;
    else problems.push(`what ${rung.writer} wrote after ${JSON.stringify(text.prompt)} is not accepted`);
    const place = Math.floor((i * text.tokens.length) / texts.length);
    if (await stage.accepts(text, changed(text, place, vocabulary)))
      problems.push(`a text after ${JSON.stringify(text.prompt)} with token ${place} changed is accepted`);
  }
  return accepted;
}

/** Lies at some nodes about a text with one token changed, and false challenges at the same nodes about the right one. */
async function lie({ nodes }: Rung, stage: Stage, text: KnownText, problems: string[], say: Say) {
  const { model } = stage;
  const all = realNodes(model.program);
  // The text's tokens as the trace has them, the tokens that the model chooses, the logits that it chooses by.
  const named = [
    ...[...model.answers, ...model.outputs].map(({ node }) => node),
    model.choices,
    model.logits,
  ];
  const places = new Set([...(nodes === 'every' ? all : sampleNodes(all, nodes)), ...named]);
  const wrong = changed(text, Math.floor(text.tokens.length / 2), model.vocabulary);
  const sorted = [...places].sort((a, b) => a - b);
  const played = await stage.dispute(text, wrong, sorted, true, (i) => {
    if (i > 0 && i % PROGRESS === 0) say(`${i} of ${sorted.length} lies played`);
  });
  for (const { ok, fault } of played.disputes)
    if (!ok) problems.push(`a lie at node ${fault.node} (${fault.label}) was not found at its place`);
  for (const { ok, fault } of played.falseChallenges)
    if (!ok) problems.push(`a false challenge at node ${fault.node} (${fault.label}) was won`);
  return played;
}

/** Claims a wrong text with a trace that says `accept` all the same. */
async function falsify(
  what: string,
  stage: Stage,
  text: KnownText,
  wrong: readonly number[],
  problems: string[],
) {
  if (await stage.accepts(text, wrong)) problems.push(`a text with ${what} is accepted`);
  const { disputes } = await stage.dispute(text, wrong, [stage.model.outputs[0]!.node], false);
  if (disputes.some(({ ok }) => !ok) || disputes.length === 0)
    problems.push(`a text with ${what} is not falsified`);
  return disputes;
}

/** A text that has an end: of the model, or, with `ends`, of the same model with one of a text's tokens for its end. */
function ended({ options }: TextModel, texts: Texts): { text: KnownText; ends?: readonly number[] } {
  const found = texts.find(({ tokens }) => tokens.length < options.tokens);
  if (found) return { text: found };
  const [text] = texts;
  const end = text.tokens[Math.floor(text.tokens.length / 2)]!;
  const tokens = text.tokens.slice(0, text.tokens.indexOf(end) + 1);
  return { text: { ...text, tokens }, ends: [end] };
}

/** What a session writes token by token, with keys and values of the tokens before in its memory. */
async function written(model: TextModel, { ids }: KnownText): Promise<readonly number[]> {
  const engine = wasmEngineWith({ threads: availableParallelism() });
  const session = await TextSession.load(model, engine);
  const tokens = await generate(model, session.on(inputsOf(model, { prompt: ids })));
  await session.close();
  return tokens.filter((token) => token !== PADDING);
}

/** @throws Unavailable if the model is not in the cache and cannot be fetched */
export async function climb(rung: Rung, say: Say): Promise<Climbed> {
  const problems: string[] = [];
  const texts = textsOf(rung) as Texts;
  const [first] = texts;
  const [model, compiling] = await timed(() => rung.compile());
  const nodes = realNodes(model.program).length;
  const { prompt, tokens } = model.options;
  say(`${prompt} + ${tokens} tokens, ${nodes} nodes, compiled in ${compiling}`);

  const [ours, writing] = await timed(() => written(model, first));
  if (`${ours}` !== `${first.tokens}`)
    problems.push(
      `a session writes ${ours} after ${JSON.stringify(first.prompt)}, and ${rung.writer} ${first.tokens}`,
    );
  say(`a session writes the first text, ${ours.length} tokens, in ${writing}`);

  const stage = await Stage.open(model);
  const [accepted, checking] = await timed(() => check(rung, stage, texts, problems));
  say(
    `${accepted} of ${texts.length} texts that ${rung.writer} wrote are accepted, each refused with one token changed: ` +
      `${2 * texts.length} passes in ${checking}`,
  );

  const [played, lying] = await timed(() => lie(rung, stage, first, problems, say));
  const { disputes, falseChallenges, harmless, undisputed } = played;
  say(
    `${disputes.length} lies found at their places, ${falseChallenges.length} false challenges lost, ` +
      `${harmless.length} nodes of no consequence: ${lying}`,
  );

  const { vocabulary } = model;
  const place = Math.floor(first.tokens.length / 2);
  const wrong: DisputeResult[] = [];
  const lose = async (what: string, by: Stage, text: KnownText, claimed: readonly number[]) => {
    const lost = await falsify(what, by, text, claimed, problems);
    say(`a text with ${what} is falsified for ${grouped(most(lost, ({ gas }) => gas.total))} gas`);
    wrong.push(...lost);
  };
  await lose('one token changed', stage, first, changed(first, place, vocabulary));
  await lose('one token out of vocabulary', stage, first, first.tokens.with(place, vocabulary));
  const { text, ends } = ended(model, texts);
  let last = stage;
  if (ends) {
    // Two large models in memory would be one too many.
    await stage.close();
    last = await Stage.open(await rung.compile({ ends }));
  }
  await lose('one token beyond the end', last, text, [...text.tokens, 0]);
  await last.close();

  const all = [...disputes, ...wrong];
  const dearest = all.reduce((most, one) => (one.gas.total > most.gas.total ? one : most));
  const figures: RungFigures = {
    model: hexOf(stage.committed.id),
    nodes,
    texts: accepted,
    lies: all.length,
    falseChallenges: falseChallenges.length,
    gas: most(all, ({ gas }) => gas.total),
    leafGas: most(all, ({ gas }) => gas.leaf),
    claimantMoves: most(all, ({ claimantMoves }) => claimantMoves),
    undisputedGas: undisputed.request + undisputed.claim + undisputed.finalize,
  };
  say(
    `at most ${grouped(figures.gas)} gas a dispute, at node ${dearest.fault.node} (${dearest.fault.label}), ` +
      `${grouped(figures.leafGas)} its last move, ${figures.claimantMoves} moves of the claimant; ${grouped(figures.undisputedGas)} gas if nobody disputes`,
  );
  const limits = Object.entries(rung.most) as [keyof Rung['most'], number][];
  const exceeded = limits
    .filter(([what, limit]) => figures[what] > limit)
    .map(([what, limit]) => `${what}: ${grouped(figures[what])}, where ${grouped(limit)} is the limit`);
  return { figures, problems, exceeded };
}
