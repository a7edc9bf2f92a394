/** A constant's elements once more, in the order in which one nest reads them: the lanes of a tile next to each other. */
export interface Packing {
  readonly node: number;
  readonly elementBytes: 1 | 4;
  /** Bytes from the start of the constant, by the indices of the loops that matter, and the loops' extents. */
  readonly constant: number;
  readonly coefficients: readonly number[];
  readonly extents: readonly number[];
  /** The last two loops are panels and the lanes of one; this is how many lanes there are, all panels together. */
  readonly lanes: number;
  /** What it takes. */
  readonly bytes: number;
  /** Bytes, the last loop but the lanes in pairs: two steps of one lane next to each other. */
  readonly isPaired?: boolean;
}

/** Writes a packed constant to memory, at an offset; lanes that there are not are 0. */
export function pack(packing: Packing, weight: Uint8Array, memory: Uint8Array, offset: number): void {
  if (packing.isPaired) {
    packPairs(packing, weight, memory, offset);
    return;
  }
  const { elementBytes, constant, coefficients, extents, lanes, bytes } = packing;
  // A weight may lie anywhere in what it was read from; the packed one is aligned.
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
        // Coefficients are modulo 2^32; where they lead is inside the constant.
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

function packPairs(
  { constant, coefficients, extents, lanes, bytes }: Packing,
  weight: Uint8Array,
  memory: Uint8Array,
  offset: number,
): void {
  const target = memory.subarray(offset, offset + bytes);
  const [panels, width] = [extents[0]!, extents.at(-1)!];
  const steps = extents.at(-2)!;
  const outer = extents.slice(1, -2);
  const rows = outer.reduce((size, extent) => size * extent, 1);
  const [stepStride, laneStride] = coefficients.slice(-2) as [number, number];
  let to = 0;
  for (let panel = 0; panel < panels; panel++) {
    const indices = outer.map(() => 0);
    let start = constant + panel * coefficients[0]!;
    for (let row = 0; row < rows; row++) {
      for (let step = 0; step < steps; step += 2) {
        for (let lane = 0; lane < width; lane++) {
          for (let at = step; at < step + 2; at++) {
            const isThere = panel * width + lane < lanes && at < steps;
            target[to++] = isThere ? weight[(start + at * stepStride + lane * laneStride) >>> 0]! : 0;
          }
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
