import { decodeNode } from './codec.ts';
import type { Interface } from './interface.ts';
import type { Node } from './node.ts';
import type { Violation } from './rules.ts';
import { checkDescriptor, checkOperand } from './validate.ts';

/** A node of a program that breaks a rule, by itself or with a node that it reads. */
export interface Malformation {
  readonly violation: Violation;
  /** The operand that does not fit, if the node is well-formed by itself. */
  readonly misfit: { readonly operand: number; readonly node: number } | undefined;
}

/**
 * The first malformed node of a program that is given as bytes, whatever they are.
 *
 * @param model what the registry holds of it
 * @returns undefined if every node is well-formed
 */
export function findMalformation(
  descriptors: readonly Uint8Array[],
  model: Interface,
): Malformation | undefined {
  const nodes: Node[] = [];
  for (const [i, descriptor] of descriptors.entries()) {
    const own = checkDescriptor(descriptor, i, model);
    if (own) return { violation: own, misfit: undefined };
    const node = decodeNode(descriptor);
    nodes.push(node);
    if (node.kind !== 'loop') continue;
    for (const [operand, { node: read }] of node.operands.entries()) {
      const violation = checkOperand(node, i, operand, nodes[read]!, descriptors.length);
      if (violation) return { violation, misfit: { operand, node: read } };
    }
  }
  return undefined;
}
