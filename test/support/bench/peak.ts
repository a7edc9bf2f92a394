import { type Code, f32Const, get, i32Const, moduleOf, repeat, set } from '../../../src/wasm/assembler.ts';
import { f32x4, i32 } from '../../../src/wasm/opcodes.ts';
import { cpuTime } from './timing.ts';

const LANES = 4;
const UNROLLED = 16;
const STEPS = 600_000;
const TRIAL_STEPS = 20_000;
const TRIALS = 30;
/** Few chains wait for their own results, many do not fit the registers: the best of these is the peak. */
const CHAINS = [6, 8, 10, 12];

const bitsOf = (value: number): number => new Int32Array(Float32Array.of(value).buffer)[0]!;

/** Chains of acc = acc · 0.5 + 1, four lanes each, that depend on nothing else and touch no memory. */
async function loopOf(chains: number): Promise<(steps: number) => number> {
  const [steps, factor, summand] = [0, 1, 2];
  const accumulators = Array.from({ length: chains }, (_, i) => 3 + i);
  const splat = (value: number): Code => [...f32Const(bitsOf(value)), ...f32x4.splat];
  const step = accumulators.flatMap((acc) =>
    set(acc, [...get(acc), ...get(factor), ...f32x4.mul, ...get(summand), ...f32x4.add]),
  );
  const body = [
    ...Array.from({ length: UNROLLED }, () => step).flat(),
    ...set(steps, [...get(steps), ...i32Const(1), ...i32.sub]),
  ];
  const sum = accumulators.flatMap((acc, i) => [...get(acc), ...(i > 0 ? f32x4.add : [])]);
  const code = [
    ...set(factor, splat(0.5)),
    ...set(summand, splat(1)),
    ...repeat(body, get(steps)),
    ...sum,
    ...f32x4.extract_lane,
    0,
  ];
  const locals = Array.from({ length: chains + 2 }, () => 'v128' as const);
  const bytes = moduleOf([{ name: 'loop', params: ['i32'], result: 'f32', locals, code }], { pages: 0 });
  const { instance } = await WebAssembly.instantiate(bytes);
  return instance.exports['loop'] as (steps: number) => number;
}

/** f32 operations a second of processor time. */
function speedOf(loop: (steps: number) => number, chains: number, steps: number): number {
  const start = cpuTime();
  // Every accumulator tends to 2, so a loop that was not run shows.
  if (loop(steps) !== 2 * chains) throw new Error('the loop of the peak gave a wrong sum');
  return (2 * LANES * chains * UNROLLED * steps) / ((cpuTime() - start) / 1000);
}

/** Measures the most f32 operations a second that one thread can do in SIMD128 without fused multiply-add. */
export interface PeakMeter {
  /** The average over some 20 ms, to be compared with runs of about that length. */
  average(): number;
  /** The best of many short times; to be compared with the best of others. */
  best(): number;
}

export async function peakMeter(): Promise<PeakMeter> {
  const loops = await Promise.all(
    CHAINS.map(async (chains) => ({ chains, loop: await loopOf(chains), speed: 0 })),
  );
  for (let i = 0; i < TRIALS; i++) {
    for (const one of loops) one.speed = Math.max(one.speed, speedOf(one.loop, one.chains, TRIAL_STEPS));
  }
  const { loop, chains } = loops.reduce((a, b) => (a.speed >= b.speed ? a : b));
  return {
    average: () => speedOf(loop, chains, STEPS),
    best: () => Math.max(...Array.from({ length: TRIALS }, () => speedOf(loop, chains, TRIAL_STEPS))),
  };
}
