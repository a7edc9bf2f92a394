import type { Program } from '../../program/node.ts';
import { checkpointsOf, computedOf } from '../engine.ts';

/** The tensors and trees that can be read when a run is over. */
export interface Kept {
  /** Nodes whose tensors are held until then. */
  readonly tensors: ReadonlySet<number>;
  /** The nodes among them whose tensors are hashed; none is constant. */
  readonly trees: ReadonlySet<number>;
}

/** The modes in which a program runs. They differ in what is kept, and in nothing else. */
export type RunMode = 'outputs' | 'checkpoints' | 'tensors' | 'trees';

const NONE: ReadonlySet<number> = new Set();

const KEPT: Readonly<Record<RunMode, (program: Program) => Kept>> = {
  outputs: ({ outputs }) => ({ tensors: new Set(outputs), trees: NONE }),
  checkpoints: (program) => {
    const checkpoints = new Set(checkpointsOf(program));
    return { tensors: checkpoints, trees: checkpoints };
  },
  tensors: ({ nodes }) => ({ tensors: new Set(nodes.keys()), trees: NONE }),
  trees: (program) => ({ tensors: new Set(program.nodes.keys()), trees: new Set(computedOf(program)) }),
};

export const keptBy = (mode: RunMode, program: Program): Kept => KEPT[mode](program);

/** The mode that hashes checkpoints: that of all trees if every computed tensor is a checkpoint, to share its memory. */
export const checkpointMode = (program: Program): RunMode =>
  checkpointsOf(program).length === computedOf(program).length ? 'trees' : 'checkpoints';
