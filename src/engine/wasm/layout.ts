import { byteLengthOf, type Program } from '../../program/node.ts';
import { paddingTable, treeBytes } from '../../merkle/inPlace.ts';
import { aligned, arrange, type Block, liveBytes } from './memoryPlan.ts';
import type { NodePlan } from './nodePlan.ts';
import type { Packing } from './packing.ts';
import { coverOf, type Stretch } from './stretch.ts';

/** Where everything of a program lies in memory, bytes. */
export interface Layout {
  /** By node; constants have none. */
  readonly tensors: readonly (number | undefined)[];
  /** What is read of constants as they are, by node. */
  readonly stretches: ReadonlyMap<number, readonly PlacedStretch[]>;
  readonly packings: readonly PlacedPacking[];
  /** Of each packing of a node's plan, by node. */
  readonly packingsOf: readonly (readonly number[])[];
  /** Memory of a node's own while it runs, by node. */
  readonly scratch: readonly number[];
  /** Of the hash tree over each tensor, by node, and of the roots of padding; undefined if there are none. */
  readonly trees: { readonly starts: readonly (number | undefined)[]; readonly paddings: number } | undefined;
  /** Of constants, in whatever order. */
  readonly constantBytes: number;
  /** The most that is held at one time, constants included: no layout of these tensors takes less. */
  readonly leastBytes: number;
  readonly totalBytes: number;
}

export interface PlacedStretch extends Stretch {
  readonly offset: number;
}

export interface PlacedPacking {
  readonly packing: Packing;
  readonly offset: number;
}

/** What can be read when a run is over. */
export interface Kept {
  /** Nodes whose tensors are held until then. */
  readonly tensors: ReadonlySet<number>;
  /** Those of them whose tensors are hashed; none is constant. */
  readonly trees: ReadonlySet<number>;
}

interface Constants extends Pick<Layout, 'stretches' | 'packings' | 'packingsOf'> {
  readonly bytes: number;
}

/** Constants lie at the start: those bytes that somebody reads as they are, and each packed form once. */
function placeConstants(program: Program, plans: readonly (NodePlan | undefined)[]): Constants {
  let bytes = 0;
  const take = (size: number): number => {
    const offset = bytes;
    bytes += aligned(size);
    return offset;
  };
  const packings = new Map<string, PlacedPacking>();
  const packingsOf = plans.map((plan) =>
    (plan?.packings ?? []).map((packing) => {
      const key = JSON.stringify(packing);
      const placed = packings.get(key) ?? { packing, offset: take(packing.bytes) };
      packings.set(key, placed);
      return placed.offset;
    }),
  );
  const reads = plans.flatMap((plan) => plan?.reads ?? []);
  const cover = coverOf(reads.filter(({ node }) => program.nodes[node]!.kind === 'constant'));
  const placed = (stretch: Stretch) => ({ ...stretch, offset: take(stretch.end - stretch.start) });
  const stretches = new Map([...cover].map(([node, of]) => [node, of.map(placed)]));
  return { stretches, packings: [...packings.values()], packingsOf, bytes };
}

/** The step of what is there before the first node runs. */
const BEFORE = -1;

/**
 * Lays a program out by when each tensor is needed: from the node that makes it to the last that reads it, or to the
 * end. A node's step is its index; inputs are there before the first.
 *
 * @param threads that have memory of their own in a node
 */
export function layOut(
  program: Program,
  plans: readonly (NodePlan | undefined)[],
  kept: Kept,
  threads: number,
): Layout {
  const { nodes } = program;
  const constants = placeConstants(program, plans);
  const lastRead = nodes.map((_, i) => i);
  plans.forEach((plan, i) => {
    for (const { node } of plan?.reads ?? []) lastRead[node] = i;
  });
  for (const node of kept.tensors) lastRead[node] = nodes.length;
  const blocks: Block[] = [];
  const hold = (bytes: number, first: number, last: number): number =>
    blocks.push({ bytes, first, last }) - 1;
  const firstStep = (i: number): number => (nodes[i]!.kind === 'input' ? BEFORE : i);
  const tensorBlocks = nodes.map((node, i) =>
    node.kind === 'constant' ? -1 : hold(byteLengthOf(node), firstStep(i), lastRead[i]!),
  );
  const scratchBlocks = plans.map((plan, i) =>
    hold(plan ? plan.scratchBytes + threads * plan.threadBytes : 0, i, i),
  );
  const treeBlocks = nodes.map((node, i) =>
    kept.trees.has(i) ? hold(treeBytes(byteLengthOf(node)), firstStep(i), nodes.length) : -1,
  );
  const paddings = kept.trees.size > 0 ? hold(paddingTable().length, BEFORE, nodes.length) : -1;
  const { starts, bytes } = arrange(blocks);
  const at = (block: number): number => constants.bytes + starts[block]!;
  return {
    tensors: tensorBlocks.map((block) => (block < 0 ? undefined : at(block))),
    stretches: constants.stretches,
    packings: constants.packings,
    packingsOf: constants.packingsOf,
    scratch: scratchBlocks.map(at),
    trees:
      paddings < 0
        ? undefined
        : {
            starts: treeBlocks.map((block) => (block < 0 ? undefined : at(block))),
            paddings: at(paddings),
          },
    constantBytes: constants.bytes,
    leastBytes: constants.bytes + liveBytes(blocks),
    totalBytes: constants.bytes + bytes,
  };
}

/** Where a byte of a node's tensor is, among those that plans read. */
export function sourceIn({ tensors, stretches }: Layout): (node: number, byte: number) => number {
  return (node, byte) => {
    const whole = tensors[node];
    if (whole !== undefined) return whole + byte;
    // The one that has the byte; that of an empty tensor has none, and is never read.
    const { start, offset } = stretches.get(node)!.findLast((stretch) => stretch.start <= byte)!;
    return offset + byte - start;
  };
}
