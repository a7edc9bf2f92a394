import { type KernelInstruction, pruned } from '../kernel/code.ts';
import { type Kernel, slotLayout } from '../kernel/kernel.ts';

/**
 * Takes a factor that steps of a sum of integers have in common out of it: acc + a * c + b * c becomes acc + (a + b) * c.
 * Words are integers modulo 2^32, where the distributive law holds, so the sum has the same bits.
 */
export function factorSums(kernel: Kernel): Kernel {
  const { step } = kernel;
  const { results } = slotLayout(kernel);
  const found = termsOf(kernel);
  if (!found || found.terms.length < 2) return kernel;
  const instructions: KernelInstruction[] = [...step.instructions];
  const add = (operation: 'i32.add' | 'i32.mul', ...args: number[]): number =>
    results + instructions.push({ operation, args }) - 1;
  const [first, ...others] = found.terms as [number, ...number[]];
  const sum = others.reduce((total, term) => add('i32.add', total, term), first);
  const result = add('i32.add', 0, add('i32.mul', sum, found.factor));
  return { ...kernel, step: pruned({ instructions, result }, results) };
}

/** The terms that are multiplied by one factor, if the step adds nothing but such products to the accumulator. */
function termsOf(kernel: Kernel): { readonly terms: readonly number[]; readonly factor: number } | undefined {
  const { step } = kernel;
  const { accesses, indices, results } = slotLayout(kernel);
  const terms: number[] = [];
  let factor: number | undefined;
  for (let slot = step.result; slot !== 0; ) {
    const sum = step.instructions[slot - results];
    if (sum?.operation !== 'i32.add') return undefined;
    const [before, term] = sum.args as [number, number];
    const product = step.instructions[term - results];
    if (product?.operation !== 'i32.mul') return undefined;
    const [a, by] = product.args as [number, number];
    const isAccess = by >= accesses && by < indices;
    if (!isAccess || (factor !== undefined && by !== factor)) return undefined;
    factor = by;
    terms.unshift(a);
    slot = before;
  }
  return factor === undefined ? undefined : { terms, factor };
}
