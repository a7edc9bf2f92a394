import { ImportError, quoted, within } from '../errors.ts';
import { type Misfit, reading, type Tensor } from '../ir/tensor.ts';
import { isTensor } from '../operators/value.ts';
import type { Builder } from '../tensors/builder.ts';
import type { Module } from './module.ts';

/** An output of the program under its name in the file. */
export interface NamedOutput {
  readonly name: string;
  readonly tensor: Tensor;
}

/**
 * Selects the outputs that the program can have. An output that no program can hold is left out with a note, unless
 * nothing would be left.
 *
 * @returns the outputs; or why numbers of one may not fit 32 bits, and the inputs that this comes from
 */
export function selectOutputs(module: Module): readonly NamedOutput[] | Misfit {
  const { graph, scope, notes } = module;
  for (const { name } of graph.outputs) {
    const omitted = scope.omitted(name);
    if (omitted) notes.push(`output ${quoted(name)} is left out: ${omitted.message}`);
  }
  const held = graph.outputs.filter(({ name }) => !scope.omitted(name));
  // With nothing left, the first reason is why the model is refused.
  const names = (held.length > 0 ? held : graph.outputs).map(({ name }) => name);
  const outputs: NamedOutput[] = [];
  for (const name of names) {
    const tensor = define(module, name);
    if (tensor.misfit) return tensor.misfit;
    outputs.push({ name, tensor });
  }
  return outputs;
}

function define({ scope, builder }: Module, name: string): Tensor {
  const location = `output ${quoted(name)}`;
  const tensor = scope.get(name);
  if (!tensor) throw new ImportError(`${location}: nothing in the graph yields it`);
  if (!isTensor(tensor)) {
    throw new ImportError(`${location}: only tensors can be outputs, no sequences or optionals`);
  }
  builder.current = {
    name,
    label: tensor.source.kind === 'computed' ? tensor.label : `output ${name}`,
    location,
  };
  return within(location, () => outputOf(tensor, name, builder));
}

/** An output is a node of its own in the file's own order of dimensions, whatever it was before. */
const outputOf = (tensor: Tensor, name: string, builder: Builder): Tensor =>
  builder.define({
    type: tensor.type,
    shape: tensor.shape,
    ...(tensor.range ? { range: tensor.range } : {}),
    channelsLast: false,
    isOutput: true,
    name,
    body: (indices) => reading(tensor, indices),
  });
