import { renameSync, rmSync } from 'node:fs';
import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { isAboutFiles } from '../../files/reason.ts';
import { bytesOfHex } from '../../merkle/keccak.ts';
import { type BlobName, programName } from '../../store/blobs.ts';
import { ModelTooLarge } from '../../store/fetchModel.ts';
import { FolderBlobs, roomOf } from '../../store/folder.ts';

/** A model of which something is on disk or on its way. */
export interface KeptModel {
  readonly modelId: string;
  readonly blobs: FolderBlobs;
  /** Room that its files take, or that is set aside for them, bytes. */
  bytes: number;
  /** Unix milliseconds. */
  askedAtMs: number;
  isFetching: boolean;
  isWhole: boolean;
  tensors: ReadonlySet<BlobName>;
}

/** Room of a model's folder and the three in it, which take inodes too, bytes. */
const FOLDERS_ROOM = 4 * roomOf(0);
/** A full disk takes the models that nobody has asked for in this time, ms. */
const IDLE_MS = 3_600_000;
/** Interval at which the time of the last question is saved, ms. */
const SAVED_EVERY_MS = 60_000;
const LEAVING = '.leaving';

/**
 * The models that give way to one, so that there is room for it: first what broken downloads have left, then those that were
 * asked for longest ago. One that is being fetched never gives way, and none does in vain.
 *
 * @param bytes room of its files
 * @returns undefined if there is no room for it even so
 */
export function modelsGivingWay(
  models: Iterable<KeptModel>,
  model: KeptModel,
  bytes: number,
  maxTotalBytes: number,
): KeptModel[] | undefined {
  const others = [...models].filter((one) => one !== model);
  const room = others.reduce((sum, one) => sum + one.bytes + FOLDERS_ROOM, bytes + FOLDERS_ROOM);
  let excess = room - maxTotalBytes;
  const giving: KeptModel[] = [];
  const idle = others.filter(({ isFetching }) => !isFetching);
  idle.sort((a, b) => Number(a.isWhole) - Number(b.isWhole) || a.askedAtMs - b.askedAtMs);
  for (const one of idle) {
    if (excess <= 0) break;
    giving.push(one);
    excess -= one.bytes + FOLDERS_ROOM;
  }
  return excess > 0 ? undefined : giving;
}

/** Models that visitors have asked for, each in a folder of its own, within a limit for all of them. */
export class KeptModels {
  readonly #folder: string;
  readonly #maxTotalBytes: number;
  readonly #now: () => number;
  readonly #models = new Map<string, KeptModel>();
  #removals = 0;

  /** @param now Unix milliseconds */
  private constructor(folder: string, maxTotalBytes: number, now: () => number) {
    this.#folder = folder;
    this.#maxTotalBytes = maxTotalBytes;
    this.#now = now;
  }

  /**
   * Takes up what an earlier run has left.
   *
   * @param folder of its own: anything in it may be removed
   * @throws the system's error if it cannot be read
   */
  static async open(folder: string, maxTotalBytes: number, now = Date.now): Promise<KeptModels> {
    const kept = new KeptModels(folder, maxTotalBytes, now);
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of names) {
      if (name.endsWith(LEAVING)) await rm(join(folder, name), { recursive: true }).catch(() => undefined);
      if (!/^[0-9a-f]{64}$/.test(name)) continue;
      const model = kept.#add(`0x${name}`, (await stat(join(folder, name))).mtimeMs);
      await kept.end(model);
    }
    return kept;
  }

  #add(modelId: string, askedAtMs: number): KeptModel {
    const model: KeptModel = {
      ...{ modelId, askedAtMs, blobs: new FolderBlobs(join(this.#folder, modelId.slice(2))) },
      ...{ bytes: 0, isFetching: false, isWhole: false, tensors: new Set<BlobName>() },
    };
    this.#models.set(modelId, model);
    return model;
  }

  get(modelId: string): KeptModel | undefined {
    return this.#models.get(modelId);
  }

  /** A model that has a file; undefined if none has it. */
  with(name: BlobName): KeptModel | undefined {
    const [kind, digits] = name.split('/');
    if (kind === 'program') return this.#models.get(`0x${digits}`);
    return [...this.#models.values()].find(({ tensors }) => tensors.has(name));
  }

  /** Learns that somebody needs a model now; the next run learns it from the time of its folder. */
  asked(model: KeptModel): void {
    const [before, now] = [model.askedAtMs, this.#now()];
    model.askedAtMs = now;
    if (Math.floor(before / SAVED_EVERY_MS) === Math.floor(now / SAVED_EVERY_MS)) return;
    utimes(model.blobs.place, now / 1000, now / 1000).catch(() => undefined);
  }

  /** Begins to fetch a model: until {@link end} it never gives way. */
  begin(modelId: string): KeptModel {
    const model = this.#models.get(modelId) ?? this.#add(modelId, this.#now());
    model.isFetching = true;
    this.asked(model);
    return model;
  }

  /**
   * Sets room aside before anything is written; others give way.
   *
   * @param bytes room of all files of the model
   * @throws ModelTooLarge if there is no room for them
   */
  async setAside(model: KeptModel, bytes: number): Promise<void> {
    // More may lie there, left by a process that was killed.
    const needed = Math.max(bytes, model.bytes);
    const giving = modelsGivingWay(this.#models.values(), model, needed, this.#maxTotalBytes);
    if (!giving)
      throw new ModelTooLarge(
        `model ${model.modelId}: no room on disk, all models together may take ${this.#maxTotalBytes} bytes`,
      );
    // At once, so that nobody else is given the same room.
    model.bytes = needed;
    await Promise.all(giving.map((one) => this.#remove(one)));
  }

  /** Learns what a download has left, whether it ended well or not. */
  async end(model: KeptModel): Promise<void> {
    const { blobs, modelId } = model;
    try {
      const room = await blobs.room();
      const files = await readdir(join(blobs.place, 'tensor')).catch(() => []);
      const tensors = new Set(files.map((file): BlobName => `tensor/${file}`));
      const isWhole = (await blobs.size(programName(bytesOfHex(modelId)))) !== undefined;
      Object.assign(model, { bytes: room, tensors, isWhole });
      if (room === 0) await this.#remove(model);
    } catch (error) {
      // What was set aside goes on to count.
      if (!isAboutFiles(error)) throw error;
    } finally {
      model.isFetching = false;
    }
  }

  /** Removes what nobody uses, because the disk is full: others write to it too. */
  async freeDisk(): Promise<void> {
    const idleSince = this.#now() - IDLE_MS;
    const idle = [...this.#models.values()].filter(
      ({ isFetching, isWhole, askedAtMs }) => !isFetching && (!isWhole || askedAtMs < idleSince),
    );
    await Promise.all(idle.map((one) => this.#remove(one).catch(() => undefined)));
  }

  async #remove(model: KeptModel): Promise<void> {
    const { place } = model.blobs;
    const leaving = `${place}.${process.pid}.${this.#removals++}${LEAVING}`;
    // RULE: a model goes in one step, so that nobody finds half of it, and its next download finds none of it.
    try {
      renameSync(place, leaving);
    } catch {
      // There is none, or a full disk has no room for the other name. Without its program it is not there.
      rmSync(join(place, programName(bytesOfHex(model.modelId))), { force: true });
      rmSync(place, { recursive: true, force: true });
    }
    this.#models.delete(model.modelId);
    await rm(leaving, { recursive: true, force: true });
  }
}
