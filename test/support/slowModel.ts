import { modelOf } from '../../src/merkle/model.ts';
import type { HeldModel } from '../../src/store/library.ts';
import { instruction, loop, ProgramBuilder } from './programs.ts';

/**
 * A model of one i32, `elements` times the same: its input times `steps`, and `mark`. Its run takes `steps` additions an
 * element, some nanoseconds each. With another mark it is another model.
 */
export function slowModel(steps: number, mark = 0, elements = 1): HeldModel {
  const build = new ProgramBuilder();
  const x = build.input('i32', [1]);
  build.node(
    loop({
      dtype: 'i32',
      shape: [elements],
      fold: [steps],
      init: mark,
      operands: [{ node: x, dtype: 'i32', fill: 0, view: [] }],
      step: ({ accumulator, operands }) => [instruction('i32.add', accumulator, operands)],
    }),
  );
  const { program, weights } = build.finish();
  return { model: modelOf(program), weights };
}
