import { larger } from '../chain/bigints.ts';
import type { BlobName } from './blobs.ts';
import { roomOf } from './folder.ts';
import type { InputNeed } from './inputNeeds.ts';

/** What stands behind an input or a file. */
export type Backing = Pick<InputNeed, 'isBonded' | 'stakeWei'>;

/** An input for which there should be room on disk. */
export interface Incoming extends Backing {
  /** Its files with their bytes. */
  readonly files: ReadonlyMap<BlobName, number>;
}

/** The root in the name of a tensor, `0x…`. */
export const rootIn = (name: BlobName): string => `0x${name.slice('tensor/'.length).split('-')[0]}`;

/** What stands behind each root, in lower case. */
export function backings(needs: Iterable<InputNeed>): Map<string, Backing> {
  const found = new Map<string, Backing>();
  for (const { request, isBonded, stakeWei } of needs) {
    if (request.input.kind !== 'roots') continue;
    for (const root of request.input.roots.map((one) => one.toLowerCase())) {
      const known = found.get(root);
      found.set(root, {
        isBonded: isBonded || known?.isBonded === true,
        stakeWei: larger(stakeWei, known?.stakeWei ?? 0n),
      });
    }
  }
  return found;
}

/**
 * The files that give way to an input, so that there is room for it: those that nothing needs, the oldest first, then those
 * with less at stake. One that an own bond depends on never does, and takes room from all others. Nothing goes in vain.
 *
 * @param kept files with their bytes, oldest first
 * @param backed what stands behind each root
 * @returns undefined if there is no room even so
 */
export function filesGivingWay(
  kept: ReadonlyMap<BlobName, number>,
  backed: ReadonlyMap<string, Backing>,
  { files, isBonded, stakeWei }: Incoming,
  maxTotalBytes: number,
): BlobName[] | undefined {
  const others = [...kept].filter(([name]) => !files.has(name));
  let excess = [...others, ...files].reduce((sum, [, bytes]) => sum + roomOf(bytes), 0) - maxTotalBytes;
  const candidates = others
    .map(([name, bytes]) => ({ name, bytes, backing: backed.get(rootIn(name)) }))
    .filter(({ backing }) => !backing || (!backing.isBonded && (isBonded || backing.stakeWei < stakeWei)))
    .sort((a, b) => compare(a.backing?.stakeWei ?? -1n, b.backing?.stakeWei ?? -1n));
  const giving: BlobName[] = [];
  for (const { name, bytes } of candidates) {
    if (excess <= 0) break;
    giving.push(name);
    excess -= roomOf(bytes);
  }
  return excess > 0 ? undefined : giving;
}

const compare = (a: bigint, b: bigint): number => (a === b ? 0 : a < b ? -1 : 1);
