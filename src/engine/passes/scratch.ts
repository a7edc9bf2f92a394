import { type Access, accessUses, type Kernel, type ScratchBuffer } from '../kernel/kernel.ts';

/** A new scratch buffer, and the access that reads it in place of the one that it copies. */
export interface Copied {
  readonly buffer: ScratchBuffer;
  readonly access: Access;
}

/**
 * The kernel with operands of its fold copied to scratch buffers.
 *
 * @param copy the copy of an access; undefined if it stays as it is
 * @param copy.buffer number that the buffer will have
 */
export function copyToScratch(
  kernel: Kernel,
  copy: (access: number, buffer: number) => Copied | undefined,
): Kernel {
  const uses = accessUses(kernel);
  const scratch = [...kernel.scratch];
  const accesses = kernel.accesses.map((access, position) => {
    // Post reads at fold index 0 only: an access that it reads is not worth a copy.
    if (!uses[position]!.step || uses[position]!.post) return access;
    const copied = copy(position, scratch.length);
    if (!copied) return access;
    scratch.push(copied.buffer);
    return copied.access;
  });
  return { ...kernel, accesses, scratch };
}

/** The code of a kernel that stores its only access as it is. */
export const COPY: Omit<Kernel, 'extents' | 'outputs' | 'accesses' | 'store'> = {
  isFoldEmpty: false,
  init: 0,
  constants: [],
  indices: [],
  step: { instructions: [], result: 0 },
  // Slot 1 is the access.
  post: { instructions: [], result: 1 },
  scratch: [],
  packed: [],
};
