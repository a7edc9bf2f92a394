import { sizeOf } from '../../program/node.ts';
import { scratchAccess } from '../kernel/access.ts';
import { ELEMENT_SIZE, isLinear, type Kernel } from '../kernel/kernel.ts';
import { planPanels } from './panels.ts';
import { COPY, type Copied, copyToScratch } from './scratch.ts';
import type { Target } from './target.ts';

/** Panels pay if this many rows read them. */
const MIN_ROWS = 8;

/** Operands whose lanes lie side by side are packed only if a tile's lanes are spread over this many cache lines. */
const MIN_LINES = 192;

/** Packs what lanes read in panels before the kernel runs, where it is not a constant but serves many rows. */
export const packPanels = (kernel: Kernel, target: Target): Kernel =>
  copyToScratch(kernel, (position, buffer) => panelCopy(kernel, position, buffer, target));

function panelCopy(
  { accesses, extents, tile }: Kernel,
  position: number,
  buffer: number,
  { lanes }: Target,
): Copied | undefined {
  const { rowLoop, laneLoop, vectors } = tile!;
  const access = accesses[position]!;
  const { address, element, source } = access;
  if (!isLinear(access) || access.isAlwaysOutside || source.kind !== 'tensor' || rowLoop < 0)
    return undefined;
  if (address.coefficients[laneLoop] === 0 || address.coefficients[rowLoop] !== 0) return undefined;
  if (extents[rowLoop]! < MIN_ROWS) return undefined;
  const size = ELEMENT_SIZE[element];
  const { order, coefficients, bytes } = planPanels(extents, address, laneLoop, lanes * vectors, size);
  const lines = sizeOf(order.slice(1).map((loop) => extents[loop]!));
  if (address.coefficients[laneLoop] === size && lines < MIN_LINES) return undefined;
  const inOrder = (values: readonly number[]): number[] => order.map((loop) => values[loop]!);
  return {
    buffer: {
      kind: 'panels',
      fill: {
        ...COPY,
        extents: inOrder(extents),
        outputs: order.length,
        accesses: [{ ...access, address: { ...address, coefficients: inOrder(address.coefficients) } }],
        store: {
          element,
          address: { constant: 0, coefficients: inOrder(coefficients), wide: false, laneStride: size },
          bytes,
        },
        tile: { rowLoop: -1, laneLoop: 0, rows: 1, vectors },
      },
      bytes,
      dimensions: [],
    },
    access: scratchAccess(access, buffer, { constant: 0, coefficients, wide: false, laneStride: size }),
  };
}
