import type { Weights } from '../../engine/engine.ts';
import type { ModelTensor } from '../../onnx/index.ts';
import type { Program } from '../../program/node.ts';
import type { TextModel } from '../compile.ts';

/** The parts of a text model that a session is made of. */
export interface RowModel
  extends Pick<
    TextModel,
    'program' | 'weights' | 'labels' | 'width' | 'choices' | 'sequence' | 'rowNumbers'
  > {
  readonly options: Pick<TextModel['options'], 'prompt' | 'tokens'>;
  readonly inputs: readonly Pick<ModelTensor, 'node' | 'dtype' | 'shape'>[];
  readonly answers: readonly Pick<ModelTensor, 'node'>[];
}

/** Inputs of a model before those that say how to draw: the prompt and its length. */
export const TEXT_INPUTS = 2;

/** Nodes by which a program that says what is chosen is known to be one. */
export type RowMarks = Pick<RowModel, 'sequence' | 'rowNumbers'>;

/** @param program that says what is chosen, as `choiceProgram` makes it: its last input is the text */
export function rowModelOf(program: Program, weights: Weights, marks: RowMarks): RowModel {
  const inputs = program.inputs.map((node) => {
    const { dtype, shape } = program.nodes[node]!;
    return { node, dtype, shape };
  });
  const text = inputs.pop()!;
  const [prompt, width] = inputs[0]!.shape as [number, number];
  return {
    program,
    weights: new Map(weights),
    labels: program.nodes.map((_, i) => `node ${i}`),
    options: { prompt, tokens: text.shape[0]! },
    width,
    inputs,
    answers: [text],
    choices: program.outputs[0]!,
    ...marks,
  };
}
