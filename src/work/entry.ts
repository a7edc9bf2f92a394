import type { Model } from '../merkle/model.ts';
import { byteLengthOf } from '../program/node.ts';
import { stepsOf } from '../store/fetchModel.ts';
import type { HeldModel } from '../store/library.ts';
import { encodeProgram } from '../store/programFile.ts';
import type { RowMarks } from '../text/session/rowModel.ts';
import { sharedBytes } from './sharedBytes.ts';
import type { SharedModel } from './workThread.ts';

/** Options of running one model. */
export interface PutOptions {
  /** Whom its runs are charged to; itself if left out. */
  readonly share?: string;
  /** Set if its program was validated, as `loadModel` does: that is not done again. */
  readonly isValid?: boolean;
  /** Longest run for an output, seconds; one that takes longer is ended. Those of own disputes may take any time. */
  readonly maxRunSeconds?: number;
  /**
   * Of a program that says what a text model chooses: its outputs are computed in a session, in which rows that an earlier
   * run had are not computed again. They hold up to the place behind the text; other results cannot be asked for.
   */
  readonly rows?: RowMarks;
}

/** A model that a runner holds. */
export interface Entry extends Required<Omit<PutOptions, 'rows' | 'isValid'>> {
  /** Runs that are made together at most. */
  readonly batch: number;
  readonly model: Model;
  readonly shared: SharedModel;
  readonly weights: ReadonlyMap<number, Uint8Array>;
}

/** Bytes of every tensor of a run, and of the hash trees over them. */
const runBytes = ({ program }: Model): number =>
  1.25 * program.nodes.reduce((sum, node) => sum + byteLengthOf(node), 0);

/** Most bytes and fold steps of a batch: about a second, so that nobody waits long for the others in it. */
const MOST_BATCH_BYTES = 2 ** 28;
const MOST_BATCH_STEPS = 2 ** 30;

const isSmall = (model: Model, batch: number): boolean =>
  batch * runBytes(model) <= MOST_BATCH_BYTES && batch * stepsOf(model.program) <= MOST_BATCH_STEPS;

/** Makes an entry of a model, with its constants in memory that all threads read. @param batch as the runner's options have it */
export function entryOf(
  { model, weights }: HeldModel,
  modelId: string,
  batch: number,
  options: PutOptions,
): Entry {
  const copies = new Map<Uint8Array, Uint8Array>();
  const once = (bytes: Uint8Array): Uint8Array => {
    const copy = copies.get(bytes) ?? sharedBytes(bytes);
    copies.set(bytes, copy);
    return copy;
  };
  const constants = [...weights].map(([node, bytes]) => [node, once(bytes)] as const);
  return {
    model,
    weights: new Map(constants),
    share: options.share ?? modelId,
    maxRunSeconds: options.maxRunSeconds ?? Number.POSITIVE_INFINITY,
    batch: !options.rows && isSmall(model, batch) ? batch : 1,
    shared: {
      modelId,
      program: encodeProgram(model.program),
      weights: constants,
      bytes: runBytes(model),
      ...(options.rows ? { rows: options.rows } : {}),
    },
  };
}
