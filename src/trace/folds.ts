import { LoopRunner } from '../engine/reference/loop.ts';
import { loadFrom } from '../engine/reference/runLoop.ts';
import type { LoopNode } from '../program/node.ts';

/** The accumulator of an element after some fold steps. */
export interface FoldPoint {
  readonly position: number;
  readonly word: number;
}

/** A part of an element's fold: from a point that is known to positions that are asked for, in ascending order. */
export interface FoldPart {
  readonly element: number;
  readonly from: FoldPoint;
  readonly positions: readonly number[];
}

/** Fold steps of a part. */
export const stepsIn = ({ from, positions }: FoldPart): number => (positions.at(-1) ?? 0) - from.position;

/**
 * Accumulators at the positions of a part, by the letter.
 *
 * @param tensors by node; only those that the loop reads
 * @throws RangeError unless the positions ascend from that of the known point to the number of steps
 */
export const foldPart = (
  loop: LoopNode,
  tensors: readonly Uint8Array[],
  { element, from, positions }: FoldPart,
): number[] => new LoopRunner(loop, loadFrom(loop, tensors)).accumulators(element, positions, from);

/** Fold steps that are computed at once where they are asked for: some hundredths of a second. */
export const FEW_STEPS = 2 ** 17;

/** Elements whose accumulators are remembered. */
const MAX_ELEMENTS = 64;

/**
 * Accumulators that were computed, of the elements that were asked about last. Each round of a dispute asks about a part of
 * the part before, so it computes that part alone and never the whole fold again.
 */
export class KnownFolds {
  readonly #elements = new Map<string, Map<number, number>>();

  /** The part of a fold still to compute for some positions of an element; undefined if all are known. */
  missing(
    nodeIndex: number,
    { init }: LoopNode,
    element: number,
    positions: readonly number[],
  ): FoldPart | undefined {
    const known = this.#of(nodeIndex, element);
    const unknown = positions.filter((position) => !known.has(position));
    const first = unknown[0];
    if (first === undefined) return undefined;
    let from = { position: 0, word: init };
    for (const [position, word] of known)
      if (position <= first && position >= from.position) from = { position, word };
    return { element, from, positions: unknown };
  }

  learn(nodeIndex: number, { element, positions }: FoldPart, words: readonly number[]): void {
    const known = this.#of(nodeIndex, element);
    positions.forEach((position, i) => {
      known.set(position, words[i]!);
    });
  }

  word(nodeIndex: number, element: number, position: number): number | undefined {
    return this.#of(nodeIndex, element).get(position);
  }

  #of(nodeIndex: number, element: number): Map<number, number> {
    const key = `${nodeIndex}/${element}`;
    const known = this.#elements.get(key) ?? new Map<number, number>();
    // A map lists its keys in the order in which they were set, so the oldest use comes first.
    this.#elements.delete(key);
    this.#elements.set(key, known);
    if (this.#elements.size > MAX_ELEMENTS)
      this.#elements.delete(this.#elements.keys().next().value as string);
    return known;
  }
}
