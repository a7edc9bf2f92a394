import type { LoopNode } from '../program/node.ts';
import type { RowMarks } from '../text/session/rowModel.ts';
import type { FoldPart } from '../trace/folds.ts';
import type { EngineChoice } from './engines.ts';

/** Messages between this thread and its workers. */

export type RunKind = 'output' | 'commitment' | 'trace';

/** What threads are asked for: a run, or a part of the fold of one element. */
export type WorkKind = RunKind | 'fold';

/** A part of the fold of one element, with all that it reads. */
export interface FoldWork {
  readonly loop: LoopNode;
  /** By node; those that the loop reads. */
  readonly tensors: readonly (readonly [node: number, bytes: Uint8Array])[];
  readonly part: FoldPart;
}

/** Settings that a thread starts with. */
export interface ThreadSettings {
  readonly engine: EngineChoice;
  /** Outputs of one model that are computed in one run, where the model allows. */
  readonly batch: number;
}

/** A hash tree as its levels, leaves first. */
export interface TreeParts {
  readonly node: number;
  readonly levels: readonly Uint8Array[];
}

export type ToThread =
  | {
      readonly kind: 'load';
      readonly modelId: string;
      readonly program: Uint8Array;
      readonly weights: SharedWeights;
      readonly rows?: RowMarks;
    }
  | { readonly kind: 'unload'; readonly modelId: string }
  | {
      readonly kind: 'run';
      readonly id: number;
      readonly modelId: string;
      readonly what: RunKind;
      /** Inputs, and answers if the model has any, one after the other; of one run or of several. */
      readonly inputs: readonly Uint8Array[];
    }
  | { readonly kind: 'fold'; readonly id: number; readonly work: FoldWork };

/** Constants by their node, in memory that threads share. */
export type SharedWeights = readonly (readonly [node: number, bytes: Uint8Array])[];

export type RunResult =
  | { readonly what: 'output'; readonly outputs: readonly Uint8Array[] }
  /** Levels of the tree over the checkpoints. */
  | { readonly what: 'commitment'; readonly levels: readonly Uint8Array[] }
  | {
      readonly what: 'trace';
      /** Tensors of nodes that are not constant, the large ones in memory that threads share. */
      readonly tensors: readonly (readonly [node: number, bytes: Uint8Array])[];
      readonly trees: readonly TreeParts[];
    }
  /** Accumulators at the positions that were asked for. */
  | { readonly what: 'fold'; readonly words: readonly number[] };

export type FromThread =
  | { readonly kind: 'done'; readonly id: number; readonly result: RunResult }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string };
