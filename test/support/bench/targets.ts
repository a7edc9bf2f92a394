import { PAGE_BYTES } from '../../../src/wasm/assembler.ts';
import { timesAsLong } from './firstRun.ts';
import type { Result } from './measure.ts';
import type { Product } from './product.ts';
import type { FormResult, TextResult } from './text.ts';
import { ratioOf } from './timing.ts';

/** One thing the engine is to reach, and what it reached. */
export interface Target {
  readonly text: string;
  readonly isMet: boolean;
}

/** Multiply-adds from which a run is worth more than one thread. */
export const MANY_PRODUCTS = 100e6;

const ratio = ({ times }: Result, a: string, b: string): number | undefined => {
  const [x, y] = [times.get(a), times.get(b)];
  return x && y && ratioOf(x, y);
};

/** Memory of the engine by the least that any engine must hold. Memory comes in whole pages. */
export const memoryShare = ({
  memoryBytes,
  leastMemory: { weights, live },
}: Pick<Result, 'memoryBytes' | 'leastMemory'>): number =>
  memoryBytes / (PAGE_BYTES * Math.ceil((weights + live) / PAGE_BYTES));

/** Geometric mean of onnxruntime-web's times by ours; undefined without results. */
export function meanSpeedUp(results: readonly Result[]): number | undefined {
  const ratios = results.flatMap((result) => ratio(result, 'ortWeb1', 'assay1') ?? []);
  return ratios.length === 0
    ? undefined
    : Math.exp(ratios.reduce((sum, each) => sum + Math.log(each), 0) / ratios.length);
}

/** A bound on every result that has the figure; the worst one is named. */
function bound<R extends { readonly model: string }>(
  what: string,
  results: readonly R[],
  figure: (result: R) => number | undefined,
  limit: number,
  kind: 'at most' | 'at least',
): Target[] {
  const figures = results.flatMap((result) => {
    const value = figure(result);
    return value === undefined ? [] : [{ model: result.model, value }];
  });
  if (figures.length === 0) return [];
  const misses = figures.filter(({ value }) => !(kind === 'at most' ? value <= limit : value >= limit));
  const worst = figures.reduce((a, b) => (a.value < b.value === (kind === 'at most') ? b : a));
  const missed =
    misses.length > 0
      ? `; missed on ${misses.map(({ model, value }) => `${model} (${value.toFixed(2)})`).join(', ')}`
      : `; worst is ${worst.model} (${worst.value.toFixed(2)})`;
  return [{ text: `${what} ${kind} ${limit}${missed}`, isMet: misses.length === 0 }];
}

/** The targets of the engine with the figures of this run. */
export function targets(results: readonly Result[], product: Product | undefined): Target[] {
  const mean = meanSpeedUp(results);
  const large = results.filter(({ macs }) => macs > MANY_PRODUCTS);
  return [
    ...bound('assay1 / ortWeb1', results, (result) => ratio(result, 'assay1', 'ortWeb1'), 1, 'at most'),
    ...(mean === undefined
      ? []
      : [
          {
            text: `geometric mean of ortWeb1 / assay1 at least 1.5; it is ${mean.toFixed(2)}`,
            isMet: mean >= 1.5,
          },
        ]),
    ...bound('assay1 / ortNode1', results, (result) => ratio(result, 'assay1', 'ortNode1'), 5, 'at most'),
    ...bound(
      'assay1 / assay2, over 100 million products,',
      large,
      (result) => ratio(result, 'assay1', 'assay2'),
      1.7,
      'at least',
    ),
    ...bound(
      'first run of a process / later ones, over 100 million products,',
      large,
      ({ firstRun }) => timesAsLong(firstRun),
      2,
      'at most',
    ),
    ...bound('kept1 / assay1', results, (result) => ratio(result, 'kept1', 'assay1'), 2, 'at most'),
    ...bound('trace1 / assay1', results, (result) => ratio(result, 'trace1', 'assay1'), 2, 'at most'),
    ...bound('memory / (weights + largest live set, in pages)', results, memoryShare, 1.3, 'at most'),
    ...(product
      ? [
          {
            text: `1024³ product at least 80 % of the peak; it is ${(100 * product.share).toFixed(0)} %`,
            isMet: product.share >= 0.8,
          },
        ]
      : []),
  ];
}

/** The targets of writing and checking texts. */
export function textTargets(texts: readonly TextResult[]): Target[] {
  const forms = texts.flatMap(({ model, forms }) =>
    forms.map((one) => ({ ...one, model: `${model} in ${one.form}` })),
  );
  const inForm = (form: FormResult['form']) => forms.filter((one) => one.form === form);
  return [
    ...bound('tokens a second / onnxruntime-web', texts, ({ asOrt }) => asOrt, 1, 'at least'),
    ...bound(
      'tokens a second / float32',
      inForm('int8'),
      ({ asFormBefore }) => asFormBefore,
      1.7,
      'at least',
    ),
    ...bound('tokens a second / int8', inForm('int4'), ({ asFormBefore }) => asFormBefore, 0.8, 'at least'),
    ...bound(
      'writing a text / checking it, on one thread,',
      forms,
      ({ asCheck }) => asCheck[0],
      3,
      'at least',
    ),
    ...bound(
      'writing a text / checking it on two threads',
      forms,
      ({ asCheck }) => asCheck[1],
      3,
      'at least',
    ),
    ...bound('first check / later ones', forms, ({ firstCheck }) => timesAsLong(firstCheck), 2, 'at most'),
    ...bound('first text / later ones', forms, ({ firstText }) => timesAsLong(firstText), 2, 'at most'),
  ];
}
