import type { Hash } from '../merkle/keccak.ts';

/** The child that a challenger picks from a reveal, opened against the subject. */
export interface Pick {
  /** Position among the revealed hashes, from 0. */
  readonly child: number;
  readonly hash: Hash;
  /** Siblings from the leaves up, one for each revealed level. */
  readonly siblings: readonly Hash[];
}

/** A node of a program, opened against the program root. */
export interface NodeProof {
  readonly descriptor: Uint8Array;
  /** Proof of its leaf in the program's tree, from the leaf up. */
  readonly siblings: readonly Hash[];
}

/** A move and its arguments, named as in `IDisputeGame.sol` (dispute id and state left out). */
export type Move =
  // claimant
  | {
      readonly kind: 'commitTrace';
      readonly outputRoots: readonly Hash[];
      readonly proofs: readonly Hash[];
      readonly hashes: readonly Hash[];
    }
  | { readonly kind: 'reveal'; readonly hashes: readonly Hash[] }
  | { readonly kind: 'revealBlock'; readonly hashes: readonly Hash[]; readonly checkpoints: number }
  | { readonly kind: 'revealChunk'; readonly chunk: Uint8Array }
  | { readonly kind: 'postAccumulators'; readonly words: Uint8Array }
  | { readonly kind: 'openNode'; readonly blockRoot: Hash; readonly node: NodeProof }
  // challenger
  | { readonly kind: 'pick'; readonly picked: Pick }
  | NodeMove<'pickNode'>
  | {
      readonly kind: 'proveCheckpoint';
      readonly blockRoot: Hash;
      /** Position among the block's tensors, from 0. */
      readonly child: number;
      readonly node: NodeProof;
    }
  | NodeMove<'proveConstant'>
  /** The caller adds the request. */
  | (NodeMove<'proveInput'> & { readonly inputRoots: readonly Hash[] })
  /** The caller adds the request. */
  | (NodeMove<'proveAnswer'> & { readonly answerRoots: readonly Hash[] })
  | { readonly kind: 'demandNode'; readonly blockRoot: Hash; readonly child: number }
  /** Out of turn too; the caller adds subject and request. */
  | { readonly kind: 'proveMalformed'; readonly nodeIndex: number; readonly node: NodeProof }
  | {
      readonly kind: 'proveMalformedOperand';
      readonly nodeIndex: number;
      readonly node: NodeProof;
      /** Position in the node's list of operands. */
      readonly operand: number;
      readonly operandNode: NodeProof;
    }
  | { readonly kind: 'provePadding'; readonly picked: Pick }
  | ElementMove<'nameElement'>
  | (ElementMove<'proveElement'> & Leaf)
  | { readonly kind: 'provePaddingByte'; readonly chunk: Uint8Array }
  | { readonly kind: 'pickInterval'; readonly words: Uint8Array; readonly interval: number }
  | ({ readonly kind: 'proveInterval'; readonly words: Uint8Array; readonly interval: number } & Leaf);

/** Everything that the chain needs to run a leaf. */
interface Leaf {
  readonly descriptor: Uint8Array;
  /** Root of the tree over all tensors of the disputed block. */
  readonly blockRoot: Hash;
  readonly witness: Uint8Array;
}

interface NodeMove<Kind extends string> {
  readonly kind: Kind;
  readonly picked: Pick;
  readonly node: NodeProof;
}

interface ElementMove<Kind extends string> {
  readonly kind: Kind;
  readonly chunk: Uint8Array;
  /** Position of the element in the chunk, in elements. */
  readonly offset: number;
}

export type Role = 'claimant' | 'challenger';
