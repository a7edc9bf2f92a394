import { valueRange } from '../kernel/form.ts';
import { type Access, accessUses, ELEMENT_SIZE, isLinear, type Kernel } from '../kernel/kernel.ts';
import type { ByteRange } from '../memory/byteRange.ts';

/**
 * Narrows the source of each access to the bytes that it reads, so that memory holds no more of a constant, and counts
 * addresses from there.
 */
export function narrowReads(kernel: Kernel): Kernel {
  const uses = accessUses(kernel);
  return {
    ...kernel,
    accesses: kernel.accesses.map((access, i) =>
      uses[i]!.step || uses[i]!.post ? narrowed(access, kernel) : access,
    ),
    scratch: kernel.scratch.map((buffer) => ({ ...buffer, fill: narrowReads(buffer.fill) })),
  };
}

/** Above this size, addresses modulo 2^32 do not tell which of two bytes comes first. */
const MAX_BYTES = 2 ** 31;

function narrowed(access: Access, { extents }: Kernel): Access {
  const { source, address, element } = access;
  if (source.kind !== 'tensor' || access.isAlwaysOutside) return access;
  const { low, high } = valueRange(address, extents);
  if (!isLinear(access) || low < 0 || high >= source.end || source.end > MAX_BYTES) return access;
  return {
    ...access,
    source: { ...source, start: low, end: high + ELEMENT_SIZE[element] },
    address: { ...address, constant: address.constant - low },
  };
}

/** The parts of tensors that a kernel reads where they are, its scratch buffers' first. */
export function readRanges({ accesses, scratch, ...kernel }: Kernel): ByteRange[] {
  const uses = accessUses({ accesses, scratch, ...kernel });
  const fills = [...scratch.filter(({ band }) => !band), ...scratch.filter(({ band }) => band)];
  return [
    ...fills.flatMap(({ fill }) => readRanges(fill)),
    ...accesses.flatMap(({ source, isAlwaysOutside }, i): ByteRange[] => {
      const isRead = !isAlwaysOutside && (uses[i]!.step || uses[i]!.post);
      if (source.kind !== 'tensor' || !isRead) return [];
      const { node, start, end } = source;
      return [{ node, start, end }];
    }),
  ];
}
