import { numbersOf } from '../../../examples/models/model.ts';
import { SeededWeights } from '../../../examples/models/weights.ts';
import { wasmEngine } from '../../../src/engine/wasm/wasm.ts';
import { matMul, ProgramBuilder } from '../programs.ts';
import { NodeTimer } from './nodes.ts';
import type { PeakMeter } from './peak.ts';
import { cpuTime, median } from './timing.ts';

const SIDE = 1024;
const OPERATIONS = 2 * SIDE ** 3;
const WARM_UP_RUNS = 3;
const RUNS = 15;

/** Speed of the product of two matrices as a share of the machine's peak. */
export interface Product {
  readonly ms: number;
  /** f32 operations a second. */
  readonly speed: number;
  /** Share of the peak, which was measured in turns with it. */
  readonly share: number;
  readonly isExact: boolean;
}

/** The same product by plain loops: each element's terms are added in their order, each rounded. */
function plainProduct(a: Float32Array, b: Float32Array): Float32Array {
  const out = new Float32Array(SIDE * SIDE);
  for (let i = 0; i < SIDE; i++) {
    const row = out.subarray(i * SIDE, (i + 1) * SIDE);
    for (let k = 0; k < SIDE; k++) {
      const [factor, from] = [a[i * SIDE + k]!, k * SIDE];
      for (let j = 0; j < SIDE; j++) row[j] = row[j]! + Math.fround(factor * b[from + j]!);
    }
  }
  return out;
}

/**
 * Times 1024³ products on one thread, and the peak between them. A product takes long enough to be interrupted, so it
 * is its processor time that counts, next to that of the peak: a processor changes its clock.
 */
export async function product(meter: PeakMeter): Promise<Product> {
  const random = new SeededWeights(1);
  const [a, b] = [random.around(1, [SIDE, SIDE]).values, random.around(1, [SIDE, SIDE]).values];
  const build = new ProgramBuilder();
  const left = build.input('f32', [SIDE, SIDE]);
  const right = build.constant('f32', [SIDE, SIDE], new Uint8Array(b.buffer));
  build.node(matMul(left, right, SIDE, SIDE, SIDE));
  const { program, weights } = build.finish();
  const session = await wasmEngine.load(program, weights);
  const inputs = [new Uint8Array(a.buffer)];
  const [output] = await session.run(inputs);
  await session.close();
  const timer = new NodeTimer(program, weights, inputs);
  timer.times(WARM_UP_RUNS);
  const rounds = Array.from({ length: RUNS }, () => {
    const peak = meter.average();
    const start = cpuTime();
    timer.run();
    const ms = cpuTime() - start;
    return { ms, share: OPERATIONS / (ms / 1000) / peak };
  });
  const ms = median(rounds.map((round) => round.ms));
  const expected = plainProduct(a, b);
  const isExact = numbersOf(output!).every((x, i) => x === expected[i]);
  return { ms, speed: OPERATIONS / (ms / 1000), share: median(rounds.map(({ share }) => share)), isExact };
}
