import { byteLengthOf, ELEMENT_BYTES, type LoopNode, type Node } from '../../program/node.ts';
import type { Access, Nest } from './nest.ts';
import { LANES } from './tile.ts';

/** A constant's elements once more, in the order in which one nest reads them: lanes next to each other. */
export interface Packing {
  readonly node: number;
  readonly elementBytes: 1 | 4;
  /** Bytes from the start of the constant, by the indices of the loops that matter, and the loops' extents. */
  readonly constant: number;
  readonly coefficients: readonly number[];
  readonly extents: readonly number[];
  /** What it takes. */
  readonly bytes: number;
}

/** A constant is not packed if it would take more than so many times its bytes. */
const MAX_GROWTH = 2;

/** Gives a nest its constants packed, where their lanes are apart. */
export function packConstants(
  loop: LoopNode,
  nest: Nest,
  nodes: readonly Node[],
): { nest: Nest; packings: Packing[] } {
  const packings: Packing[] = [];
  const lane = nest.outputs - 1;
  if (lane < 0 || nest.extents[lane]! < LANES) return { nest, packings };
  const packed = (access: Access, operand: number): Access => {
    const { node, dtype } = loop.operands[operand]!;
    const elementBytes = ELEMENT_BYTES[dtype];
    const { constant, coefficients } = access.address;
    const isLinear = access.checks.length + access.quotients.length + access.gatherings.length === 0;
    if (nodes[node]!.kind !== 'constant' || !isLinear || access.outside) return access;
    if (coefficients[lane] === 0 || coefficients[lane] === elementBytes) return access;
    const loops = nest.extents.map((_, i) => i).filter((i) => i !== lane && coefficients[i] !== 0);
    const order = [...loops, lane];
    const extents = order.map((i) => nest.extents[i]!);
    const bytes = extents.reduce((size, extent) => size * extent, elementBytes);
    if (bytes > MAX_GROWTH * byteLengthOf(nodes[node]!)) return access;
    const from = order.map((i) => coefficients[i]!);
    packings.push({ node, elementBytes, constant, coefficients: from, extents, bytes });
    const strides = new Array<number>(nest.extents.length).fill(0);
    let stride: number = elementBytes;
    for (const i of [...order].reverse()) {
      strides[i] = stride;
      stride *= nest.extents[i]!;
    }
    return {
      ...access,
      address: { constant: 0, coefficients: strides, wide: false },
      packed: packings.length - 1,
    };
  };
  const accesses = nest.accesses.map(packed);
  return { nest: { ...nest, accesses }, packings };
}

/** Writes a packed constant to memory, at an offset. */
export function pack(packing: Packing, weight: Uint8Array, memory: Uint8Array, offset: number): void {
  const { elementBytes, constant, coefficients, extents } = packing;
  const indices = extents.map(() => 0);
  const count = extents.reduce((size, extent) => size * extent, 1);
  let from = constant;
  for (let i = 0; i < count; i++) {
    // Coefficients are modulo 2^32; where they lead is inside the constant.
    const at = from >>> 0;
    for (let byte = 0; byte < elementBytes; byte++) {
      memory[offset + elementBytes * i + byte] = weight[at + byte]!;
    }
    for (let d = extents.length - 1; d >= 0; d--) {
      from += coefficients[d]!;
      if (++indices[d]! < extents[d]!) break;
      from -= coefficients[d]! * extents[d]!;
      indices[d] = 0;
    }
  }
}
