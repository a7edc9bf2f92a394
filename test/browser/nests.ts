import { hexOf } from '../../src/merkle/keccak.ts';
import { outputsCommitment } from '../../src/merkle/model.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { joined } from '../support/joined.ts';
import { layerChain } from '../support/layerChain.ts';
import { boundaryProgram, Random, randomProgram } from '../support/randomProgram.ts';
import { wideProgram } from '../support/wideProgram.ts';

const MAKERS = {
  random: (seed: number) => randomProgram(seed, 8),
  boundary: (seed: number) => boundaryProgram(new Random(seed)),
  wide: (seed: number) => wideProgram(new Random(seed)),
  'in several blocks': (seed: number) => {
    const random = new Random(seed);
    return joined(random.times(8, () => layerChain(random)));
  },
};

/** Ways to make programs of random nests. */
export type NestKind = keyof typeof MAKERS;
export const NEST_KINDS = Object.keys(MAKERS) as NestKind[];

/** One hash of the roots of all tensors of a run; the root of its trace commits to checkpoints alone. */
export const allRoots = (trace: Trace): string =>
  hexOf(outputsCommitment(trace.model.program.nodes.map((_, i) => trace.tensorRoot(i))));

/** The same program, weights and inputs for the same seed, in Node and in a page. */
export const madeFrom = (kind: NestKind, seed: number) => MAKERS[kind](seed);
