import type { Form } from '../kernel/form.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { kernelForms, mapForms } from '../kernel/loops.ts';

/**
 * Removes loops of one index, and merges neighbouring loops wherever every form continues from the inner loop into the
 * outer one: an elementwise kernel over [2, 3, 4] becomes one loop of 24.
 */
export function mergeLoops(kernel: Kernel): Kernel {
  for (let i = kernel.extents.length - 1; i >= 0; i--) {
    const extent = kernel.extents[i]!;
    const isMergeable =
      i > 0 &&
      i !== kernel.outputs &&
      kernelForms(kernel).every(({ coefficients }) => coefficients[i - 1] === coefficients[i]! * extent);
    if (extent > 1 && !isMergeable) continue;
    // A merged loop has the inner loop's coefficients, so the outer one is removed.
    const removed = extent === 1 ? i : i - 1;
    const extents = kernel.extents.map((e, loop) =>
      removed !== i && loop === i ? e * kernel.extents[i - 1]! : e,
    );
    kernel = {
      ...mapForms(kernel, without(removed)),
      extents: extents.filter((_, loop) => loop !== removed),
      outputs: kernel.outputs - (removed < kernel.outputs ? 1 : 0),
    };
  }
  return kernel;
}

const without =
  (removed: number) =>
  (form: Form): Form => ({ ...form, coefficients: form.coefficients.filter((_, loop) => loop !== removed) });
