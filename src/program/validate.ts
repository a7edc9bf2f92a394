import { INSTRUCTIONS, instructionOf } from '../scalar/instructions.ts';
import { blockOf, depthOf, isOpen } from './blocks.ts';
import { DescriptorError, decodeNode, encodeNode } from './codec.ts';
import { leafCost } from './cost.ts';
import { checkAnswers, checkInterface, type Interface } from './interface.ts';
import { LIMITS } from './limits.ts';
import {
  byteLengthOf,
  ELEMENT_BYTES,
  type LoopNode,
  type Node,
  operandUses,
  type Program,
  sizeOf,
  slotsOf,
} from './node.ts';
import type { Broken, Violation } from './rules.ts';

const MAX_EXTENT = 2 ** 31 - 1;

/** Sizes: of shapes, folds, views, lists. */
function checkSizes(node: Node): Broken {
  const loop = node.kind === 'loop' ? node : undefined;
  const views = loop?.operands.map(({ view }) => view.map(({ extent }) => extent)) ?? [];
  for (const extents of [node.shape, loop?.fold ?? [], ...views]) {
    if (extents.length > LIMITS.MAX_RANK) {
      return ['rank', `it has ${extents.length} dimensions where ${LIMITS.MAX_RANK} are allowed`];
    }
    const huge = extents.find((extent) => extent > MAX_EXTENT);
    if (huge !== undefined) return ['extent', `extent ${huge} is above ${MAX_EXTENT}`];
  }
  const sizes = [
    byteLengthOf(node),
    ...(loop?.operands.map(({ dtype }, i) => sizeOf(views[i]!) * ELEMENT_BYTES[dtype]) ?? []),
  ];
  const large = sizes.find((bytes) => bytes > LIMITS.MAX_TENSOR_BYTES);
  if (large !== undefined) {
    return ['tensor size', `a tensor of ${large} bytes is above the limit of ${LIMITS.MAX_TENSOR_BYTES}`];
  }
  if (!loop) return undefined;
  if (sizeOf(loop.fold) > LIMITS.MAX_FOLD_STEPS) {
    return ['fold size', `its fold has ${sizeOf(loop.fold)} steps, above ${LIMITS.MAX_FOLD_STEPS}`];
  }
  const counts = [
    ['operands', loop.operands.length, LIMITS.MAX_OPERANDS],
    ['constants', loop.constants.length, LIMITS.MAX_CONSTANTS],
    ['instructions in step', loop.step.code.length, LIMITS.MAX_CODE],
    ['instructions in post', loop.post.code.length, LIMITS.MAX_CODE],
  ] as const;
  for (const [what, count, limit] of counts) {
    if (count > limit) return ['count', `it has ${count} ${what} where ${limit} are allowed`];
  }
  const slots = slotsOf(loop).results + Math.max(loop.step.code.length, loop.post.code.length);
  if (slots > LIMITS.MAX_SLOTS)
    return ['slots', `it needs ${slots} slots where ${LIMITS.MAX_SLOTS} are allowed`];
  return undefined;
}

/** Scalar programs: opcodes and references. */
function checkCode(loop: LoopNode): Broken {
  const { results, foldIndices } = slotsOf(loop);
  for (const name of ['step', 'post'] as const) {
    const { code, result } = loop[name];
    for (const [i, { opcode, a, b, c }] of code.entries()) {
      const where = `instruction ${i} of ${name}`;
      const instruction = instructionOf(opcode);
      if (!instruction) {
        return ['opcode', `${where} has opcode ${opcode}; there are 1 to ${INSTRUCTIONS.length}`];
      }
      const references = [a, b, c];
      if (references.slice(instruction.arity).some((reference) => reference !== 0)) {
        return ['unused reference', `${where} sets a reference that ${instruction.name} does not read`];
      }
      const late = references.find((reference) => reference >= results + i);
      if (late !== undefined) {
        return ['reference', `${where} reads slot ${late}, which is not written before slot ${results + i}`];
      }
    }
    if (result >= results + code.length) {
      return ['result', `${name} yields slot ${result}, but its slots end at ${results + code.length}`];
    }
  }
  const { code, result } = loop.post;
  const read = [result, ...code.flatMap(({ a, b, c }) => [a, b, c])];
  const index = read.find((slot) => slot >= foldIndices && slot < results);
  if (index !== undefined) {
    return ['post', `post reads slot ${index}, a fold index, which has no value after the fold`];
  }
  return undefined;
}

