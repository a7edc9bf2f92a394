import { MerkleTree, TENSOR_TREE } from '../merkle/tree.ts';
import { type LoopNode, nodesRead, type Program } from '../program/node.ts';
import type { FoldPart } from '../trace/folds.ts';
import { type FoldElsewhere, RunTrace } from '../trace/run.ts';
import type { PrepareOptions, Trace } from '../trace/trace.ts';
import type { Entry } from './entry.ts';
import type { FoldWork, RunResult } from './messages.ts';

/** Fold steps after which other runs have their turn, by the earliest deadline: some tenths of a second to some seconds. */
export const SLICE_STEPS = 2 ** 26;

/** Computes a part of a fold in a worker thread. @param key that equal parts of one trace share */
export type AskFold = (key: string, work: FoldWork, options: PrepareOptions) => Promise<readonly number[]>;

/** Cuts a part into slices, one after the other, that end at most `steps` later and at every position that was asked for. */
export function* slices(
  { element, from, positions }: FoldPart,
  steps = SLICE_STEPS,
): Generator<FoldPart, void, readonly number[]> {
  let known = from;
  let ahead = [...positions];
  while (ahead.length > 0) {
    const end = known.position + steps;
    const within = ahead.filter((position) => position <= end);
    const asked = within.length > 0 ? within : [end];
    const words = yield { element, from: known, positions: asked };
    known = { position: asked.at(-1)!, word: words.at(-1)! };
    ahead = ahead.slice(within.length);
  }
}

/** Has folds computed in worker threads, slice by slice. @param tensors by node */
const elsewhere =
  ({ nodes }: Program, tensors: readonly Uint8Array[], ask: AskFold): FoldElsewhere =>
  async (nodeIndex, part, options) => {
    const loop = nodes[nodeIndex] as LoopNode;
    const read = nodesRead(loop).map((node) => [node, tensors[node]!] as const);
    const words = new Map<number, number>();
    const asking = slices(part);
    let slice = asking.next();
    while (!slice.done) {
      const { element, positions } = slice.value;
      const key = `${nodeIndex}/${element} ${positions}`;
      const answer = await ask(key, { loop, tensors: read, part: slice.value }, options);
      positions.forEach((position, i) => {
        words.set(position, answer[i]!);
      });
      slice = asking.next(answer);
    }
    return part.positions.map((position) => words.get(position)!);
  };

/** The trace that a worker thread answered with. @param ask computes long folds of it */
export function traceFrom({ model, weights }: Entry, result: RunResult, ask: AskFold): Trace | undefined {
  if (result.what !== 'trace') return undefined;
  const computed = new Map(result.tensors);
  const tensors = model.program.nodes.map((_, i) => computed.get(i) ?? weights.get(i)!);
  const trees = result.trees.map(
    ({ node, levels }) => [node, new MerkleTree(TENSOR_TREE, levels[0]!, levels.slice(1))] as const,
  );
  return new RunTrace(model, tensors, trees, elsewhere(model.program, tensors, ask));
}
