import { timesAsLong } from './firstRun.ts';
import type { Result } from './measure.ts';
import type { Product } from './product.ts';
import { MANY_PRODUCTS, meanSpeedUp, type Target } from './targets.ts';
import { ratioOf, type Timing } from './timing.ts';

const ROWS: readonly (readonly [key: string, title: string])[] = [
  ['assay1', 'this engine, 1 thread'],
  ['assay2', '2 threads'],
  ['before1', 'before, 1 thread'],
  ['before2', '2 threads'],
  ['trace1', 'checkpoints kept and hashed, 1 thread'],
  ['trace2', '2 threads'],
  ['kept1', 'all tensors kept, 1 thread'],
  ['whole1', 'all tensors kept and hashed, 1 thread'],
  ['block1', 'the largest block hashed, 1 thread'],
  ['ortWeb1', 'onnxruntime-web, 1 thread'],
  ['ortNode1', 'onnxruntime-node, 1 thread'],
  ['ortNode2', '2 threads'],
];

const WIDTH = 40;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e6 ? 2 : 1)} MB`;
const digits = (ms: number): string => ms.toFixed(ms < 10 ? 2 : 1);
const shown = ({ median, spread }: Timing): string => `${digits(median).padStart(9)} ±${digits(spread)} ms`;
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
const giga = (perSecond: number): string => (perSecond / 1e9).toFixed(1);

type Reference = NonNullable<Result['reference']>;

function howCompared({ kept, share }: Reference): string {
  if (kept) return ', kept from an earlier run';
  return share < 1 ? `, estimated from ${percent(share)} of its steps` : '';
}

const comparedPart = ({ share }: Reference): string =>
  share < 1 ? `a sample of every tensor (${percent(share)} of all steps)` : 'every tensor';

/** One model as lines of text. */
export function textOf(result: Result): string {
  const { times, reference, leastMemory, hashed, matrixSpeed, peak, differences, problems } = result;
  const row = (title: string, text: string) => `  ${title.padEnd(WIDTH)}${text}`;
  const rows = ROWS.flatMap(([key, title]) => {
    const timing = times.get(key);
    return timing ? [row(title, shown(timing))] : [];
  });
  const [mine, web] = [times.get('assay1')!, times.get('ortWeb1')!];
  const pair = result.macs > MANY_PRODUCTS ? times.get('assay2') : undefined;
  const far = Math.max(...differences.values());
  return [
    `${result.model}: ${(result.macs / 1e6).toFixed(2)} million products, ${result.nodes} nodes, weights from ${result.weights}`,
    ...rows,
    ...(reference
      ? [row('reference', `${digits(reference.ms).padStart(9)} ms${howCompared(reference)}`)]
      : []),
    row(
      'import, load, first run',
      `${[result.importMs, result.loadMs, result.firstMs].map(digits).join(', ')} ms`,
    ),
    row('first run of a process, to later ones', `${timesAsLong(result.firstRun).toFixed(2)} times`),
    row(
      'memory; weights, largest live set',
      `${megabytes(result.memoryBytes)}; ${megabytes(leastMemory.weights)}, ${megabytes(leastMemory.live)}`,
    ),
    row(
      'hashed: checkpoints, block, all',
      [hashed.committed, hashed.block, hashed.all].map(megabytes).join(', '),
    ),
    ...(matrixSpeed
      ? [
          row(
            'nodes like matrix products',
            `${giga(matrixSpeed)} GFLOP/s, ${percent(matrixSpeed / peak)} of the peak`,
          ),
        ]
      : []),
    ...(pair ? [row('two threads are as fast as one', `${ratioOf(mine, pair).toFixed(2)} times`)] : []),
    ...[1, 2].flatMap((threads) => {
      const [now, before] = [times.get(`assay${threads}`), times.get(`before${threads}`)];
      const title = `as fast as before, ${threads} thread${threads > 1 ? 's' : ''}`;
      return now && before ? [row(title, `${ratioOf(before, now).toFixed(2)} times`)] : [];
    }),
    row('as fast as onnxruntime-web', `${ratioOf(web, mine).toFixed(2)} times`),
    ...(problems.length > 0
      ? problems.map((problem) => `  WRONG: ${problem}`)
      : [
          `  ${reference ? `${comparedPart(reference)} has the bits of the reference; ` : ''}onnxruntime is at most ${far.toExponential(1)} away`,
        ]),
  ].join('\n');
}

/** One model as a line of JSON; times are medians in milliseconds, null where there is none. */
export function jsonOf(result: Result): string {
  const { model, macs, times, reference } = result;
  const median = (key: string): number | null => times.get(key)?.median ?? null;
  const spreads = Object.fromEntries([...times].map(([key, { spread }]) => [key, spread]));
  const best = Object.fromEntries([...times].map(([key, timing]) => [key, timing.best]));
  return JSON.stringify({
    model,
    macs,
    assay1: median('assay1'),
    assay2: median('assay2'),
    reference: reference?.ms ?? null,
    before1: median('before1'),
    before2: median('before2'),
    ortWeb1: median('ortWeb1'),
    ortNode1: median('ortNode1'),
    ortNode2: median('ortNode2'),
    trace1: median('trace1'),
    trace2: median('trace2'),
    kept1: median('kept1'),
    whole1: median('whole1'),
    block1: median('block1'),
    spreads,
    best,
    referenceKept: reference?.kept ?? null,
    referenceShare: reference?.share ?? null,
    importMs: result.importMs,
    loadMs: result.loadMs,
    firstMs: result.firstMs,
    firstRun: result.firstRun,
    memoryBytes: result.memoryBytes,
    committedBytes: result.hashed.committed,
    tensorBytes: result.hashed.all,
    blockBytes: result.hashed.block,
    weightBytes: result.leastMemory.weights,
    liveBytes: result.leastMemory.live,
    matrixFlops: result.matrixSpeed ?? null,
    peakFlops: result.peak,
    differences: Object.fromEntries(result.differences),
    problems: result.problems,
  });
}

/** The summary of all models. */
export function summaryOf(
  results: readonly Result[],
  product: Product | undefined,
  targets: readonly Target[],
): string {
  const mean = meanSpeedUp(results);
  const line = product
    ? `1024³ product: ${digits(product.ms)} ms, ${giga(product.speed)} GFLOP/s, ${percent(product.share)} of what one thread can do without fused multiply-add`
    : '';
  return [
    line,
    mean === undefined ? '' : `onnxruntime-web takes ${mean.toFixed(2)} times as long, in the geometric mean`,
    ...targets.map(({ text, isMet }) => `${isMet ? 'met   ' : 'MISSED'}  ${text}`),
  ]
    .filter((each) => each !== '')
    .join('\n');
}
