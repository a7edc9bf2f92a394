import { ImportError } from '../errors.ts';
import type { Sketch } from '../ir/sketch.ts';
import type { Tensor } from '../ir/tensor.ts';
import { isTooLarge, layOut } from '../loops/loop.ts';
import { isSpill, resolve, type Spill } from '../loops/resolve.ts';
import type { Resolution, ResolvedFold } from '../loops/terms.ts';
import { emit, type LoopDraft } from './emit.ts';
import { type Fusion, fuse } from './fuse.ts';

/** A stored tensor with the loop that computes it. */
export interface Stored {
  readonly tensor: Tensor;
  readonly draft: LoopDraft;
  readonly fold: ResolvedFold | undefined;
  readonly label: string;
}

/** Says what tensors are made of. */
export interface Folder {
  /** {@link sketch}, remembered. */
  readonly sketchOf: (tensor: Tensor) => Sketch;
  /** Makes a constant of a tensor that is known at import, and was left to those that read it. @returns whether it is one now */
  readonly fold: (tensor: Tensor) => boolean;
}

/** Loops of a program, far below what the chain allows: disputes stay short, and compiling takes seconds. */
const MAX_LOOPS = 8192;

/** The loops of a program in order of computation. */
export interface Drafts {
  readonly loops: readonly Stored[];
  readonly isStored: Fusion['isStored'];
}

/**
 * Makes the loop of every stored tensor. Where a tensor turns out not to fit into the loop that reads it, it is stored
 * too, and fusion decides again, until every loop is one that a node can be.
 *
 * @throws ImportError for a tensor that is no loop even if all that it reads is stored
 */
export function draftLoops(outputs: readonly Tensor[], { sketchOf, fold }: Folder): Drafts {
  const forced = new Set<Tensor>();
  const known = new Map<Tensor, { readonly key: string; readonly stored: Stored }>();
  const draft = (tensor: Tensor, isStored: Fusion['isStored']): Stored | Spill => {
    const resolution = resolve(tensor, isStored);
    if (isSpill(resolution)) return resolution;
    // A loop depends only on the tensors that it computes itself.
    const key = resolution.inlined.map(({ id }) => id).join();
    const same = known.get(tensor);
    if (same?.key === key) return same.stored;
    const made = draftLoop(tensor, resolution, sketchOf, forced);
    if (!('spill' in made)) known.set(tensor, { key, stored: made });
    return made;
  };
  for (;;) {
    const { stored, isStored } = fuse(outputs, forced, sketchOf);
    if (stored.filter((tensor) => !outputs.includes(tensor) && fold(tensor)).length > 0) continue;
    if (stored.length > MAX_LOOPS) {
      throw new ImportError(
        `model: ${stored.length} tensors to compute, of ${MAX_LOOPS} allowed; unroll fewer steps or layers`,
      );
    }
    const before = forced.size;
    const loops: Stored[] = [];
    for (const tensor of stored) {
      const made = draft(tensor, isStored);
      if (!('spill' in made)) loops.push(made);
      else if (isStored(made.spill)) {
        throw new ImportError(`${tensor.label}: ${tensor.name} cannot be laid out as one loop`);
      } else forced.add(made.spill);
    }
    if (forced.size === before) return { loops: inOrder(loops), isStored };
  }
}

/** Each loop behind those that it reads: a formula may define tensors that it reads, which then come after it. */
function inOrder(loops: readonly Stored[]): Stored[] {
  const byTensor = new Map(loops.map((stored) => [stored.tensor, stored]));
  const ordered = new Set<Stored>();
  const add = (stored: Stored): void => {
    for (const source of stored.draft.sources) {
      const read = 'tensor' in source ? byTensor.get(source.tensor) : undefined;
      if (read && !ordered.has(read)) add(read);
    }
    ordered.add(stored);
  };
  for (const stored of loops) if (!ordered.has(stored)) add(stored);
  return [...ordered];
}

/** The loop of a tensor; if it is too large for a node, the most laborious tensor computed in it is to be stored. */
function draftLoop(
  tensor: Tensor,
  resolution: Resolution,
  sketchOf: (tensor: Tensor) => Sketch,
  forced: ReadonlySet<Tensor>,
): Stored | Spill {
  const { fold, inlined } = resolution;
  const loop = layOut(tensor, resolution);
  const made = isTooLarge(loop) ? loop : emit(loop);
  if (!isTooLarge(made)) return { tensor, draft: made, fold, label: labelOf(tensor, inlined) };
  const [first] = inlined
    .filter((one) => one !== tensor && !forced.has(one))
    .map((one) => ({ one, weight: sketchOf(one).operations + sketchOf(one).readings.length }))
    .sort((a, b) => b.weight - a.weight || a.one.id - b.one.id);
  if (!first) throw new ImportError(`${tensor.label}: one loop with ${made.excess}`);
  return { spill: first.one };
}

/** `Conv_12 (Conv+Relu)`: the first ONNX node's name, and the operators in order. */
function labelOf(tensor: Tensor, inlined: readonly Tensor[]): string {
  const parts = [...new Set([...inlined, tensor])].sort((a, b) => a.id - b.id).map(({ label }) => label);
  // Of the steps of one node the last one counts: it is what the loop computes.
  const distinct = [
    ...new Map(parts.map((label) => [label.replace(/(\[\d+\])+(?= \()/, ''), label])).values(),
  ];
  const [head = ''] = distinct;
  const operators = distinct.map((label) => /\(([^()]*)\)$/.exec(label)?.[1] ?? label);
  return operators.length > 1 ? `${head.replace(/ \([^()]*\)$/, '')} (${operators.join('+')})` : head;
}
