import type { Kernel, ScratchBuffer } from '../kernel/kernel.ts';
import { reorderLoops } from '../kernel/loops.ts';
import type { Band } from '../kernel/tiling.ts';
import { isProduct } from './chooseTile.ts';
import { type Course, courseAlong, heldIndices } from './course.ts';
import { loopOrder } from './orderLoops.ts';
import type { Target } from './target.ts';
import { ENOUGH_ITEMS, planTiling, tileExtent } from './tileLoops.ts';

/** The part of a buffer that two neighbouring bands both copy, at most. */
const MAX_OVERLAP = 0.25;

/**
 * Decides whether scratch buffers are filled in row bands. A whole buffer is filled by all threads before the kernel
 * starts; by then much of it has left the cache, and it may be larger than anything else in memory. With bands, a thread
 * fills what some work items read, computes these, and goes on to the next band.
 */
export function chooseBand(kernel: Kernel, target: Target): Kernel {
  const band = kernel.scratch.length > 0 ? findBand(kernel, target) : undefined;
  return band ? { ...kernel, band } : kernel;
}

interface Candidate extends Band {
  readonly items: number;
  /** Scratch memory of one thread. */
  readonly bytes: number;
}

function findBand(kernel: Kernel, target: Target): Band | undefined {
  if (isProduct(kernel)) {
    // The lanes come first and are read once for each cache block, so bands are as large as these blocks.
    const order = loopOrder(kernel);
    const { splitLoop, block } = planTiling(reorderLoops(kernel, order), target);
    return splitLoop < 0 ? undefined : withoutCosts(bandAlong(order[splitLoop]!, kernel, block, target));
  }
  const loops = kernel.extents.map((_, loop) => loop).slice(0, kernel.outputs);
  const found = loops.flatMap((loop) => bandAlong(loop, kernel, 1, target) ?? []);
  const shared = found.filter(({ items }) => items >= ENOUGH_ITEMS);
  const smallest = (shared.length > 0 ? shared : found).reduce<Candidate | undefined>(
    (best, candidate) => (best && best.bytes <= candidate.bytes ? best : candidate),
    undefined,
  );
  return withoutCosts(smallest);
}

const withoutCosts = (candidate: Candidate | undefined): Band | undefined =>
  candidate && { loop: candidate.loop, size: candidate.size, unit: candidate.unit };

/**
 * The best bands along one loop; undefined if there would be one band only, or bands would overlap too much.
 *
 * @param minItems fewest work items of a band; with more items it stays within the target's budget
 */
function bandAlong(loop: number, kernel: Kernel, minItems: number, target: Target): Candidate | undefined {
  const { scratch, extents } = kernel;
  const tile = kernel.tile!;
  const courses = scratch.map((buffer) => courseAlong(buffer, extents, loop));
  if (courses.every((course) => course === undefined)) return undefined;
  if (loop !== tile.laneLoop && courses.some((course) => course?.isLanes)) return undefined;
  const unit = tileExtent(tile, loop, target);
  const items = Math.ceil(extents[loop]! / unit);
  const bytes = (block: number) => bandBytes(scratch, courses, unit * block);
  const overlaps = (block: number) =>
    courses.some(
      (course) =>
        course && (Math.ceil(items / block) - 1) * (course.span - course.step) > MAX_OVERLAP * course.extent,
    );
  let block = minItems;
  while (block < items && overlaps(block)) block++;
  while (block < items && bytes(block + 1) <= target.cache.band) block++;
  if (block >= items) return undefined;
  const even = Math.ceil(items / Math.ceil(items / block));
  return { loop, size: unit * even, unit, items, bytes: bytes(even) };
}

/** Size of all buffers if those that have a course hold what `size` indices of the loop read. */
const bandBytes = (
  scratch: readonly ScratchBuffer[],
  courses: readonly (Course | undefined)[],
  size: number,
): number =>
  scratch.reduce((sum, { bytes }, i) => {
    const course = courses[i];
    return sum + (course ? (bytes / course.extent) * heldIndices(course, size) : bytes);
  }, 0);
