import { type LoopNode, nodesRead, sizeOf } from '../program/node.ts';
import type { PlayTime } from '../store/runner.ts';
import { traceBytes } from '../store/shelf.ts';
import type { Trace } from '../trace/trace.ts';
import type { FoldWork } from './messages.ts';
import { SLICE_STEPS } from './traces.ts';

/** Moves of a challenger, at most, for which it needs the trace. */
const TRACE_MOVES = 16;

/** A fold that is worth measuring has more steps than this. */
const LEAST_MEASURED = 2 ** 20;

/** What one step of a loop's fold takes, in any unit. */
const stepCost = ({ step, operands }: LoopNode): number =>
  1 + step.code.length + operands.reduce((sum, { view }) => sum + 1 + view.length, 0);

/** A slice of the longest fold in a trace, and how many times as long a dispute about all of it takes. */
function foldSample({
  model,
  tensors,
}: Trace): { readonly work: FoldWork; readonly times: number } | undefined {
  let longest: LoopNode | undefined;
  let most = 0;
  for (const node of model.program.nodes) {
    if (node.kind !== 'loop' || sizeOf(node.shape) === 0 || sizeOf(node.fold) <= LEAST_MEASURED) continue;
    const cost = sizeOf(node.fold) * stepCost(node);
    if (cost > most) [longest, most] = [node, cost];
  }
  if (!longest) return undefined;
  const steps = sizeOf(longest.fold);
  const measured = Math.min(steps, SLICE_STEPS);
  const part = { element: 0, from: { position: 0, word: longest.init }, positions: [measured] };
  const read = nodesRead(longest).map((node) => [node, tensors[node]!] as const);
  // Positions of moves cut slices, so each may be loaded twice.
  return { work: { loop: longest, tensors: read, part }, times: (2 * steps) / measured };
}

/**
 * The time that a dispute takes, from measured parts of it.
 *
 * @param seconds that the commitment and the trace took
 * @param mostBytes of all traces that are kept
 * @param measure tells the seconds of a part of a fold
 */
export async function playTimeOf(
  trace: Trace,
  seconds: { readonly commitment: number; readonly trace: number },
  mostBytes: number,
  measure: (work: FoldWork) => Promise<number>,
): Promise<PlayTime> {
  const sample = foldSample(trace);
  const foldSeconds = sample ? sample.times * (await measure(sample.work)) : 0;
  // A trace that takes much of the memory has to be made again for other moves, when other disputes need theirs.
  const times = 2 * traceBytes(trace) > mostBytes ? TRACE_MOVES : 1;
  return {
    commitmentSeconds: seconds.commitment,
    traceSeconds: times * seconds.trace,
    foldSeconds: times * foldSeconds,
  };
}
