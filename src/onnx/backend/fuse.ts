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

/** How the loop of a stored tensor reads a tensor: directly, or through tensors that it computes itself. */
interface Use {
  /** The stored tensor whose loop reads. */
  readonly root: Tensor;
  /** Reads at each step of a fold, so that a tensor that is not stored would be computed at each. */
  readonly isInFold: boolean;
  /** Reads in a way in which only a stored tensor can be read, as `ir/sketch.ts` says. */
  readonly needsStoredTensor: boolean;
}

/** Work that the loop of a stored tensor has collected so far. */
interface Load {
  operations: number;
  readings: number;
  hasFold: boolean;
}

/** Loads by the stored tensor. */
type Loads = ReadonlyMap<Tensor, Load>;

/** {@link sketch}, remembered. */
type SketchOf = (tensor: Tensor) => Sketch;

export interface Fusion {
  /** Tensors that are stored, in order of computation, without inputs and constants. */
  readonly stored: readonly Tensor[];
  readonly isStored: (tensor: Tensor) => boolean;
}

/**
 * @param outputs tensors of the model's outputs
 * @param forced tensors that must be stored for a reason found later (see `resolve.ts`)
 */
export function fuse(outputs: readonly Tensor[], forced: ReadonlySet<Tensor>, sketchOf: SketchOf): Fusion {
  const required = new Set([...outputs, ...forced]);
  const isFixed = fixedTensors(sketchOf);
  const uses = new Map<Tensor, Use[]>();
  const loads = new Map<Tensor, Load>();
  const latestFirst: Tensor[] = [];
  // Readers come after what they read, so from the last to the first every use is known in time.
  for (const tensor of reachable(outputs, sketchOf)) {
    if (tensor.source.kind !== 'computed') continue;
    const sketch = sketchOf(tensor);
    let tensorUses: readonly Use[] = uses.get(tensor) ?? [];
    if (required.has(tensor) || mustStore(tensor, sketch, tensorUses, loads, isFixed)) {
      latestFirst.push(tensor);
      tensorUses = [{ root: tensor, isInFold: false, needsStoredTensor: false }];
      loads.set(tensor, { operations: 0, readings: 0, hasFold: false });
    }
    addLoad(sketch, tensorUses, loads);
    propagateUses(sketch, tensorUses, uses);
  }
  const stored = latestFirst.reverse();
  const set = new Set(stored);
  return { stored, isStored: (tensor) => tensor.source.kind !== 'computed' || set.has(tensor) };
}

/** Whether a tensor that no output requires is stored all the same, by the uses of it. */
function mustStore(
  tensor: Tensor,
  sketch: Sketch,
  tensorUses: readonly Use[],
  loads: Loads,
  isFixed: (tensor: Tensor) => boolean,
): boolean {
  if (sketch.isView) return false;
  const needsStoredTensor = tensorUses.some((use) => use.needsStoredTensor);
  if (!needsStoredTensor && isLargeWeight(tensor, sketch, isFixed)) return false;
  if (needsStoredTensor || tensorUses.some(({ isInFold }) => isInFold)) return true;
  const roots = [...new Set(tensorUses.map(({ root }) => root))];
  if (roots.length > 1 && (sketch.hasFold || sketch.operations > CHEAP_TO_REPEAT)) return true;
  return !roots.every((root) => fits(tensor, sketch, root, loads));
}

/** Whether the loop of `root` can compute a tensor too. */
function fits(
  tensor: Tensor,
  { operations, readings, hasFold }: Sketch,
  root: Tensor,
  loads: Loads,
): boolean {
  const rootLoad = loads.get(root);
  if (!rootLoad) return false;
  if (hasFold && rootLoad.hasFold) return false;
  const isBroadcast = elementCount(root) > elementCount(tensor);
  if (isBroadcast && (hasFold || operations > CHEAP_TO_BROADCAST)) return false;
  return (
    rootLoad.operations + operations <= LOOP_OPERATIONS &&
    rootLoad.readings + readings.length <= LOOP_READINGS
  );
}

/** Whether a tensor is made of weights in fewer bits, which are the better held the larger they are. */
const isLargeWeight = (
  tensor: Tensor,
  { operations, hasFold }: Sketch,
  isFixed: (tensor: Tensor) => boolean,
): boolean =>
  elementCount(tensor) > WEIGHT_ELEMENTS && operations <= CHEAP_TO_BROADCAST && !hasFold && isFixed(tensor);

/** Tells whether a tensor is the same in every run, and remembers it. */
function fixedTensors(sketchOf: SketchOf): (tensor: Tensor) => boolean {
  const known = new Map<Tensor, boolean>();
  const isFixed = (tensor: Tensor): boolean => {
    if (tensor.source.kind !== 'computed') return tensor.source.kind === 'constant';
    const answer = known.get(tensor) ?? sketchOf(tensor).readings.every((reading) => isFixed(reading.tensor));
    known.set(tensor, answer);
    return answer;
  };
  return isFixed;
}

/** Adds a tensor's work to every loop that computes it. */
function addLoad(
  { operations, readings, hasFold, isView }: Sketch,
  tensorUses: readonly Use[],
  loads: Loads,
): void {
  for (const root of new Set(tensorUses.map((use) => use.root))) {
    const rootLoad = loads.get(root);
    if (!rootLoad) continue;
    rootLoad.operations += operations;
    rootLoad.readings += isView ? 0 : readings.length;
    rootLoad.hasFold ||= hasFold;
  }
}

/** Notes for each tensor that one reads that the loops which compute the one use it too. */
function propagateUses(
  { readings, isView }: Sketch,
  tensorUses: readonly Use[],
  uses: Map<Tensor, Use[]>,
): void {
  for (const reading of readings) {
    const known = uses.get(reading.tensor) ?? [];
    uses.set(reading.tensor, known);
    for (const { root, isInFold, needsStoredTensor } of tensorUses) {
      const next: Use = {
        root,
        isInFold: isInFold || reading.isInFold,
        // A view passes the coordinates of its readers on.
        needsStoredTensor: reading.needsStoredTensor || (isView && needsStoredTensor),
      };
      if (!known.some((use) => isSameUse(use, next))) known.push(next);
    }
  }
}

const isSameUse = (a: Use, b: Use): boolean =>
  a.root === b.root && a.isInFold === b.isInFold && a.needsStoredTensor === b.needsStoredTensor;

/** Tensors that the outputs depend on, latest first (ids are in order of definition). */
function reachable(outputs: readonly Tensor[], sketchOf: SketchOf): Tensor[] {
  const found = new Set<Tensor>();
  const pending = [...outputs];
  for (let tensor = pending.pop(); tensor; tensor = pending.pop()) {
    if (found.has(tensor)) continue;
    found.add(tensor);
    pending.push(...sketchOf(tensor).readings.map((reading) => reading.tensor));
  }
  return [...found].sort((a, b) => b.id - a.id);
}
