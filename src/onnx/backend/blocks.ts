import { tensorRoot } from '../../merkle/tensor.ts';
import { blockLevels, depthOf } from '../../program/blocks.ts';
import { byteLengthOf, type ConstantNode, type Node, type Program } from '../../program/node.ts';
import { type Compiled, mapMarks } from './compiled.ts';

/**
 * Chooses where the blocks of a program end. A tensor that is live-out of its block (read by a later one, or an output) is
 * a checkpoint, so blocks end where few bytes are live. The rest of a block is filled with empty constants, which cost
 * nothing to hold, to run or to hash. Dynamic programming over the ends finds the division with the fewest live-out bytes
 * among those that leave the trace's tree as deep as it is.
 */

const NOTHING = new Uint8Array(0);

const FILLER: ConstantNode = { kind: 'constant', dtype: 'u8', shape: [0], root: tensorRoot(NOTHING) };
const LABEL = '(end of block)';

/** Whether a node only fills its block up. */
const isFiller = ({ kind, shape }: Node): boolean => kind === 'constant' && shape.includes(0);

/** The nodes of a program that are there for more than filling blocks up, by index. */
export const realNodes = ({ nodes }: Pick<Program, 'nodes'>): number[] =>
  nodes.flatMap((node, i) => (isFiller(node) ? [] : [i]));

/** The same nodes in the same order, with fillers between them; a program of one block as it is. */
export function inBlocks<Mark extends string>(compiled: Compiled<Mark>): Compiled<Mark> {
  const { program } = compiled;
  const depth = depthOf(program.nodes.length);
  const levels = blockLevels(depth);
  if (levels === depth) return compiled;
  const size = 2 ** levels;
  return filled(compiled, endsOf(program, size, 2 ** (depth - levels)), size);
}

/** Every block but the last one filled up, and what names nodes by the numbers that they then have. */
function filled<Mark extends string>(
  { program, weights, labels, marked }: Compiled<Mark>,
  ends: ReadonlySet<number>,
  size: number,
): Compiled<Mark> {
  const nodes: Node[] = [];
  const names: string[] = [];
  const bytes = new Map<number, Uint8Array>();
  const numbers: number[] = [];
  for (const [i, node] of program.nodes.entries()) {
    numbers.push(nodes.length);
    const constant = weights.get(i);
    if (constant) bytes.set(nodes.length, constant);
    nodes.push(
      node.kind === 'loop'
        ? {
            ...node,
            operands: node.operands.map((operand) => ({ ...operand, node: numbers[operand.node]! })),
          }
        : node,
    );
    names.push(labels[i]!);
    if (!ends.has(i + 1) || i + 1 === program.nodes.length) continue;
    while (nodes.length % size !== 0) {
      bytes.set(nodes.length, NOTHING);
      nodes.push(FILLER);
      names.push(LABEL);
    }
  }
  const renumbered = (node: number): number => numbers[node]!;
  const { inputs, outputs, answers } = program;
  return {
    program: {
      nodes,
      inputs: inputs.map(renumbered),
      outputs: outputs.map(renumbered),
      ...(answers ? { answers: answers.map(renumbered) } : {}),
    },
    weights: bytes,
    labels: names,
    marked: mapMarks(marked, renumbered),
  };
}

/**
 * Live-out bytes of every candidate block, indexed by `end * size + length - 1`: those of its loops that are read after it or
 * are outputs.
 *
 * @param first node that a block may start at; ends are counted from it
 * @param size nodes of a block, most
 */
function liveOutBytes({ nodes, outputs }: Program, first: number, size: number): Float64Array {
  const lastRead = new Int32Array(nodes.length);
  for (const [i, node] of nodes.entries()) {
    if (node.kind === 'loop') for (const operand of node.operands) lastRead[operand.node] = i;
  }
  for (const output of outputs) lastRead[output] = nodes.length;
  const count = nodes.length - first;
  const table = new Float64Array((count + 1) * size);
  for (let end = 1; end <= count; end++) {
    let bytes = 0;
    for (let length = 1; length <= Math.min(size, end); length++) {
      const i = first + end - length;
      const node = nodes[i]!;
      if (node.kind === 'loop' && lastRead[i]! >= first + end) bytes += byteLengthOf(node);
      table[end * size + length - 1] = bytes;
    }
  }
  return table;
}

/**
 * Ends of the blocks: how many nodes there are up to each. Of equally good ways the one with the fewest
 * fillers.
 *
 * @param size nodes of a block, most
 * @param most blocks, most
 */
function endsOf(program: Program, size: number, most: number): Set<number> {
  const { nodes } = program;
  // Inputs and constants cost nothing wherever they are, so blocks in front that hold nothing else are full.
  const leading = nodes.findIndex(({ kind }) => kind === 'loop');
  const full = Math.floor((leading < 0 ? nodes.length - 1 : leading) / size);
  const first = full * size;
  const count = nodes.length - first;
  const cost = liveOutBytes(program, first, size);
  // Merging two adjacent blocks that fit never costs more, so some optimum has no two that would fit, and at most
  // 2·⌈count/size⌉ blocks are needed.
  const limit = Math.min(most - full, 2 * Math.ceil(count / size));
  /** Fewest live-out bytes of so many blocks, by where the last of them ends; at first of no block. */
  let least = new Float64Array(count + 1).fill(Number.POSITIVE_INFINITY);
  least[0] = 0;
  /** Length of the last block in the best division up to each end, by the number of blocks less 1. */
  const lengths: Uint8Array[] = [];
  let best = { blocks: 0, bytes: Number.POSITIVE_INFINITY };
  for (let blocks = 1; blocks <= limit; blocks++) {
    const before = least;
    least = new Float64Array(count + 1).fill(Number.POSITIVE_INFINITY);
    const last = new Uint8Array(count + 1);
    // From further in front the blocks that are left do not reach the last node.
    const from = Math.max(1, count - (limit - blocks) * size);
    for (let end = from; end <= Math.min(count, blocks * size); end++) {
      for (let length = 1; length <= Math.min(size, end); length++) {
        const bytes = before[end - length]! + cost[end * size + length - 1]!;
        if (bytes >= least[end]!) continue;
        least[end] = bytes;
        last[end] = length;
      }
    }
    lengths.push(last);
    if (least[count]! < best.bytes) best = { blocks, bytes: least[count]! };
  }
  const ends = new Set(Array.from({ length: full }, (_, i) => (i + 1) * size));
  for (let { blocks } = best, end = count; blocks > 0; blocks--) {
    ends.add(first + end);
    end -= lengths[blocks - 1]![end]!;
  }
  return ends;
}
