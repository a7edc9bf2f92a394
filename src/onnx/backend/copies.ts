import { sizeOf } from '../../program/node.ts';
import { type Axis, axesOf } from '../ir/indices.ts';
import { elementCount, permutationOf, reading, type Tensor } from '../ir/tensor.ts';
import { type Loop, layOut, TooLarge, termsOf } from '../loops/loop.ts';
import { type Resolution, resolve } from '../loops/resolve.ts';
import { emit } from './emit.ts';
import { withGrain } from './grain.ts';

/**
 * Where a fold would read a tensor all over memory, every step of a leaf opens a chunk of its own. A copy of the
 * tensor with the folded dimensions innermost opens few; it is made where that saves more gas than it costs.
 */

export interface Stored {
  readonly tensor: Tensor;
  readonly loop: Loop;
  readonly label: string;
}

/** Gas that a copy must save: with one node more the trace may be a level deeper. */
const COPY_GAS = 25_000;
/** How often the loop reads each element at least, so that copying is little work beside it. */
const READS = 8;

/** The loops with copies in front of those that read them. */
export function withCopies(loops: readonly Stored[], isStored: (tensor: Tensor) => boolean): Stored[] {
  const made: Stored[] = [];
  const copies = new Map<string, Tensor>();
  const copyOf = (tensor: Tensor, order: readonly number[]): Tensor => {
    const key = `${tensor.id} ${order}`;
    const known = copies.get(key);
    if (known) return known;
    const copy: Tensor = {
      ...tensor,
      // Tensors of the graph count from 0.
      id: -1 - copies.size,
      label: `copy of ${tensor.label}`,
      channelsLast: false,
      order,
      source: { kind: 'computed', body: (indices) => reading(tensor, indices) },
    };
    copies.set(key, copy);
    return copy;
  };
  const present = new Set<Tensor>();
  for (const stored of loops) {
    const chosen = new Map<Tensor, Tensor>();
    let best = { loop: stored.loop, gas: gasOf(stored.loop) };
    for (const { tensor, order } of candidates(stored, isStored)) {
      const copy = copyOf(tensor, order);
      const storedAs = (one: Tensor): Tensor => (one === tensor ? copy : (chosen.get(one) ?? one));
      const found = tried(stored.tensor, resolve(stored.tensor, isStored, storedAs));
      if (!found || found.gas + COPY_GAS > best.gas) continue;
      best = found;
      chosen.set(tensor, copy);
    }
    for (const copy of chosen.values()) {
      if (present.has(copy)) continue;
      present.add(copy);
      made.push({ tensor: copy, loop: layOut(copy, resolve(copy, isStored)), label: copy.label });
    }
    made.push({ ...stored, loop: best.loop });
  }
  return made;
}

/** Gas of the worst dispute about the loop, as far as it depends on how it is laid out. */
const gasOf = (loop: Loop): number => withGrain(emit(loop, () => ({ node: 0 }))).gas;

/** The loop with its gas, unless it is one that no node can be. */
function tried(tensor: Tensor, resolution: Resolution): { loop: Loop; gas: number } | undefined {
  try {
    const loop = layOut(tensor, resolution);
    return { loop, gas: gasOf(loop) };
  } catch (error) {
    if (error instanceof TooLarge) return undefined;
    throw error;
  }
}

interface Candidate {
  readonly tensor: Tensor;
  readonly order: readonly number[];
}

/** Tensors that the fold reads often enough, in an order that has what is folded over innermost. */
function candidates({ tensor, loop }: Stored, isStored: (tensor: Tensor) => boolean): Candidate[] {
  if (loop.fold.length === 0) return [];
  const resolution = resolve(tensor, isStored);
  const { fold } = resolution as Resolution & { fold: NonNullable<Resolution['fold']> };
  const folded = new Set<Axis>(fold.dimensions.flatMap(({ axes }) => axes));
  const steps = elementCount(tensor) * sizeOf([...folded].map(({ extent }) => extent));
  const found = new Map<Tensor, Candidate>();
  for (const term of termsOf([fold.step])) {
    if (term.kind !== 'reading' || term.tensor.source.kind === 'constant') continue;
    if (elementCount(term.tensor) * READS > steps || found.has(term.tensor)) continue;
    // Dimensions without a folded index, then those with others besides, then those with nothing else.
    const depth = term.places.map((place) => {
      if ('gathered' in place) return Number.NaN;
      const axes = [...axesOf(place.index)];
      if (!axes.some((axis) => folded.has(axis))) return 0;
      return axes.every((axis) => folded.has(axis)) ? 2 : 1;
    });
    if (depth.some(Number.isNaN)) continue;
    const order = permutationOf(term.tensor);
    const better = [...order].sort((a, b) => (depth[a] as number) - (depth[b] as number));
    if (`${better}` !== `${order}`) found.set(term.tensor, { tensor: term.tensor, order: better });
  }
  return [...found.values()];
}
