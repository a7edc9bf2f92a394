import type { Kernel } from '../kernel/kernel.ts';
import { aligned } from './offsets.ts';

/** The places of a kernel's scratch buffers: whole buffers in memory that threads share, bands in memory of each thread. */
export interface ScratchLayout {
  /** Offset of each buffer in the shared memory, or in that of a thread. */
  readonly buffers: readonly { readonly offset: number; readonly isOwn: boolean }[];
  readonly sharedBytes: number;
  readonly threadBytes: number;
}

export function layOutScratch({ scratch }: Kernel): ScratchLayout {
  let [sharedBytes, threadBytes] = [0, 0];
  const buffers = scratch.map(({ bytes, band }) => {
    const isOwn = band !== undefined;
    const offset = isOwn ? threadBytes : sharedBytes;
    if (isOwn) threadBytes += aligned(bytes);
    else sharedBytes += aligned(bytes);
    return { offset, isOwn };
  });
  return { buffers, sharedBytes, threadBytes };
}