/** Operands: what they read, and by which coordinates. */
function checkOperands(loop: LoopNode, nodeIndex: number): Broken {
  const extents = [...loop.shape, ...loop.fold];
  const uses = operandUses(loop);
  for (const [i, { node, view }] of loop.operands.entries()) {
    const where = `operand ${i}`;
    if (node >= nodeIndex)
      return ['operand order', `${where} reads node ${node}, which is not an earlier one`];
    for (const { coordinate } of view) {
      if (coordinate.kind === 'gathered') {
        const by = loop.operands[coordinate.operand];
        if (coordinate.operand >= i) {
          return [
            'gather',
            `${where} is gathered by operand ${coordinate.operand}, which is not an earlier one`,
          ];
        }
        if (by?.dtype === 'f32') {
          return [
            'gather',
            `${where} is gathered by operand ${coordinate.operand}, which is not of integers`,
          ];
        }
        continue;
      }
      if (coordinate.divisor < 1)
        return ['divisor', `${where} divides a coordinate by ${coordinate.divisor}`];
      if (coordinate.terms.length > LIMITS.MAX_TERMS) {
        return [
          'count',
          `a coordinate of ${where} has ${coordinate.terms.length} terms, above ${LIMITS.MAX_TERMS}`,
        ];
      }
      let bound = Math.abs(coordinate.offset);
      for (const { index, coefficient } of coordinate.terms) {
        const extent = extents[index];
        if (extent === undefined) {
          return ['term index', `${where} uses index ${index}, but there are ${extents.length}`];
        }
        if (index >= loop.shape.length && coefficient !== 0 && uses[i]?.post) {
          return [
            'post',
            `post reads ${where}, whose address depends on fold index ${index - loop.shape.length}`,
          ];
        }
        bound += Math.abs(coefficient) * Math.max(0, extent - 1);
      }
      if (bound > LIMITS.MAX_ADDRESS) {
        return ['address', `a coordinate of ${where} can reach ${bound}, above ${LIMITS.MAX_ADDRESS}`];
      }
    }
  }
  return undefined;
}

function checkCost(loop: LoopNode, descriptorBytes: number): Broken {
  if (loop.grain < 1) return ['grain', 'its grain is 0, so no leaf could check a step'];
  const { witnessBytes, computeGas } = leafCost(loop, descriptorBytes);
  if (witnessBytes > LIMITS.MAX_LEAF_WITNESS_BYTES) {
    const limit = LIMITS.MAX_LEAF_WITNESS_BYTES;
    return ['leaf witness', `a leaf may open ${witnessBytes} bytes, above ${limit}: its grain is too large`];
  }
  if (computeGas > LIMITS.MAX_LEAF_COMPUTE_GAS) {
    const limit = LIMITS.MAX_LEAF_COMPUTE_GAS;
    return ['leaf gas', `a leaf may spend ${computeGas} gas, above ${limit}: its grain is too large`];
  }
  return undefined;
}

const violation = (broken: Broken, node: number): Violation | undefined =>
  broken && { rule: broken[0], node, message: `node ${node}: ${broken[1]}` };

