import type { ContractTransaction } from 'ethers';
import type { Move, NodeProof, Pick } from '../../dispute/move.ts';
import type { Contracts } from './contracts.ts';
import type { DisputeRecord } from './world.ts';

// Typechain's input types want mutable arrays.
const pickOf = ({ child, hash, siblings }: Pick) => ({ child, hash, siblings: [...siblings] });

const nodeOf = ({ descriptor, siblings }: NodeProof) => ({ descriptor, siblings: [...siblings] });

/** The call of a move: every kind of move is the game's function of that name. */
export function populateMove(
  { game }: Contracts,
  { disputeId, dispute, subject, claim }: DisputeRecord,
  move: Move,
): Promise<ContractTransaction> {
  const at = [disputeId, dispute] as const;
  switch (move.kind) {
    case 'commitTrace':
      return game.commitTrace.populateTransaction(
        ...at,
        [...move.outputRoots],
        [...move.proofs],
        [...move.hashes],
      );
    case 'reveal':
      return game.reveal.populateTransaction(...at, [...move.hashes]);
    case 'revealBlock':
      return game.revealBlock.populateTransaction(...at, [...move.hashes], move.checkpoints);
    case 'revealChunk':
      return game.revealChunk.populateTransaction(...at, move.chunk);
    case 'postAccumulators':
      return game.postAccumulators.populateTransaction(...at, move.words);
    case 'pick':
      return game.pick.populateTransaction(...at, pickOf(move.picked));
    case 'pickNode':
    case 'proveConstant':
      return game[move.kind].populateTransaction(...at, pickOf(move.picked), nodeOf(move.node));
    case 'proveInput':
      return game.proveInput.populateTransaction(
        ...at,
        pickOf(move.picked),
        nodeOf(move.node),
        claim.request.request,
        [...move.inputRoots],
      );
    case 'proveCheckpoint':
      return game.proveCheckpoint.populateTransaction(...at, move.blockRoot, move.child, nodeOf(move.node));
    case 'proveAnswer':
      return game.proveAnswer.populateTransaction(
        ...at,
        pickOf(move.picked),
        nodeOf(move.node),
        claim.request.request,
        [...move.answerRoots],
      );
    case 'demandNode':
      return game.demandNode.populateTransaction(...at, move.blockRoot, move.child);
    case 'openNode':
      return game.openNode.populateTransaction(...at, move.blockRoot, nodeOf(move.node));
    case 'proveMalformed':
      return game.proveMalformed.populateTransaction(
        ...at,
        subject,
        claim.request.request,
        move.nodeIndex,
        nodeOf(move.node),
      );
    case 'proveMalformedOperand':
      return game.proveMalformedOperand.populateTransaction(
        ...at,
        subject,
        claim.request.request,
        move.nodeIndex,
        nodeOf(move.node),
        move.operand,
        nodeOf(move.operandNode),
      );
    case 'provePadding':
      return game.provePadding.populateTransaction(...at, pickOf(move.picked));
    case 'nameElement':
      return game.nameElement.populateTransaction(...at, move.chunk, move.offset);
    case 'proveElement':
      return game.proveElement.populateTransaction(
        ...at,
        move.chunk,
        move.offset,
        move.descriptor,
        move.blockRoot,
        move.witness,
      );
    case 'provePaddingByte':
      return game.provePaddingByte.populateTransaction(...at, move.chunk);
    case 'pickInterval':
      return game.pickInterval.populateTransaction(...at, move.words, move.interval);
    case 'proveInterval':
      return game.proveInterval.populateTransaction(
        ...at,
        move.words,
        move.interval,
        move.descriptor,
        move.blockRoot,
        move.witness,
      );
  }
}
