import type { Form } from './form.ts';
import type { Access, Kernel } from './kernel.ts';

/** The kernel with each of its forms over the loops replaced. Forms of the kernels that fill its buffers are not its own. */
export function mapForms(kernel: Kernel, map: (form: Form) => Form): Kernel {
  const { bandIndex } = kernel;
  return {
    ...kernel,
    accesses: kernel.accesses.map((access) => mapAccess(access, map)),
    indices: kernel.indices.map(map),
    store: { ...kernel.store, address: map(kernel.store.address) },
    scratch: kernel.scratch.map((buffer) => ({
      ...buffer,
      dimensions: buffer.dimensions.map((dimension) => ({ ...dimension, index: map(dimension.index) })),
    })),
    ...(bandIndex && { bandIndex: map(bandIndex) }),
  };
}

const mapAccess = (access: Access, map: (form: Form) => Form): Access => ({
  ...access,
  address: map(access.address),
  checks: access.checks.map((check) => ({ ...check, form: map(check.form) })),
  quotients: access.quotients.map((quotient) => ({ ...quotient, form: map(quotient.form) })),
  coordinates: access.coordinates.map((coordinate) => ({ ...coordinate, form: map(coordinate.form) })),
});

/** All forms of a kernel over its loops. */
export const kernelForms = ({ accesses, indices, store, scratch, bandIndex }: Kernel): Form[] => [
  ...accesses.flatMap(({ address, checks, quotients, coordinates }) => [
    address,
    ...[...checks, ...quotients, ...coordinates].map(({ form }) => form),
  ]),
  ...indices,
  store.address,
  ...scratch.flatMap(({ dimensions }) => dimensions.map(({ index }) => index)),
  ...(bandIndex ? [bandIndex] : []),
];

/**
 * The kernel with its loops in another order.
 *
 * @param order the loop that comes to each position
 */
export function reorderLoops(kernel: Kernel, order: readonly number[]): Kernel {
  const { tile, band } = kernel;
  const position = (loop: number): number => order.indexOf(loop);
  const moved = mapForms(kernel, (form) => ({
    ...form,
    coefficients: order.map((loop) => form.coefficients[loop]!),
  }));
  return {
    ...moved,
    extents: order.map((loop) => kernel.extents[loop]!),
    ...(tile && { tile: { ...tile, rowLoop: position(tile.rowLoop), laneLoop: position(tile.laneLoop) } }),
    ...(band && { band: { ...band, loop: position(band.loop) } }),
  };
}
