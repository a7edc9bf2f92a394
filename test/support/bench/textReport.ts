import { timesAsLong } from './firstRun.ts';
import type { FormResult, TextResult } from './text.ts';
import type { Timing } from './timing.ts';

const rate = ({ median }: Timing): string => `${(1000 / median).toFixed(0)} tokens a second`;
const digits = (ms: number): string => ms.toFixed(ms < 10 ? 2 : 1);
const token = (timing: Timing): string =>
  `${digits(timing.median).padStart(9)} ±${digits(timing.spread)} ms, ${rate(timing)}`;
const row = (title: string, text: string): string => `  ${title.padEnd(40)}${text}`;
const both = (numbers: readonly number[], shown: (n: number) => string): string =>
  numbers.map(shown).join(', ');
const times = (ratio: number): string => `${ratio.toFixed(1)} times`;

function formRows({ form, ...one }: FormResult, before: FormResult | undefined): string[] {
  const passes = one.check.map(({ median }) => median);
  return [
    row(`${form}: a token, 1 thread`, token(one.token)),
    ...(before ? [row(`as fast as ${before.form}`, `${one.asFormBefore!.toFixed(2)} times`)] : []),
    row('checking the text, 1 and 2 threads', `${both(passes, (ms) => digits(ms).padStart(9))} ms`),
    row('writing takes longer than checking', both(one.asCheck, times)),
    row(
      'first check, first text, to later ones',
      both([one.firstCheck, one.firstText].map(timesAsLong), (ratio) => ratio.toFixed(2)),
    ),
  ];
}

/** One model as lines of text. */
export function textResultOf({ model, tokens, forms, ortWeb, asOrt, problems }: TextResult): string {
  return [
    `${model}: a text of ${tokens} tokens`,
    row('a token, onnxruntime-web, 1 thread', token(ortWeb)),
    row('this engine in float32 is as fast', `${asOrt.toFixed(2)} times`),
    ...forms.flatMap((form, i) => formRows(form, forms[i - 1])),
    ...problems.map((problem) => `  WRONG: ${problem}`),
  ].join('\n');
}

const timesOf = ({ median, spread, best }: Timing) => ({ median, spread, best });

/** One model as a line of JSON; times in milliseconds. */
export const textJsonOf = ({ ortWeb, forms, ...result }: TextResult): string =>
  JSON.stringify({
    ...result,
    ortWeb: timesOf(ortWeb),
    forms: forms.map(({ token: ours, check, ...one }) => ({
      ...one,
      token: timesOf(ours),
      check: check.map(timesOf),
    })),
  });
