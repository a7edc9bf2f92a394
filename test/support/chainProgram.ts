import { instruction, loop, ProgramBuilder, sameShape } from './programs.ts';
import type { Random } from './randomProgram.ts';

const SHAPE = [70];

/**
 * A program of several blocks whose every loop matters for the output: each adds the one before it, times an odd number,
 * to one a few nodes back, so that few of them are checkpoints.
 *
 * @param nodes more than 32
 */
export function chainProgram(random: Random, nodes: number) {
  const build = new ProgramBuilder();
  const integers = (): Uint8Array => random.bytes(4 * SHAPE[0]!);
  const inputs = [integers()];
  build.input('i32', SHAPE);
  while (build.nodes.length < nodes) {
    const before = build.nodes.length - 1;
    // A constant is read by the loop after it, and the loop before it by the one after that.
    if (before > 1 && before < nodes - 2 && random.chance(5)) {
      build.constant('i32', SHAPE, integers());
      continue;
    }
    const loopBefore = build.nodes[before]?.kind === 'constant' ? before - 1 : before;
    const operands = [loopBefore, Math.max(0, before - random.below(9)), before];
    build.node(
      loop({
        dtype: 'i32',
        shape: SHAPE,
        fold: random.pick([[], [3], [40]]),
        grain: 2,
        constants: [(random.word() | 1) >>> 0],
        operands: operands.map((node) => sameShape(node, 'i32', SHAPE)),
        step: (s) => [instruction('i32.add', s.accumulator, s.operands + 1)],
        post: (s) => [
          instruction('i32.mul', s.operands, s.constants),
          instruction('i32.xor', s.results, s.operands + 2),
          instruction('i32.add', s.results + 1, s.accumulator),
        ],
      }),
    );
  }
  return { ...build.finish(), inputs };
}