/** The first rule that a node breaks by itself or with the model. Twin: `NodeRules.violation`. */
export function checkDescriptor(
  descriptor: Uint8Array,
  nodeIndex: number,
  model: Interface,
): Violation | undefined {
  const limit = LIMITS.MAX_DESCRIPTOR_BYTES;
  if (descriptor.length > limit) {
    return violation(
      ['descriptor size', `its descriptor has ${descriptor.length} bytes, above ${limit}`],
      nodeIndex,
    );
  }
  let node: Node;
  try {
    node = decodeNode(descriptor);
  } catch (error) {
    if (!(error instanceof DescriptorError)) throw error;
    return violation(['encoding', error.message], nodeIndex);
  }
  const loop = node.kind === 'loop' ? node : undefined;
  const broken =
    checkSizes(node) ??
    (loop && checkCode(loop)) ??
    (loop && checkOperands(loop, nodeIndex)) ??
    (loop && checkCost(loop, descriptor.length)) ??
    checkInterface(node, nodeIndex, model);
  return violation(broken, nodeIndex);
}

/** The first rule that an operand breaks with the node it reads. Twin: `NodeRules.operandViolation`. */
export function checkOperand(
  loop: LoopNode,
  nodeIndex: number,
  operand: number,
  read: Node,
  nodeCount: number,
): Violation | undefined {
  const { view, dtype, node } = loop.operands[operand]!;
  const elements = sizeOf(view.map(({ extent }) => extent));
  if (elements !== sizeOf(read.shape)) {
    const message = `operand ${operand} views ${elements} elements, node ${node} has ${sizeOf(read.shape)}`;
    return violation(['operand size', message], nodeIndex);
  }
  if (dtype !== read.dtype) {
    const message = `operand ${operand} reads ${dtype}, node ${node} is ${read.dtype}`;
    return violation(['operand dtype', message], nodeIndex);
  }
  const traceDepth = depthOf(nodeCount);
  if (isOpen(read, nodeCount) && blockOf(node, traceDepth) !== blockOf(nodeIndex, traceDepth)) {
    const message = `operand ${operand} reads node ${node} of another block, which is no checkpoint`;
    return violation(['operand checkpoint', message], nodeIndex);
  }
  return undefined;
}

/** Whether two nodes have the same fields, which are numbers, strings and lists of such. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
  );
}

/** Everything wrong with a program, at most one violation a node; none if it is valid. */
export function validate(program: Program): Violation[] {
  const check = nodeCheck(program);
  return Array.isArray(check) ? check : program.nodes.flatMap((_, i) => check(i));
}

/**
 * The check of {@link validate} node by node, for whoever lets others have their turn meanwhile.
 *
 * @returns the violations of a node by its index; or a list, if something is wrong that is no node's
 */
export function nodeCheck({
  nodes,
  inputs,
  outputs,
  answers = [],
}: Program): ((node: number) => Violation[]) | Violation[] {
  if (nodes.length < 1 || nodes.length > LIMITS.MAX_NODES) {
    const message = `the program has ${nodes.length} nodes; from 1 to ${LIMITS.MAX_NODES} are allowed`;
    return [{ rule: 'nodes', node: 0, message }];
  }
  for (const node of [...inputs, ...outputs, ...answers]) {
    if (!nodes[node]) {
      return [
        { rule: 'nodes', node, message: `an input or output names node ${node}, which does not exist` },
      ];
    }
  }
  const refer = (node: number) => ({ node, byteLength: byteLengthOf(nodes[node]!) });
  const model = {
    nodeCount: nodes.length,
    inputs: inputs.map(refer),
    outputs: outputs.map(refer),
    answers: answers.map(refer),
  };
  const unfit = checkAnswers(model);
  if (unfit) return [{ rule: 'answers', node: outputs[0] ?? 0, message: unfit }];
  return (i) => {
    const node = nodes[i]!;
    const descriptor = encodeNode(node);
    const own = checkDescriptor(descriptor, i, model);
    // A number outside its field's range wraps when it is encoded.
    if (!own && !isSame(decodeNode(descriptor), node)) {
      return [{ rule: 'encoding', node: i, message: `node ${i}: it has a number that no field can hold` }];
    }
    if (own || node.kind !== 'loop') return own ? [own] : [];
    for (const [o, operand] of node.operands.entries()) {
      const violated = checkOperand(node, i, o, nodes[operand.node]!, nodes.length);
      if (violated) return [violated];
    }
    return [];
  };
}
