import { hexOf } from '../../merkle/keccak.ts';
import { encodeNode } from '../../program/codec.ts';
import { LIMITS } from '../../program/limits.ts';
import type { Node } from '../../program/node.ts';
import { ImportError } from '../errors.ts';
import type { Tensor } from '../ir/tensor.ts';
import type { Compiled } from './compiled.ts';
import { Constants } from './constants.ts';
import type { Stored } from './drafts.ts';
import { numbered } from './emit.ts';
import { withGrain } from './grain.ts';

/** Tensors of a program that are asked for by name. */
export interface Ends {
  readonly inputs: readonly Tensor[];
  readonly answers: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly marked: readonly Tensor[];
}

/**
 * Numbers the nodes of a program: inputs and answers, then constants, then loops. Equal loops become one node (a maximum
 * that two operators take of the same tensor), and each gets the grain that makes disputes about it cheapest.
 */
export function numberNodes(loops: readonly Stored[], { inputs, answers, outputs, marked }: Ends): Compiled {
  const supplied = [...inputs, ...answers];
  const constants = new Constants();
  for (const { draft } of loops) for (const source of draft.sources) constants.take(source);
  const nodes: Node[] = supplied.map(({ type: { dtype }, shape }, slot) => ({
    kind: 'input',
    dtype,
    shape,
    slot,
  }));
  const labels = supplied.map(({ label }) => label);
  const weights = new Map<number, Uint8Array>();
  for (const { node, bytes, label } of constants.nodes()) {
    weights.set(nodes.length, bytes);
    nodes.push(node);
    labels.push(label);
  }
  const nodeOf = new Map<Tensor, number>(supplied.map((tensor, i) => [tensor, i]));
  const known = new Map<string, number>();
  for (const { tensor, draft, label } of loops) {
    const { node } = withGrain(
      numbered(draft, (source) =>
        'tensor' in source && source.tensor.source.kind !== 'constant'
          ? { node: nodeOf.get(source.tensor) as number }
          : constants.locate(source, supplied.length),
      ),
    );
    const key = hexOf(encodeNode(node));
    const same = known.get(key);
    nodeOf.set(tensor, same ?? nodes.length);
    if (same !== undefined) continue;
    known.set(key, nodes.length);
    nodes.push(node);
    labels.push(label);
  }
  if (nodes.length > LIMITS.MAX_NODES)
    throw new ImportError(`model: ${nodes.length} program nodes, of ${LIMITS.MAX_NODES}`);
  const numbers = (tensors: readonly Tensor[]): number[] =>
    tensors.map((tensor) => nodeOf.get(tensor) as number);
  const program = {
    nodes,
    inputs: inputs.map((_, slot) => slot),
    outputs: numbers(outputs),
    ...(answers.length > 0 ? { answers: answers.map((_, i) => inputs.length + i) } : {}),
  };
  return { program, weights, labels, marked: numbers(marked) };
}
