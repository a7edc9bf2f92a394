import { type Expression, isDivided, isGathered, type Reading } from './expression.ts';
import { type Axis, axisIndex, isWithin } from './indices.ts';
import { elementCount, type Tensor } from './tensor.ts';

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

interface SketchedReading {
  readonly tensor: Tensor;
  readonly inFold: boolean;
  /** Something other than an element that is known to exist: a gathered, exact or checked place, or an index. */
  readonly hard: boolean;
}

/** What a tensor's own expression is made of. */
export interface Sketch {
  readonly readings: readonly SketchedReading[];
  readonly operations: number;
  readonly hasFold: boolean;
  /** Elements are copies of another tensor's elements (or a fill). */
  readonly isView: boolean;
  /** What a view shows outside its source, if it can be outside. */
  readonly fill: number | undefined;
}

const NOTHING: Sketch = { readings: [], operations: 0, hasFold: false, isView: false, fill: undefined };

export function sketch(tensor: Tensor): Sketch {
  const { source, shape } = tensor;
  if (source.kind !== 'computed') return NOTHING;
  let axes = 0;
  const fresh = (extent: number) => axisIndex({ id: axes++, extent } satisfies Axis);
  const readings: SketchedReading[] = [];
  const seen = new Set<Expression>();
  let operations = 0;
  let hasFold = false;
  const visitReading = (reading: Reading, inFold: boolean, isIndex: boolean): void => {
    const outside = reading.places.some(
      (place, i) =>
        isGathered(place) || isDivided(place) || !isWithin(place, reading.tensor.shape[i] as number),
    );
    readings.push({ tensor: reading.tensor, inFold, hard: isIndex || outside });
    for (const place of reading.places) if (isGathered(place)) visitReading(place.gathered, inFold, true);
  };
  const visit = (expression: Expression, inFold: boolean): void => {
    if (seen.has(expression)) return;
    seen.add(expression);
    switch (expression.kind) {
      case 'operation':
        operations++;
        for (const arg of expression.args) visit(arg, inFold);
        break;
      case 'index':
        operations += 2 * expression.index.terms.length;
        break;
      case 'reading':
        visitReading(expression, inFold, false);
        break;
      case 'fold':
        hasFold = true;
        visit(expression.step(expression.extents.map(fresh), { kind: 'accumulator' }), true);
        break;
      default:
    }
  };
  const body = source.body(shape.map(fresh));
  visit(body, false);
  return {
    readings,
    operations,
    hasFold,
    isView: body.kind === 'reading' && !body.places.some(isGathered),
    fill: body.kind === 'reading' && readings[0]?.hard ? (body.fill ?? 0) : undefined,
  };
}

interface Use {
  readonly root: Tensor;
  readonly inFold: boolean;
  readonly hard: boolean;
}

export interface Fusion {
  /** In order of computation; inputs and constants are not among them. */
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

  const mustStore = (tensor: Tensor, its: Sketch, of: readonly Use[]): boolean => {
    if (isOutput.has(tensor) || forced.has(tensor)) return true;
    if (its.isView) return false;
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
