import type { Engine } from '../engine/engine.ts';
import { ELEMENT_BYTES, type LoopNode, type Node, nodesRead } from '../program/node.ts';
import { boxesOf, type FoldBox, loopOverBox } from './foldBoxes.ts';
import { type FoldPart, foldPart } from './folds.ts';

/** Steps from which on a program of their own is worth its loading; more if there are many bytes to copy for it. */
const LEAST_STEPS = 2 ** 18;
const BYTES_A_STEP = 128;

/**
 * Accumulators as {@link foldPart} gives them, with long stretches run by an engine, which is about a hundred times as fast.
 *
 * @param leastSteps a stretch that is run by the engine; by default one for which that pays
 */
export async function foldOn(
  engine: Engine,
  loop: LoopNode,
  tensors: readonly Uint8Array[],
  part: FoldPart,
  leastSteps?: number,
): Promise<number[]> {
  const { element, from, positions } = part;
  const read = nodesRead(loop);
  const bytes = read.reduce((sum, node) => sum + tensors[node]!.length, 0);
  const least = leastSteps ?? Math.max(LEAST_STEPS, bytes / BYTES_A_STEP);
  let { position: at, word } = from;
  const words: number[] = [];
  for (const position of positions) {
    for (const box of boxesOf(loop.fold, at, position)) {
      const next = Math.min(position, at + stepsOver(loop.fold, box));
      if (next - at >= least)
        word = await runAlone(engine, loopOverBox(loop, element, box, word), read, tensors);
      else
        [word] = foldPart(loop, tensors, { element, from: { position: at, word }, positions: [next] }) as [
          number,
        ];
      at = next;
    }
    words.push(word);
  }
  return words;
}

const stepsOver = (fold: readonly number[], { fixed, count }: FoldBox): number =>
  fold.slice(fixed.length + 1).reduce((size, extent) => size * extent, count);

/** The one word of a loop that is a program of its own, to which all that it reads is given. */
async function runAlone(
  engine: Engine,
  loop: LoopNode,
  read: readonly number[],
  tensors: readonly Uint8Array[],
): Promise<number> {
  const inputs = read.map((node, slot): Node => {
    const { dtype } = loop.operands.find((operand) => operand.node === node)!;
    // A view may have any shape with as many elements.
    return { kind: 'input', dtype, shape: [tensors[node]!.length / ELEMENT_BYTES[dtype]], slot };
  });
  const operands = loop.operands.map((operand) => ({ ...operand, node: read.indexOf(operand.node) }));
  const program = {
    nodes: [...inputs, { ...loop, operands }],
    inputs: [...inputs.keys()],
    outputs: [inputs.length],
  };
  const session = await engine.load(program, new Map());
  try {
    const [output] = await session.run(read.map((node) => tensors[node]!));
    const { bytes } = output!;
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  } finally {
    await session.close();
  }
}
