import {
  type Access,
  accessUses,
  ELEMENT_SIZE,
  isLinear,
  type Kernel,
  type PackedBuffer,
} from '../kernel/kernel.ts';
import { packedBuffer, planPanels } from './panels.ts';
import type { Target } from './target.ts';

/** A constant is packed unless its panels take more than this many times its bytes. */
const MAX_GROWTH = 2;

/** Packs constants in panels when the program is loaded, where lanes would be apart or a product reads them. */
export function packConstants(kernel: Kernel, { lanes }: Target): Kernel {
  const { rowLoop, laneLoop, vectors } = kernel.tile!;
  if (laneLoop < 0) return kernel;
  const uses = accessUses(kernel);
  const packed: PackedBuffer[] = [...kernel.packed];
  const pack = (access: Access, position: number): Access => {
    const { source, address } = access;
    if (source.kind !== 'tensor' || !source.isConstant || !isLinear(access) || access.isAlwaysOutside)
      return access;
    const elementBytes = ELEMENT_SIZE[access.element] as 1 | 4;
    const laneBytes = address.coefficients[laneLoop]!;
    const isShared = rowLoop >= 0 && address.coefficients[rowLoop] === 0 && uses[position]!.step;
    if (laneBytes === 0 || (laneBytes === elementBytes && !isShared)) return access;
    const panels = planPanels(kernel.extents, address, laneLoop, lanes * vectors, elementBytes);
    if (panels.bytes > MAX_GROWTH * (source.end - source.start)) return access;
    const { node } = source;
    packed.push(packedBuffer({ node, elementBytes }, kernel.extents, address, panels));
    return {
      ...access,
      source: { kind: 'packed', buffer: packed.length - 1 },
      address: { constant: 0, coefficients: panels.coefficients, wide: false, laneStride: elementBytes },
    };
  };
  return { ...kernel, accesses: kernel.accesses.map(pack), packed };
}
