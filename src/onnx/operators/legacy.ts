import { ensure } from '../errors.ts';
import type { Lowering } from './context.ts';
import { reshaped } from './tensor/Shapes.ts';

/**
 * Up to version 6, binary operators say with `axis` where the second tensor's dimensions lie among the first one's;
 * since then they are the last ones.
 */
const withAxis =
  (lowering: Lowering): Lowering =>
  (context) => {
    if (context.version >= 7) return lowering(context);
    // It allows what newer versions always do.
    context.disregard('broadcast');
    if (!context.has('axis')) return lowering(context);
    const [a, b] = [context.input(0), context.input(1)];
    const axis = context.axis(context.int('axis', 0), a.shape.length);
    const after = a.shape.length - axis - b.shape.length;
    ensure(after >= 0, `dimensions [${b.shape}] do not lie in [${a.shape}] from axis ${axis} on`);
    const placed = reshaped(context, b, [...b.shape, ...new Array<number>(after).fill(1)]);
    return lowering(context.withInputs([a, placed]));
  };

const BINARY = ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'And', 'Or', 'Xor', 'Equal', 'Less', 'Greater'];

/** The binary operators among some, understanding `axis`. */
export const withLegacyAxis = (lowerings: Readonly<Record<string, Lowering>>): Record<string, Lowering> =>
  Object.fromEntries(
    Object.entries(lowerings).map(([name, lowering]) => [
      name,
      BINARY.includes(name) ? withAxis(lowering) : lowering,
    ]),
  );
