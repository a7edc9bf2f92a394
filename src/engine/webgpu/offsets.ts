import type { Access, Kernel } from '../kernel/kernel.ts';
import type { FieldOffset } from './record.ts';

/** A kernel whose accesses start at 0 where they can, and the words of memory from which each then counts. */
export interface Based {
  readonly kernel: Kernel;
  readonly words: readonly number[];
}

/**
 * Takes constant offsets out of a kernel's addresses, so that kernels that differ in nothing else have one text, and are
 * compiled once: those of the layers of a model, whose weights lie in one tensor.
 *
 * @param places of what the kernel's accesses read
 */
export function basedAt(kernel: Kernel, places: readonly FieldOffset[]): Based {
  const words = kernel.accesses.map((access, i) => wordsBefore(access, places[i]!));
  const accesses = kernel.accesses.map((access, i): Access => {
    const { address } = access;
    if (words[i] === 0) return access;
    const constant = address.constant - words[i]! * bytesOfWord(places[i]!);
    return { ...access, address: { ...address, constant } };
  });
  return { kernel: { ...kernel, accesses }, words: words.map((count, i) => count + places[i]!.word) };
}

/** Bytes of a tensor that a word of memory holds. */
const bytesOfWord = ({ isNibbles }: FieldOffset): number => (isNibbles ? 8 : 4);

/** Whole words before all that an access reads: no term of its address is negative. */
function wordsBefore({ address, quotients, gathers }: Access, place: FieldOffset): number {
  const terms = [...address.coefficients, ...[...quotients, ...gathers].map(({ stride }) => stride)];
  if (address.constant <= 0 || terms.some((term) => term < 0)) return 0;
  return Math.floor(address.constant / bytesOfWord(place));
}
