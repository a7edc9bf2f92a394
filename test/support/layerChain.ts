import { layerProgram } from './layerProgram.ts';
import { affine, instruction, loop, ProgramBuilder, sameShape } from './programs.ts';
import type { Random } from './randomProgram.ts';

/** A layer with elementwise loops after it, some of them flat, some reading two earlier ones. */
export function layerChain(random: Random) {
  const layer = layerProgram(random);
  const build = new ProgramBuilder();
  build.nodes.push(...layer.program.nodes);
  build.inputs.push(...layer.program.inputs);
  for (const [node, bytes] of layer.weights) build.weights.set(node, bytes);
  for (let count = random.between(1, 4); count > 0; count--) {
    const last = build.nodes.length - 1;
    const { shape, dtype } = build.nodes[last]!;
    const size = shape.reduce((all, extent) => all * extent, 1);
    const flat = random.chance(50) && size > 0;
    const own = (node: number) => ({
      node,
      dtype: build.nodes[node]!.dtype,
      fill: 0,
      view: [{ extent: size, coordinate: affine([[0, 1]]) }],
    });
    const earlier = build.nodes.flatMap((node, i) =>
      i < last && node.kind === 'loop' && node.shape.reduce((a, e) => a * e, 1) === size ? [i] : [],
    );
    const second = earlier.length > 0 && random.chance(50) ? random.pick(earlier) : last;
    build.node(
      loop({
        dtype: random.pick(['f32', 'f32', 'i32', 'u8'] as const),
        shape: flat ? [size] : shape,
        operands: flat
          ? [own(last), own(second)]
          : [sameShape(last, dtype, shape), sameShape(last, dtype, shape)],
        constants: [0x40400000, random.word()],
        init: random.word(),
        post: (s) => [
          instruction(
            random.pick(['f32.add', 'i32.xor'] as const),
            s.operands,
            s.constants + random.below(2),
          ),
          instruction(random.pick(['f32.mul', 'f32.max', 'i32.add'] as const), s.results, s.operands + 1),
          instruction('i32.xor', s.results + 1, random.pick([s.accumulator, s.results])),
        ],
      }),
    );
  }
  return { ...build.finish(), inputs: layer.inputs };
}
