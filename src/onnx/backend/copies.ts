import { sizeOf } from '../../program/node.ts';
import { type Axis, axesOf } from '../ir/indices.ts';
import { elementCount, permutationOf, reading, type Tensor } from '../ir/tensor.ts';
import { isTooLarge, layOut } from '../loops/loop.ts';
import { isSpill, resolve, type Spill } from '../loops/resolve.ts';
import { type Resolution, termsOf } from '../loops/terms.ts';
import type { Drafts, Stored } from './drafts.ts';
import { emit, type LoopDraft } from './emit.ts';
import { withGrain } from './grain.ts';

/**
 * Where a fold would read a tensor all over memory, every step of a leaf opens a chunk of its own. A copy of the
 * tensor with the folded dimensions innermost opens few; it is made where that saves more gas than it costs.
 */

/** Gas that a copy must save: with one node more the trace may be a level deeper. */
const COPY_GAS = 25_000;
/** Least number of times that the loop reads each element, so that copying is little work beside it. */
const READS = 8;

/** The loops of a program, with copies in front of those that read them. */
export function withCopies({ loops, isStored }: Drafts): Stored[] {
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
  const result: Stored[] = [];
  const present = new Set<Tensor>();
  for (const stored of loops) {
    const chosen = new Map<Tensor, Tensor>();
    let best = { draft: stored.draft, gas: gasOf(stored.draft) };
    for (const { tensor, order } of candidates(stored)) {
      const copy = copyOf(tensor, order);
      const storedAs = (one: Tensor): Tensor => (one === tensor ? copy : (chosen.get(one) ?? one));
      const draft = draftOf(stored.tensor, resolve(stored.tensor, isStored, storedAs));
      const gas = draft ? gasOf(draft) : Number.POSITIVE_INFINITY;
      if (!draft || gas + COPY_GAS > best.gas) continue;
      best = { draft, gas };
      chosen.set(tensor, copy);
    }
    for (const copy of chosen.values()) {
      if (present.has(copy)) continue;
      present.add(copy);
      const draft = draftOf(copy, resolve(copy, isStored));
      if (!draft) throw new TypeError(`${copy.label}: a copy is no loop`);
      result.push({ tensor: copy, draft, fold: undefined, label: copy.label });
    }
    result.push({ ...stored, draft: best.draft });
  }
  return result;
}

/** Gas of the worst dispute about a loop, as far as it depends on how it is laid out. */
const gasOf = ({ node }: LoopDraft): number => withGrain(node).gas;

/** @returns undefined if no node can be this loop */
function draftOf(tensor: Tensor, resolution: Resolution | Spill): LoopDraft | undefined {
  if (isSpill(resolution)) return undefined;
  const loop = layOut(tensor, resolution);
  const draft = isTooLarge(loop) ? loop : emit(loop);
  return isTooLarge(draft) ? undefined : draft;
}

interface Candidate {
  readonly tensor: Tensor;
  readonly order: readonly number[];
}

/** Tensors that the fold reads often enough, in an order that has what is folded over innermost. */
function candidates({ tensor, draft, fold }: Stored): Candidate[] {
  if (!fold || draft.node.fold.length === 0) return [];
  const folded = new Set<Axis>(fold.dimensions.flatMap(({ axes }) => axes));
  const steps = elementCount(tensor) * sizeOf([...folded].map(({ extent }) => extent));
  const found = new Map<Tensor, Candidate>();
  for (const term of termsOf([fold.step])) {
    if (term.kind !== 'reading' || term.tensor.source.kind === 'constant') continue;
    if (elementCount(term.tensor) * READS > steps || found.has(term.tensor)) continue;
    // Dimensions without a folded index, then those with others besides, then those with nothing else.
    const depth = term.coordinates.map((coordinate) => {
      if ('gathered' in coordinate) return Number.NaN;
      const axes = [...axesOf(coordinate.index)];
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
