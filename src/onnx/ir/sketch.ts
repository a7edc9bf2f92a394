import { type Expression, isDivided, isGathered, type Reading } from './expression.ts';
import { type Axis, axisIndex, isWithin } from './indices.ts';
import type { Tensor } from './tensor.ts';

interface SketchedReading {
  readonly tensor: Tensor;
  /** Read by the step of a fold. */
  readonly isInFold: boolean;
  /**
   * Anything but the value of an element that is known to exist: a coordinate is divided, gathered or may be outside, or the
   * value is itself a coordinate.
   */
  readonly needsStoredTensor: boolean;
}

/** Summary of a tensor's own expression: what it reads, and how much it computes. */
export interface Sketch {
  readonly readings: readonly SketchedReading[];
  readonly operations: number;
  readonly hasFold: boolean;
  /** Elements are copies of another tensor's elements (or a fill). */
  readonly isView: boolean;
  /** The value of a view outside its source, if it can be outside. */
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
  const visitReading = (reading: Reading, isInFold: boolean, isIndex: boolean): void => {
    const outside = reading.coordinates.some(
      (coordinate, i) =>
        isGathered(coordinate) ||
        isDivided(coordinate) ||
        !isWithin(coordinate, reading.tensor.shape[i] as number),
    );
    readings.push({ tensor: reading.tensor, isInFold, needsStoredTensor: isIndex || outside });
    for (const coordinate of reading.coordinates)
      if (isGathered(coordinate)) visitReading(coordinate.gathered, isInFold, true);
  };
  const visit = (expression: Expression, isInFold: boolean): void => {
    if (seen.has(expression)) return;
    seen.add(expression);
    switch (expression.kind) {
      case 'operation':
        operations++;
        for (const arg of expression.args) visit(arg, isInFold);
        break;
      case 'index':
        operations += 2 * expression.index.terms.length;
        break;
      case 'reading':
        visitReading(expression, isInFold, false);
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
    isView: body.kind === 'reading' && !body.coordinates.some(isGathered),
    fill: body.kind === 'reading' && readings[0]?.needsStoredTensor ? (body.fill ?? 0) : undefined,
  };
}
