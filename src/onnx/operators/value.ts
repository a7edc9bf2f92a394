import { f32OfWord } from '../../scalar/machine.ts';
import { type Tensor, wordsOf } from '../ir/tensor.ts';

/** A list of tensors, which only exists at import. */
export interface Sequence {
  readonly kind: 'sequence';
  readonly items: readonly Tensor[];
}

/** The value of a name in the graph. An optional is its element, or absent. */
export type Value = Tensor | Sequence | { readonly kind: 'absent' };

export const isTensor = (value: Value): value is Tensor => !('kind' in value);

/** An output that no program can hold, such as strings: the model runs without it unless something reads it. */
export interface Omission {
  /** A clause on why, and what to do. */
  readonly omitted: string;
}

export type Output = Value | Omission;

export const isOmitted = (output: Output): output is Omission => 'omitted' in output;

/** Values of a constant; `undefined` if the tensor is none. */
export function numbersOf(tensor: Tensor): number[] | undefined {
  if (tensor.wide) return [...tensor.wide];
  const words = wordsOf(tensor);
  return words && Array.from(words, tensor.type.family === 'float' ? f32OfWord : (word) => word | 0);
}

/** The single value of a constant of one element. */
export function scalarOf(tensor: Tensor | undefined): number | undefined {
  const numbers = tensor && numbersOf(tensor);
  return numbers?.length === 1 ? numbers[0] : undefined;
}
