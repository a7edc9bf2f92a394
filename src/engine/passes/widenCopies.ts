import type { Form } from '../kernel/form.ts';
import { ELEMENT_SIZE, type Kernel, type ScratchBuffer } from '../kernel/kernel.ts';

/** Size of a word, bytes. */
const WORD = 4;

/** Copies bytes to scratch buffers as words of four, where four neighbours always are copied to four neighbours. */
export const widenCopies = (kernel: Kernel): Kernel => ({
  ...kernel,
  scratch: kernel.scratch.map((buffer) =>
    buffer.kind === 'padded' && isWordwise(buffer.fill) ? widened(buffer) : buffer,
  ),
});

/** Whether a kernel copies bytes, four neighbours of the last dimension always together. */
export function isWordwise({ store, extents, accesses }: Kernel): boolean {
  const last = extents.length - 1;
  const [access] = accesses;
  if (ELEMENT_SIZE[store.element] !== 1 || !access) return false;
  const { address, checks, quotients } = access;
  return (
    address.coefficients[last] === 1 &&
    extents[last]! > WORD &&
    extents[last]! % WORD === 0 &&
    [...checks, ...quotients].every(({ form }) => form.coefficients[last] === 0)
  );
}

function widened(buffer: ScratchBuffer): ScratchBuffer {
  const { fill, band } = buffer;
  const last = fill.extents.length - 1;
  const byWords = (form: Form): Form => ({
    ...form,
    coefficients: form.coefficients.map((coefficient, i) => (i === last ? WORD * coefficient : coefficient)),
  });
  return {
    ...buffer,
    fill: {
      ...fill,
      extents: fill.extents.map((extent, i) => (i === last ? extent / WORD : extent)),
      accesses: fill.accesses.map((access) => ({
        ...access,
        element: 'i32',
        fill: Math.imul(access.fill & 255, 0x01010101) >>> 0,
        address: byWords(access.address),
        coordinates: access.coordinates.map((one) => ({ ...one, form: byWords(one.form) })),
      })),
      store: { ...fill.store, element: 'i32', address: byWords(fill.store.address) },
    },
    ...(band && { band: { ...band, width: band.course.dimension === last ? WORD : 1 } }),
  };
}
