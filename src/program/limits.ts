/** Static limits of a program; `contracts/libraries/generated/Limits.sol` is generated from this table. */
export const LIMITS = {
  /** Nodes of a program. */
  MAX_NODES: 1 << 20,
  /** Output, fold or view dimensions. */
  MAX_RANK: 8,
  /** Bytes of one tensor. */
  MAX_TENSOR_BYTES: 2 ** 30,
  /** Fold steps of one output element. */
  MAX_FOLD_STEPS: 2 ** 31 - 1,
  MAX_OPERANDS: 16,
  MAX_CONSTANTS: 64,
  /** Instructions of one scalar program. */
  MAX_CODE: 128,
  /** Terms of one affine coordinate. */
  MAX_TERMS: 16,
  /** Slots of a loop, results of the longer program included. */
  MAX_SLOTS: 256,
  /** Bound on |offset| + sum |coefficient| * (extent - 1), so that no address arithmetic overflows anywhere. */
  MAX_ADDRESS: 2 ** 47,
  /** Bytes of one encoded node. */
  MAX_DESCRIPTOR_BYTES: 4096,
  /** Bytes of openings that one leaf may need, by the static rule in `cost.ts`. */
  MAX_LEAF_WITNESS_BYTES: 24_576,
  /** Gas of arithmetic and addressing that one leaf may need, by the static rule in `cost.ts`. */
  MAX_LEAF_COMPUTE_GAS: 1_000_000,
  /**
   * Bytes of calldata in one move of a dispute. Public transaction pools refuse transactions above 131,072 bytes
   * (go-ethereum's `txMaxSize`); 1,072 of them are left for the envelope and the signature.
   */
  MAX_MOVE_BYTES: 130_000,
  /**
   * Bytes of calldata in a claimant's first answer, which grows with the model's outputs. Less than in other moves,
   * because the least challenge bond has to pay for it whatever the model; see `contracts/README.md`, Least bonds.
   */
  MAX_FIRST_ANSWER_BYTES: 8_192,
  /**
   * Bytes of tensors that a claim carries: its output, or the answers of a model with answers. Less than in a move, so that
   * claim and finalize, which carry the request besides, fit too. The contracts do not limit the inputs of a request.
   */
  MAX_DATA_BYTES: 122_880,
} as const;

/** Bytes of one chunk, the leaf of a tensor's tree. */
export const CHUNK_BYTES = 256;

/** Levels of a hash tree that one reveal opens at most (2^5 = 32 hashes). */
export const MAX_REVEAL_LEVELS = 5;

/** Intervals into which one move of the claimant divides a fold at most. */
export const MAX_INTERVALS = 32;

/**
 * Gas that the Referee spends at most on the parts of a leaf, for the static rule in `cost.ts`; instructions have
 * theirs in `scalar/instructions.ts`. Measured; `test/contracts/refereeGas.test.ts` holds them against adversarial leaves.
 */
export const LEAF_GAS = {
  /** Fixed part of every leaf. */
  BASE: 13_000,
  /** Decoding, for each byte of the descriptor. */
  DESCRIPTOR_BYTE: 75,
  /** Starting a run along the last fold index. */
  RUN: 1250,
  /** One fold step, besides its instructions and reads. */
  STEP: 260,
  /** Computing an address anew and reading the word there; more for each dimension, and for each term. */
  READ: 800,
  DIMENSION: 370,
  TERM: 130,
  /** Reading on along the last fold index. */
  NEXT_READ: 650,
} as const;
