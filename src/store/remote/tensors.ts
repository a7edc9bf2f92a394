import { bytesOfHex } from '../../merkle/keccak.ts';
import { splitTensors, totalBytes } from '../../merkle/model.ts';
import type { TensorRef } from '../../program/interface.ts';
import { checkTensor, loadTensor } from '../library.ts';
import type { GetOptions, Getter } from './getter.ts';
import { placesOf } from './locations.ts';
import { RemoteBlobs, secondsFor } from './remoteBlobs.ts';

/**
 * Gets tensors that somebody gave by root, checked against the roots. A URI that ends in `/` is a bundle, which has each
 * tensor by its root; any other one leads to all tensors, one after the other.
 *
 * @param refs how long each tensor is
 * @throws Error of the last location, if none has them
 */
export async function downloadTensors(
  { roots, uri }: { readonly roots: readonly string[]; readonly uri: string },
  refs: readonly TensorRef[],
  { getter, gateways }: { readonly getter: Getter; readonly gateways: readonly string[] },
  bounds: Pick<GetOptions, 'signal' | 'progress'> = {},
): Promise<Uint8Array[]> {
  let failure = new Error('nobody says where it can be had');
  const size = totalBytes(refs);
  for (const place of uri === '' ? [] : placesOf(uri, gateways)) {
    const { url, isOwn } = place;
    try {
      if (new URL(url).pathname.endsWith('/')) {
        const blobs = new RemoteBlobs(place, getter, bounds);
        const tensors: Uint8Array[] = [];
        for (const [i, root] of roots.entries())
          tensors.push(await loadTensor(blobs, bytesOfHex(root), refs[i]!.byteLength));
        return tensors;
      }
      const bytes = await getter.read(url, { ...bounds, maxBytes: size, seconds: secondsFor(size), isOwn });
      if (bytes?.length !== size) throw new Error(`${url} has ${bytes?.length ?? 'no'} bytes, not ${size}`);
      const tensors = splitTensors(refs, bytes);
      for (const [i, root] of roots.entries())
        await checkTensor(tensors[i]!, bytesOfHex(root), refs[i]!.byteLength, url);
      return tensors;
    } catch (error) {
      failure = error as Error;
    }
  }
  throw failure;
}
