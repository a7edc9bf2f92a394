/**
 * First byte of every hash preimage, so that no hash of one kind can pass for another.
 * `contracts/libraries/generated/Tags.sol` is generated from this table.
 */
export const TAGS = {
  /** 256 bytes of a tensor. */
  TENSOR_CHUNK: 0,
  /** Interior node of a tensor's tree. */
  TENSOR_NODE: 1,
  /** Interior node of the tree over all tensors of a run. */
  TRACE_NODE: 2,
  /** One encoded node of a program. */
  PROGRAM_LEAF: 3,
  /** Interior node of a program's tree. */
  PROGRAM_NODE: 4,
  /** Prefix of the bytes that a model id hashes. */
  MODEL: 5,
  /** The roots of a request's inputs. */
  INPUTS: 6,
  /** The roots of a claim's outputs. */
  OUTPUTS: 7,
  /** The state of a dispute. */
  DISPUTE: 8,
  /** A disputed node and the tensors of its block. */
  DISPUTED_NODE: 9,
} as const;
