import { groupBytes, type PackedBuffer, type StepGroup } from '../kernel/kernel.ts';

/**
 * Writes a constant to memory in the order of a packed buffer.
 *
 * @param weight bytes of the constant
 * @param offset of the buffer in the memory
 */
export function pack(buffer: PackedBuffer, weight: Uint8Array, memory: Uint8Array, offset: number): void {
  if (buffer.group) {
    packGroups(buffer, buffer.group, weight, memory, offset);
    return;
  }
  const { elementBytes, constant, coefficients, extents, lanes, bytes } = buffer;
  // The constant may lie at any offset in its file; the packed one is aligned.
  const isWord = elementBytes === 4;
  const from = isWord && weight.byteOffset % 4 !== 0 ? weight.slice() : weight;
  const source = isWord ? new Uint32Array(from.buffer, from.byteOffset, from.length / 4) : from;
  const at = memory.byteOffset + offset;
  const target = isWord
    ? new Uint32Array(memory.buffer, at, bytes / 4)
    : new Uint8Array(memory.buffer, at, bytes);
  const [panels, width] = [extents[0]!, extents.at(-1)!];
  const middle = extents.slice(1, -1);
  const count = middle.reduce((size, extent) => size * extent, 1);
  const laneStep = coefficients.at(-1)!;
  let to = 0;
  for (let panel = 0; panel < panels; panel++) {
    const indices = middle.map(() => 0);
    const filled = Math.min(width, lanes - panel * width);
    let start = constant + panel * coefficients[0]!;
    for (let i = 0; i < count; i++) {
      for (let lane = 0; lane < width; lane++) {
        // Coefficients are modulo 2^32; the sum is an offset inside the constant.
        target[to++] = lane < filled ? source[((start + lane * laneStep) >>> 0) / elementBytes]! : 0;
      }
      for (let d = middle.length - 1; d >= 0; d--) {
        start += coefficients[d + 1]!;
        if (++indices[d]! < middle[d]!) break;
        start -= coefficients[d + 1]! * middle[d]!;
        indices[d] = 0;
      }
    }
  }
}

/** The same in groups of steps. Apart from {@link pack}, because one more loop there would take half as long again. */
function packGroups(
  { constant, coefficients, extents, lanes, bytes }: PackedBuffer,
  group: StepGroup,
  weight: Uint8Array,
  memory: Uint8Array,
  offset: number,
): void {
  const target = memory.subarray(offset, offset + bytes);
  const { bits, shifts } = group;
  const [panels, width] = [extents[0]!, extents.at(-1)!];
  const steps = extents.at(-2)!;
  const outer = extents.slice(1, -2);
  const rows = outer.reduce((size, extent) => size * extent, 1);
  const [stepStride, laneStride] = coefficients.slice(-2) as [number, number];
  const mask = 2 ** bits - 1;
  const size = groupBytes(group);
  let to = 0;
  for (let panel = 0; panel < panels; panel++) {
    const indices = outer.map(() => 0);
    const filled = Math.min(width, lanes - panel * width);
    let start = constant + panel * coefficients[0]!;
    for (let row = 0; row < rows; row++) {
      for (let step = 0; step < steps; step += shifts.length) {
        const count = Math.min(shifts.length, steps - step);
        for (let lane = 0; lane < width; lane++) {
          let word = 0;
          let at = start + step * stepStride + lane * laneStride;
          for (let i = 0; lane < filled && i < count; i++) {
            // Coefficients are modulo 2^32; the sum is an offset inside the constant.
            word |= (weight[at >>> 0]! & mask) << shifts[i]!;
            at += stepStride;
          }
          for (let i = 0; i < size; i++) target[to++] = word >>> (8 * i);
        }
      }
      for (let d = outer.length - 1; d >= 0; d--) {
        start += coefficients[d + 1]!;
        if (++indices[d]! < outer[d]!) break;
        start -= coefficients[d + 1]! * outer[d]!;
        indices[d] = 0;
      }
    }
  }
}
