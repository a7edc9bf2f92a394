import { isAboutFiles } from '../files/reason.ts';
import type { Hash } from '../merkle/keccak.ts';
import { type BlobName, StoreError } from './blobs.ts';
import type { FolderBlobs } from './folder.ts';
import { checkTensor } from './library.ts';
import type { RemoteBlobs } from './remote/remoteBlobs.ts';

/** A tensor that is wanted. */
export interface WantedTensor {
  readonly name: BlobName;
  readonly root: Hash;
  readonly length: number;
}

/**
 * Gets a tensor into a folder, unless it is there. A part that is there from before is kept, and only the rest is asked
 * for; if the whole turns out not to be the tensor, all of it is asked for once more.
 *
 * @param sources in the order in which to ask
 * @param progress is told how many bytes there are
 * @throws whatever the last source fails with, if none has it
 */
export async function download(
  wanted: WantedTensor,
  sources: readonly RemoteBlobs[],
  into: FolderBlobs,
  progress: (bytes: number) => void = () => undefined,
): Promise<void> {
  const { name, length } = wanted;
  if ((await into.size(name)) === length) return;
  let failure: unknown = new StoreError('missing', into.place, name);
  for (const source of sources) {
    // The second time nothing is left of what another source may have sent.
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        const resumed = await receive(wanted, source, into, progress);
        if (await keep(wanted, source.place, into)) return;
        failure = new StoreError('corrupt', source.place, name, 'it has another root');
        if (!resumed) break;
      } catch (error) {
        // Whatever one source sends, the next one may have the tensor.
        if (isAboutFiles(error)) throw error;
        failure = error;
        break;
      }
    }
  }
  throw failure;
}

/** Appends what is missing to the part that is there. @returns whether there was one */
async function receive(
  { name, length }: WantedTensor,
  source: RemoteBlobs,
  into: FolderBlobs,
  progress: (bytes: number) => void,
): Promise<boolean> {
  const part = await into.openPart(name);
  try {
    let at = Math.min(part.length, length);
    const resumed = at > 0;
    if (at === length) return resumed;
    const body = await source.open(name, length, at);
    if (!body) throw new StoreError('missing', source.place, name);
    at = body.start;
    for await (const chunk of body.chunks) {
      await part.write(chunk, at);
      at += chunk.length;
      progress(at);
    }
    if (at < length)
      throw new StoreError('corrupt', source.place, name, `it ends after ${at} of ${length} bytes`);
    return resumed;
  } finally {
    await part.close();
  }
}

/** Keeps a part that is whole under its name. @returns false if it is not what the name says; then it is removed */
async function keep(
  { name, root, length }: WantedTensor,
  place: string,
  into: FolderBlobs,
): Promise<boolean> {
  const bytes = await into.readPart(name, length);
  try {
    await checkTensor(bytes, root, length, place);
  } catch {
    await into.removePart(name);
    return false;
  }
  // No copy is written: the disk needs the room of one tensor, not of two.
  await into.keepPart(name, length);
  return true;
}
