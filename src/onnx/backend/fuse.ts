import type { Sketch } from '../ir/sketch.ts';
import { elementCount, type Tensor } from '../ir/tensor.ts';

/**
 * Decides which tensors are stored (become nodes) and which are computed inside the loops that read them. Fewer
 * nodes make cheaper disputes, but nothing that takes work is computed twice.
 */

/** Instructions that one loop may collect before more is stored apart; the limit of the codec is higher. */
const LOOP_OPERATIONS = 120;
/** Readings that one loop may collect. */
const LOOP_READINGS = 12;
/** Instructions worth repeating in several loops rather than storing what they yield. */
const CHEAP_TO_REPEAT = 2;
/** Instructions worth repeating for each element of a broadcast. */
const CHEAP_TO_BROADCAST = 4;
/** Weights of more elements, which are not folded, are taken from their bits where they are read, not stored in more. */
const WEIGHT_ELEMENTS = 65_536;

interface Use {
  readonly root: Tensor;
  readonly inFold: boolean;
  readonly hard: boolean;
}

export interface Fusion {
  /** Tensors that are stored, in order of computation, without inputs and constants. */
  readonly stored: readonly Tensor[];
  readonly isStored: (tensor: Tensor) => boolean;
}

/**
 * @param outputs tensors of the model's outputs
 * @param forced tensors that must be stored for a reason found later (see `resolve.ts`)
 * @param sketchOf {@link sketch}, remembered
 */
export function fuse(
  outputs: readonly Tensor[],
  forced: ReadonlySet<Tensor>,
  sketchOf: (tensor: Tensor) => Sketch,
): Fusion {
  const isOutput = new Set(outputs);
  const uses = new Map<Tensor, Use[]>();
  const stored: Tensor[] = [];
  const load = new Map<Tensor, { operations: number; readings: number; fold: Tensor | undefined }>();

  const fits = (tensor: Tensor, { operations, readings, hasFold }: Sketch, root: Tensor): boolean => {
    const of = load.get(root);
    if (!of) return false;
    if (hasFold && of.fold) return false;
    if (elementCount(root) > elementCount(tensor) && (hasFold || operations > CHEAP_TO_BROADCAST))
      return false;
    return of.operations + operations <= LOOP_OPERATIONS && of.readings + readings.length <= LOOP_READINGS;
  };

  const ofConstants = new Map<Tensor, boolean>();
  /** Whether a tensor is the same in every run. */
  const isFixed = (tensor: Tensor): boolean => {
    if (tensor.source.kind !== 'computed') return tensor.source.kind === 'constant';
    let known = ofConstants.get(tensor);
    if (known === undefined) {
      known = sketchOf(tensor).readings.every((reading) => isFixed(reading.tensor));
      ofConstants.set(tensor, known);
    }
    return known;
  };
  /** Whether a tensor is made of weights in fewer bits, which are the better held the larger they are. */
  const isLargeWeight = (tensor: Tensor, { operations, hasFold }: Sketch): boolean =>
    elementCount(tensor) > WEIGHT_ELEMENTS && operations <= CHEAP_TO_BROADCAST && !hasFold && isFixed(tensor);

  const mustStore = (tensor: Tensor, its: Sketch, of: readonly Use[]): boolean => {
    if (isOutput.has(tensor) || forced.has(tensor)) return true;
    if (its.isView) return false;
    if (isLargeWeight(tensor, its) && !of.some(({ hard }) => hard)) return false;
    if (of.some(({ inFold, hard }) => inFold || hard)) return true;
    const roots = [...new Set(of.map(({ root }) => root))];
    if (roots.length > 1 && (its.hasFold || its.operations > CHEAP_TO_REPEAT)) return true;
    return !roots.every((root) => fits(tensor, its, root));
  };

  // Readers come after what they read, so from the last to the first every use is known in time.
  for (const tensor of reachable(outputs, sketchOf)) {
    if (tensor.source.kind !== 'computed') continue;
    const its = sketchOf(tensor);
    let of = uses.get(tensor) ?? [];
    if (mustStore(tensor, its, of)) {
      stored.push(tensor);
      of = [{ root: tensor, inFold: false, hard: false }];
      load.set(tensor, { operations: 0, readings: 0, fold: undefined });
    }
    for (const root of new Set(of.map((use) => use.root))) {
      const sum = load.get(root);
      if (!sum) continue;
      sum.operations += its.operations;
      sum.readings += its.isView ? 0 : its.readings.length;
      if (its.hasFold) sum.fold = tensor;
    }
    for (const reading of its.readings) {
      const list = uses.get(reading.tensor) ?? [];
      uses.set(reading.tensor, list);
      for (const use of of) {
        const next: Use = {
          root: use.root,
          inFold: use.inFold || reading.inFold,
          hard: reading.hard || (its.isView && use.hard),
        };
        if (
          !list.some((one) => one.root === next.root && one.inFold === next.inFold && one.hard === next.hard)
        ) {
          list.push(next);
        }
      }
    }
  }
  stored.reverse();
  const set = new Set(stored);
  return { stored, isStored: (tensor) => tensor.source.kind !== 'computed' || set.has(tensor) };
}

/** Tensors that the outputs depend on, latest first (ids are in order of definition). */
function reachable(outputs: readonly Tensor[], sketchOf: (tensor: Tensor) => Sketch): Tensor[] {
  const found = new Set<Tensor>();
  const pending = [...outputs];
  for (let tensor = pending.pop(); tensor; tensor = pending.pop()) {
    if (found.has(tensor)) continue;
    found.add(tensor);
    pending.push(...sketchOf(tensor).readings.map((reading) => reading.tensor));
  }
  return [...found].sort((a, b) => b.id - a.id);
}
