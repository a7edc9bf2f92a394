import { hexOf } from '../../merkle/keccak.ts';
import { depthOf } from '../../program/blocks.ts';
import { encodeNode } from '../../program/codec.ts';
import { LIMITS, MAX_REVEAL_LEVELS } from '../../program/limits.ts';
import type { LoopNode, Node } from '../../program/node.ts';
import { ImportError } from '../errors.ts';
import type { Tensor } from '../ir/tensor.ts';
import type { Compiled } from './compiled.ts';
import { Constants, POOLED_CONSTANT_BYTES } from './constants.ts';
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
  let count = constants.arrange();
  let loopNodes = numberLoops(loops, supplied, constants, count);
  // Large constants have longer openings together, so they are only where every dispute takes an answer less for it.
  const others = supplied.length + loopNodes.nodes.length;
  const pooled = constants.arrange(POOLED_CONSTANT_BYTES);
  if (traceReveals(others + pooled) < traceReveals(others + count)) {
    count = pooled;
    loopNodes = numberLoops(loops, supplied, constants, count);
  } else constants.arrange();
  const { nodeOf } = loopNodes;
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
  nodes.push(...loopNodes.nodes);
  labels.push(...loopNodes.labels);
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

/** Answers that open the trace of so many nodes. */
const traceReveals = (nodes: number): number => Math.ceil(depthOf(nodes) / MAX_REVEAL_LEVELS);

interface LoopNodes {
  readonly nodes: readonly LoopNode[];
  readonly labels: readonly string[];
  /** The node of each tensor, inputs and answers included. */
  readonly nodeOf: ReadonlyMap<Tensor, number>;
}

/** @param constantNodes the number of nodes between those supplied and the loops */
function numberLoops(
  loops: readonly Stored[],
  supplied: readonly Tensor[],
  constants: Constants,
  constantNodes: number,
): LoopNodes {
  const base = supplied.length + constantNodes;
  const nodes: LoopNode[] = [];
  const labels: string[] = [];
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
    nodeOf.set(tensor, same ?? base + nodes.length);
    if (same !== undefined) continue;
    known.set(key, base + nodes.length);
    nodes.push(node);
    labels.push(label);
  }
  return { nodes, labels, nodeOf };
}
