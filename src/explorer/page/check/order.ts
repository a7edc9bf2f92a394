import type { ClaimJson, RequestJson } from '../../api.ts';

/** Messages between a page and its worker. */

/** The way from a worker to chain and files. */
export type Way =
  /** Through the API of the server that the page is from. */
  | { readonly kind: 'server' }
  /** Without a server: data from the chain comes with the order, files from any folder that has them. */
  | {
      readonly kind: 'node';
      readonly rpc: string;
      /** URLs of folders with the model's files. */
      readonly folders: readonly string[];
      /** URLs at which an input that is given by root may be: a folder, if it ends in `/`, or all of it. */
      readonly inputs: readonly string[];
      readonly input: Uint8Array | undefined;
      readonly answer: Uint8Array | undefined;
    };

interface Subject {
  readonly way: Way;
  readonly request: RequestJson;
  readonly oracle: string;
}

/** A claim to check, or a request to answer; both as the index has them. */
export type Task =
  | (Subject & { readonly task: 'check'; readonly claim: ClaimJson })
  | (Subject & { readonly task: 'answer' });

/** The processor that runs the model: `auto` is the GPU if the browser has one and the model is large. */
export type Processor = 'auto' | 'cpu' | 'gpu';

export type Order = Task & {
  readonly processor: Processor;
  /** Files that the user gave: an ONNX file, those of a bundle, or an input. */
  readonly files: readonly File[];
  readonly threads: number;
};

export type CheckVerdict = 'right' | 'wrong' | 'unknown';

/** A tensor as people read it: the first of its values. */
export interface ElementValues {
  readonly title: string;
  readonly values: readonly string[];
  readonly count: number;
}

export interface CheckResult {
  readonly kind: 'finding';
  readonly verdict: CheckVerdict;
  /** The reason, in one sentence. */
  readonly sentence: string;
  /** What was compared, and what it took. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly outputs: readonly ElementValues[];
}

/** The outputs of a model for an input. */
export interface Made {
  readonly kind: 'made';
  /** All outputs, one after the other. */
  readonly bytes: Uint8Array;
  readonly outputs: readonly ElementValues[];
}

export type News =
  /** The worker is loaded; messages before this may be lost. */
  | { readonly kind: 'ready' }
  /** The current step, and its progress from 0 to 1 if that is known. */
  | { readonly kind: 'step'; readonly text: string; readonly share?: number }
  | Made
  | CheckResult;
