import { encodeNode } from '../program/codec.ts';
import type { TensorRef } from '../program/interface.ts';
import { byteLengthOf, type Program } from '../program/node.ts';
import { INSTRUCTION_SET_VERSION } from '../scalar/instructions.ts';
import { type Hash, keccakTagged } from './keccak.ts';
import { TAGS } from './tags.ts';
import { tensorRoot } from './tensor.ts';
import { concat, MerkleTree, PROGRAM_TREE } from './tree.ts';

/** A program with everything that is committed of it. */
export interface Model {
  readonly program: Program;
  /** The encoded nodes. */
  readonly descriptors: readonly Uint8Array[];
  /** Tree over them. */
  readonly tree: MerkleTree;
  /** Inputs in slot order. */
  readonly inputs: readonly TensorRef[];
  readonly outputs: readonly TensorRef[];
  /** Tensors that a claim supplies and the program checks, in slot order after the inputs; mostly none. */
  readonly answers: readonly TensorRef[];
  readonly id: Hash;
}

/** Number of times that the program runs, with tensors carried over; always 1 so far. */
const STEPS = 1;

const u32 = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);

/** Most inputs, most outputs and most answers of a model. */
export const MAX_TENSOR_REFS = 255;

function encodeRefs(refs: readonly TensorRef[]): Uint8Array {
  // RULE: lists of different lengths never look alike, so a length must fit its byte.
  if (refs.length > MAX_TENSOR_REFS) {
    throw new RangeError(`a list of a model has at most ${MAX_TENSOR_REFS} tensors, not ${refs.length}`);
  }
  return concat([Uint8Array.of(refs.length), ...refs.flatMap((ref) => [u32(ref.node), u32(ref.byteLength)])]);
}

/** keccak256(PROGRAM_LEAF ‖ descriptor). */
export const programLeaf = (descriptor: Uint8Array): Hash => keccakTagged(TAGS.PROGRAM_LEAF, descriptor);

/**
 * keccak256(MODEL ‖ u32 version ‖ u32 steps ‖ program root ‖ u32 nodes ‖ inputs ‖ outputs), a list being its u8
 * length and, for each tensor, u32 node ‖ u32 byte length. With answers, their list follows. Big-endian.
 */
export const modelId = (
  programRoot: Hash,
  nodes: number,
  inputs: readonly TensorRef[],
  outputs: readonly TensorRef[],
  answers: readonly TensorRef[] = [],
): Hash =>
  keccakTagged(
    TAGS.MODEL,
    u32(INSTRUCTION_SET_VERSION),
    u32(STEPS),
    programRoot,
    u32(nodes),
    encodeRefs(inputs),
    encodeRefs(outputs),
    ...(answers.length > 0 ? [encodeRefs(answers)] : []),
  );

/**
 * Encodes and hashes a program. Does not validate it; `validate` of `assay/engine` does.
 *
 * @returns the program with its id and everything else that is committed of it
 * @throws RangeError if it has more than 255 inputs, outputs or answers
 */
export function modelOf(program: Program): Model {
  const descriptors = program.nodes.map(encodeNode);
  const tree = new MerkleTree(PROGRAM_TREE, concat(descriptors.map(programLeaf)));
  const refer = (node: number): TensorRef => ({ node, byteLength: byteLengthOf(program.nodes[node]!) });
  const inputs = program.inputs.map(refer);
  const outputs = program.outputs.map(refer);
  const answers = (program.answers ?? []).map(refer);
  return {
    program,
    descriptors,
    tree,
    inputs,
    outputs,
    answers,
    id: modelId(tree.root, descriptors.length, inputs, outputs, answers),
  };
}

/** Commitment of a request to its inputs: keccak256(INPUTS ‖ tensor roots in slot order). */
export const inputsCommitment = (roots: readonly Hash[]): Hash => keccakTagged(TAGS.INPUTS, ...roots);

/** The tensors that a run reads besides constants, in slot order: the inputs, then the answers. */
export const suppliedRefs = ({
  inputs,
  answers,
}: Pick<Model, 'inputs' | 'answers'>): readonly TensorRef[] => [...inputs, ...answers];

/** The tensors that a claim supplies: the answers, or the outputs of a model without answers. */
export const claimedRefs = ({
  outputs,
  answers,
}: Pick<Model, 'outputs' | 'answers'>): readonly TensorRef[] => (answers.length > 0 ? answers : outputs);

/** Commitment of a claim to its outputs: keccak256(OUTPUTS ‖ tensor roots in order). */
export const outputsCommitment = (roots: readonly Hash[]): Hash => keccakTagged(TAGS.OUTPUTS, ...roots);

/** Bytes of tensors that are given end to end. */
export const totalBytes = (refs: readonly Pick<TensorRef, 'byteLength'>[]): number =>
  refs.reduce((sum, { byteLength }) => sum + byteLength, 0);

/**
 * The tensors whose bytes a request or claim gives end to end.
 *
 * @throws RangeError if there are too few or too many bytes
 */
export function splitTensors(refs: readonly TensorRef[], bytes: Uint8Array): Uint8Array[] {
  const expected = totalBytes(refs);
  if (bytes.length !== expected)
    throw new RangeError(`expected ${expected} bytes of tensors, got ${bytes.length}`);
  let at = 0;
  return refs.map(({ byteLength }) => {
    at += byteLength;
    return bytes.subarray(at - byteLength, at);
  });
}

/** Commitment to a request's input, given as its bytes. */
export const commitInput = (model: Model, input: Uint8Array): Hash =>
  inputsCommitment(splitTensors(model.inputs, input).map(tensorRoot));

/** Commitment to what a claim supplies, given as its bytes. */
export const commitOutput = (model: Pick<Model, 'outputs' | 'answers'>, output: Uint8Array): Hash =>
  outputsCommitment(splitTensors(claimedRefs(model), output).map(tensorRoot));
