import { byteLengthOf, ELEMENT_BYTES } from '../../program/node.ts';
import type { CachedProgram, CacheWrite } from '../cached.ts';
import {
  type CachedSession,
  checkPart,
  checkWeights,
  type TensorData,
  tensorData,
  type Weights,
} from '../engine.ts';
import { runLoop } from './runLoop.ts';

/** A cached program by the letter: its loops in order, and after each the copy to its cache. */
export class ReferenceCachedSession implements CachedSession {
  readonly #program: CachedProgram;
  /** Tensors by node: constants, caches, and the tensors of each part's last run. */
  readonly #tensors: Uint8Array[];

  constructor(program: CachedProgram, weights: Weights) {
    checkWeights(program, weights);
    this.#program = program;
    this.#tensors = program.nodes.map(
      (node, i) => weights.get(i) ?? new Uint8Array(node.kind === 'input' ? byteLengthOf(node) : 0),
    );
  }

  async run(part: number, first: number, inputs: readonly Uint8Array[]): Promise<TensorData[]> {
    const { nodes, parts } = this.#program;
    const run = parts[part]!;
    checkPart(this.#program, run, first, inputs);
    this.#tensors[run.first] = new Uint8Array(Int32Array.of(first).buffer);
    run.inputs.forEach((node, i) => {
      this.#tensors[node] = inputs[i]!.slice();
    });
    for (let i = run.from; i < run.to; i++) {
      const node = nodes[i]!;
      if (node.kind !== 'loop') continue;
      this.#tensors[i] = runLoop(node, this.#tensors);
      for (const write of run.writes) if (write.rows === i) this.#copy(write, first);
    }
    return run.outputs.map((node) => tensorData(nodes[node]!, this.#tensors[node]!));
  }

  #copy({ cache, rows, outer, inner, isTurned }: CacheWrite, first: number): void {
    const [from, to] = [this.#tensors[rows]!, this.#tensors[cache]!];
    const width = ELEMENT_BYTES[this.#program.nodes[cache]!.dtype];
    const count = from.length / (outer * inner * width);
    const all = to.length / (outer * inner * width);
    for (let i = 0; i < outer * count * inner; i++) {
      const [o, row, at] = [Math.floor(i / (count * inner)), Math.floor(i / inner) % count, i % inner];
      const place = isTurned ? (o * inner + at) * all + first + row : (o * all + first + row) * inner + at;
      to.set(from.subarray(i * width, (i + 1) * width), place * width);
    }
  }

  async clear(): Promise<void> {
    for (const cache of this.#program.caches) this.#tensors[cache]!.fill(0);
  }

  async close(): Promise<void> {}
}
