import type { Contracts } from '../../src/chain/contracts/contracts.ts';
import type { Hex, Terms } from '../../src/chain/contracts/types.ts';
import type { Weights } from '../../src/engine/engine.ts';
import type { CompiledModel } from '../../src/onnx/index.ts';
import type { Program } from '../../src/program/node.ts';

/** Values that examples in docstrings use without saying where they come from. */
export interface ExampleValues {
  /** Reads a file beside the example. */
  readonly readFileSync: (name: string) => Uint8Array;
  /** A picture of a digit, u8 [1, 1, 28, 28]. */
  readonly image: Uint8Array;
  readonly program: Program;
  readonly weights: Weights;
  readonly inputs: CompiledModel['inputs'];
  readonly modelId: Hex;
  readonly contracts: Contracts;
  readonly terms: Terms;
  readonly signal: AbortSignal;
  /** The parsed `tokenizer.json` of a language model. */
  readonly tokenizerJson: unknown;
}
