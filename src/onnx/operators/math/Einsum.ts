import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32 } from '../../ir/expression.ts';
import type { Index } from '../../ir/indices.ts';
import { constantIndex } from '../../ir/indices.ts';
import { at, type Lowering, type Operators } from '../context.ts';
import { ensureSameType } from '../elementwise.ts';

/**
 * Einsum of one or two tensors (three and more are refused: one loop would multiply them all at each step). A label
 * that the output lacks is summed over; a label twice in one term takes the diagonal.
 */
const Einsum: Lowering = (context) => {
  const inputs = context.inputs();
  const type = ensureSameType(inputs);
  ensure(inputs.length <= 2, 'more than two inputs are not supported; split it into steps of two');
  ensure(type.family === 'float' || type.bits >= 32, `${type.name} is not supported in Einsum`);
  const equation = context.string('equation', '').replace(/\s/g, '');
  const [left = '', right] = equation.split('->');
  const terms = left.split(',').map((term, i) => labelsOf(term, inputs[i]?.shape.length ?? 0, inputs));
  ensure(
    terms.length === inputs.length,
    `equation ${equation} has ${terms.length} terms for ${inputs.length} inputs`,
  );
  const extents = new Map<string, number>();
  terms.forEach((labels, i) => {
    const { shape } = inputs[i]!;
    ensure(labels.length === shape.length, `term ${i} of ${equation} does not fit rank ${shape.length}`);
    labels.forEach((label, d) => {
      const known = extents.get(label) ?? 1;
      const extent = shape[d]!;
      ensure(
        known === extent || known === 1 || extent === 1,
        `label ${label} is of ${known} and of ${extent}`,
      );
      extents.set(label, Math.max(known, extent));
    });
  });
  const dots = [...extents.keys()].filter((label) => label.startsWith('.')).sort();
  const all = terms.flat();
  const implicit = [...new Set(all)]
    .filter((label) => !label.startsWith('.') && count(all, label) === 1)
    .sort();
  const output =
    right === undefined
      ? [...dots, ...implicit]
      : right
          .split(/(\.\.\.|)/)
          .filter((part) => part !== '')
          .flatMap((part) => (part === '...' ? dots : [part]));
  ensure(
    output.every((label) => extents.has(label)),
    `the output of ${equation} has a label that no input has`,
  );
  const summed = [...extents.keys()].filter((label) => !output.includes(label));
  const isFloat = type.family === 'float';
  const [plus, times] = isFloat ? [f32.add, f32.mul] : [i32.add, i32.mul];
  return context.define({
    type,
    shape: output.map((label) => extents.get(label) as number),
    body: (indices) => {
      const product = (steps: readonly Index[]): Expression => {
        const indexOf = (label: string): Index =>
          (output.includes(label) ? indices[output.indexOf(label)] : steps[summed.indexOf(label)]) as Index;
        return inputs
          .map(
            (input, i): Expression =>
              at(
                input,
                terms[i]!.map((label, d) => (input.shape[d] === 1 ? constantIndex(0) : indexOf(label))),
              ),
          )
          .reduce(times);
      };
      if (summed.length === 0) return product([]);
      return fold(
        summed.map((label) => extents.get(label) as number),
        0,
        (steps, accumulator) => plus(accumulator, product(steps)),
      );
    },
  });
};

const count = (labels: readonly string[], label: string): number =>
  labels.filter((one) => one === label).length;

/** One label for each dimension; those under an ellipsis are `.0`, `.1`, … counted from the right. */
function labelsOf(term: string, rank: number, inputs: readonly unknown[]): string[] {
  ensure(
    /^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(term),
    `"${term}" is no term of an equation for ${inputs.length} inputs`,
  );
  const [before = '', after] = term.split('...');
  if (after === undefined) return [...before];
  const covered = rank - before.length - after.length;
  ensure(covered >= 0, `"${term}" has more labels than rank ${rank}`);
  // Zero-padded from the right, so that sorting keeps their order.
  const dots = Array.from({ length: covered }, (_, i) => `.${String(90 - covered + i)}`);
  return [...before, ...dots, ...after];
}

/** @see https://onnx.ai/onnx/operators/onnx__Einsum.html */
export const operators: Operators = { Einsum };
