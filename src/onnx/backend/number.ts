import { hexOf } from '../../merkle/keccak.ts';
import { countReveals, depthOf } from '../../program/blocks.ts';
import { encodeNode } from '../../program/codec.ts';
import { LIMITS } from '../../program/limits.ts';
import type { LoopNode, Node } from '../../program/node.ts';
import { ImportError } from '../errors.ts';
import type { Tensor } from '../ir/tensor.ts';
import { type Compiled, type Marks, mapMarks } from './compiled.ts';
import { type Arrangement, Constants, POOLED_CONSTANT_BYTES } from './constants.ts';
import type { Stored } from './drafts.ts';
import { numbered } from './emit.ts';
import { withGrain } from './grain.ts';

/** Tensors of a program that are asked for by name. */
export interface Ends<Mark extends string> {
  readonly inputs: readonly Tensor[];
  readonly answers: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly marked: Marks<Mark, Tensor>;
}

/**
 * Numbers the nodes of a program: inputs and answers, then constants, then loops. Equal loops become one node (a maximum
 * that two operators take of the same tensor), and each gets the grain that makes disputes about it cheapest.
 */
export function numberNodes<Mark extends string>(
  loops: readonly Stored[],
  { inputs, answers, outputs, marked }: Ends<Mark>,
): Compiled<Mark> {
  const supplied = [...inputs, ...answers];
  const constants = new Constants();
  for (const { draft } of loops) for (const source of draft.sources) constants.take(source);
  const alone = constants.arrange();
  const together = constants.arrange(POOLED_CONSTANT_BYTES);
  const first = numberLoops(loops, supplied, alone);
  // Openings of a shared node are longer, so large constants share nodes only if every dispute then takes an answer less.
  const others = supplied.length + first.nodes.length;
  const reveals = ({ count }: Arrangement): number => countReveals(depthOf(others + count));
  const isShorter = reveals(together) < reveals(alone);
  const constantNodes = (isShorter ? together : alone).nodes();
  const loopNodes = isShorter ? numberLoops(loops, supplied, together) : first;
  const { nodeOf } = loopNodes;
  const nodes: Node[] = supplied.map(({ type: { dtype }, shape }, slot) => ({
    kind: 'input',
    dtype,
    shape,
    slot,
  }));
  const labels = supplied.map(({ label }) => label);
  const weights = new Map<number, Uint8Array>();
  for (const { node, bytes, label } of constantNodes) {
    weights.set(nodes.length, bytes);
    nodes.push(node);
    labels.push(label);
  }
  nodes.push(...loopNodes.nodes);
  labels.push(...loopNodes.labels);
  if (nodes.length > LIMITS.MAX_NODES)
    throw new ImportError(`model: ${nodes.length} program nodes, of ${LIMITS.MAX_NODES}`);
  const numberOf = (tensor: Tensor): number => nodeOf.get(tensor) as number;
  const program = {
    nodes,
    inputs: inputs.map((_, slot) => slot),
    outputs: outputs.map(numberOf),
    ...(answers.length > 0 ? { answers: answers.map((_, i) => inputs.length + i) } : {}),
  };
  return { program, weights, labels, marked: mapMarks(marked, numberOf) };
}

interface LoopNodes {
  readonly nodes: readonly LoopNode[];
  readonly labels: readonly string[];
  /** The node of each tensor, inputs and answers included. */
  readonly nodeOf: ReadonlyMap<Tensor, number>;
}

/** Numbers the loops, which come after what is supplied and the constants. */
function numberLoops(
  loops: readonly Stored[],
  supplied: readonly Tensor[],
  constants: Arrangement,
): LoopNodes {
  const base = supplied.length + constants.count;
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
