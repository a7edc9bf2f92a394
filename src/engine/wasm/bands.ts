import type { LoopNode } from '../../program/node.ts';
import { type Nest, reordered } from './nest.ts';
import type { Band, Course, Stage } from './box.ts';
import {
  type CacheSizes,
  ENOUGH_TURNS,
  isProduct,
  orderOf,
  reorderedShape,
  type Shape,
  tilingOf,
  unitAlong,
} from './tile.ts';

/**
 * Copies in bands. A whole copy is written by all threads, and is read when all are done; by then much of it has left
 * the cache, and it may be larger than anything else that is held. Instead a thread copies what some turns of a loop
 * read, folds them, and goes on to the next.
 */

/** The part of a copy that bands next to each other both copy, at most. */
const MAX_OVERLAP = 0.25;

/** A nest, its stages copying as a whole. */
interface Planned {
  readonly loop: LoopNode;
  readonly nest: Nest;
  readonly shape: Shape;
  readonly stages: readonly Stage[];
}

interface Candidate extends Band {
  readonly turns: number;
  /** Of scratch memory, for one thread. */
  readonly bytes: number;
}

const heldBy = ({ extent, step, span }: Course, size: number): number =>
  Math.min(extent, step * (size - 1) + span);

/**
 * The bands along one loop; undefined if there would be but one, or they would overlap too much.
 *
 * @param least turns that a band is for
 * @param bytes that a band may have with more turns than these
 */
function along(
  loop: number,
  { nest, shape, stages }: Planned,
  least: number,
  bytes: number,
): Candidate | undefined {
  const courses = stages.map(({ courses: of }) => of[loop]);
  if (courses.every((course) => course === undefined)) return undefined;
  if (loop !== shape.laneLoop && courses.some((course) => course?.isLanes)) return undefined;
  const unit = unitAlong(shape, loop);
  const turns = Math.ceil(nest.extents[loop]! / unit);
  const bytesOf = (block: number) =>
    stages.reduce((sum, { bytes: whole }, i) => {
      const course = courses[i];
      return sum + (course ? (whole / course.extent) * heldBy(course, unit * block) : whole);
    }, 0);
  const overlaps = (block: number) =>
    courses.some(
      (course) =>
        course && (Math.ceil(turns / block) - 1) * (course.span - course.step) > MAX_OVERLAP * course.extent,
    );
  let block = least;
  while (block < turns && overlaps(block)) block++;
  while (block < turns && bytesOf(block + 1) <= bytes) block++;
  if (block >= turns) return undefined;
  const even = Math.ceil(turns / Math.ceil(turns / block));
  return { loop, size: unit * even, unit, turns, bytes: bytesOf(even) };
}

/** The bands in which the stages of a nest are better copied. */
export function bandFor(planned: Planned, cache: CacheSizes): Band | undefined {
  const { loop, nest, shape } = planned;
  if (isProduct(loop, nest, shape)) {
    // Its lanes come first and are read once for each block, so that blocks are as large as they are.
    const order = orderOf(loop, nest, shape);
    const placed = reorderedShape(shape, order);
    const { turnLoop, block } = tilingOf(loop, reordered(nest, order), placed, { cache });
    return along(order[turnLoop]!, planned, block, cache.band);
  }
  const found = nest.extents.slice(0, nest.outputs).flatMap((_, i) => along(i, planned, 1, cache.band) ?? []);
  const shared = found.filter(({ turns }) => turns >= ENOUGH_TURNS);
  return (shared.length > 0 ? shared : found).reduce<Candidate | undefined>(
    (best, one) => (best && best.bytes <= one.bytes ? best : one),
    undefined,
  );
}
