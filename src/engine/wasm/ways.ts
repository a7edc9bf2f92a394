import type { Program } from '../../program/node.ts';
import { checkpointsOf, computedOf } from '../engine.ts';
import type { Kept } from './layout.ts';

/** The ways to run a program: they differ in what can be read when a run is over, and in nothing else. */
export type Way = 'outputs' | 'checkpoints' | 'tensors' | 'trees';

const NONE: ReadonlySet<number> = new Set();

const KEPT: Readonly<Record<Way, (program: Program) => Kept>> = {
  outputs: ({ outputs }) => ({ tensors: new Set(outputs), trees: NONE }),
  checkpoints: (program) => {
    const checkpoints = new Set(checkpointsOf(program));
    return { tensors: checkpoints, trees: checkpoints };
  },
  tensors: ({ nodes }) => ({ tensors: new Set(nodes.keys()), trees: NONE }),
  trees: (program) => ({ tensors: new Set(program.nodes.keys()), trees: new Set(computedOf(program)) }),
};

export const keptBy = (way: Way, program: Program): Kept => KEPT[way](program);

/** The way to get checkpoints: that of all trees, if everything is one. */
export const wayToCheckpoints = (program: Program): Way =>
  checkpointsOf(program).length === computedOf(program).length ? 'trees' : 'checkpoints';
