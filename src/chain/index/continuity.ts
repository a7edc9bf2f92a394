import type { Phase, Position } from '../../dispute/position.ts';
import { intervalsOf, levelsToReveal } from '../../dispute/rules.ts';
import { blockLevels, depthOf } from '../../program/blocks.ts';

type Step = (before: Position, after: Position) => boolean;

const always: Step = () => true;
/** The top of the trace's tree above its blocks, or the only block. */
const topOfTrace: Step = (_, { depthLeft, traceDepth }) =>
  depthLeft === (traceDepth - blockLevels(traceDepth) || traceDepth);
const topOfTensor: Step = (_, { depthLeft, hi: chunks, index }) =>
  depthLeft === depthOf(chunks) && index === 0;
const wholeFold: Step = (before, after) => after.lo === 0 && after.hi === before.word;
const sameDepth: Step = (before, after) => before.depthLeft === after.depthLeft;
const oneRevealDown: Step = (before, after) =>
  after.depthLeft === before.depthLeft - levelsToReveal(before.depthLeft);
const atTheBottom: Step = ({ depthLeft }) => levelsToReveal(depthLeft) === depthLeft;
const oneInterval: Step = (before, after) => {
  const { stride } = intervalsOf(before);
  const offset = after.lo - before.lo;
  return offset >= 0 && offset % stride === 0 && after.hi === Math.min(after.lo + stride, before.hi);
};

/** The transitions of `DisputeGame.sol` that do not end a dispute, with how the place changes. */
const STEPS: Partial<Record<Phase, Partial<Record<Phase, Step>>>> = {
  Root: { TracePick: topOfTrace, NodePick: topOfTrace },
  TracePick: { TraceReveal: oneRevealDown, NodeReveal: atTheBottom },
  TraceReveal: { TracePick: sameDepth },
  NodeReveal: { NodePick: always },
  NodePick: { TensorReveal: topOfTensor, Chunk: topOfTensor, NodeDemand: always },
  NodeDemand: { NodePick: always },
  TensorReveal: { TensorPick: sameDepth },
  TensorPick: { TensorReveal: oneRevealDown, Chunk: atTheBottom },
  Chunk: { Element: always },
  Element: { Fold: wholeFold },
  Fold: { Interval: (before, after) => before.lo === after.lo && before.hi === after.hi },
  Interval: { Fold: oneInterval },
};

/** Whether one move leads from a position to another. If not, events between them are missing. */
export const isOneMove = (before: Position, after: Position): boolean =>
  STEPS[before.phase]?.[after.phase]?.(before, after) ?? false;
