import { blockLevels } from '../program/blocks.ts';
import type { Move, Role } from './move.ts';
import type { Position } from './position.ts';
import { intervalAt, levelsToReveal, type Reason } from './rules.ts';

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** Name of the subtree below a revealed hash, on the way down the trace's tree and then a tensor's. */
function pickedPlace(position: Position, child: number): string {
  const levels = levelsToReveal(position.depthLeft);
  const below = position.phase === 'TracePick' ? blockLevels(position.traceDepth) : 0;
  const height = position.depthLeft - levels + below;
  const first = (position.index * 2 ** levels + child) * 2 ** height;
  const last = Math.min(first + 2 ** height, position.hi) - 1;
  const what = position.phase === 'TensorPick' ? 'chunk' : 'node';
  return last > first ? `${what}s ${first} to ${last}` : `${what} ${first}`;
}

/** One sentence about a move made in `position`. */
export function explainMove(move: Move, position: Position): string {
  const { nodeIndex, index } = position;
  switch (move.kind) {
    case 'commitTrace':
      return `The claimant commits to its trace and reveals ${count(move.hashes.length, 'hash', 'hashes')} of its top.`;
    case 'reveal':
      return `The claimant reveals ${count(move.hashes.length, 'hash', 'hashes')} ${
        position.phase === 'TensorReveal' ? `of the tensor of node ${nodeIndex}` : 'of its trace'
      }.`;
    case 'revealBlock':
      return `The claimant commits to the ${count(move.hashes.length, 'tensor')} of the block from node ${index * move.hashes.length} on.`;
    case 'pick':
      return `The challenger finds the first difference in ${pickedPlace(position, move.picked.child)}${
        position.phase === 'TensorPick' ? ` of node ${nodeIndex}` : ''
      }.`;
    case 'pickNode':
      return `The challenger picks ${pickedPlace(position, move.picked.child)} as the first whose tensor is wrong.`;
    case 'proveConstant':
      return `The challenger shows that ${pickedPlace(position, move.picked.child)} is not the constant of the program.`;
    case 'proveInput':
      return `The challenger shows that ${pickedPlace(position, move.picked.child)} is not the input of the request.`;
    case 'proveAnswer':
      return `The challenger shows that ${pickedPlace(position, move.picked.child)} is not the answer of the claim.`;
    case 'demandNode':
      return `The challenger demands node ${index * 2 ** position.depthLeft + move.child} of the program, which it does not have.`;
    case 'openNode':
      return `The claimant opens node ${nodeIndex} of the program, with ${count(move.node.descriptor.length, 'byte')}.`;
    case 'proveMalformed':
      return `The challenger shows that node ${move.nodeIndex} of the program is malformed.`;
    case 'proveMalformedOperand':
      return `The challenger shows that operand ${move.operand} of node ${move.nodeIndex} does not fit the node that it reads.`;
    case 'proveCheckpoint':
      return `The challenger shows that node ${index * 2 ** position.depthLeft + move.child} is marked wrongly, as a checkpoint or as none.`;
    case 'provePadding':
      return 'The challenger shows a leaf beyond the last one that is not the fixed padding.';
    case 'revealChunk':
      return `The claimant reveals the 256 bytes of chunk ${index} of node ${nodeIndex}.`;
    case 'nameElement':
      return `The challenger names element ${move.offset} of the chunk as the first wrong one; its fold is too long for one leaf.`;
    case 'proveElement':
      return `The challenger names element ${move.offset} of the chunk and has the chain run it, with ${count(move.witness.length, 'byte')} of openings.`;
    case 'provePaddingByte':
      return `The challenger shows a byte beyond the end of node ${nodeIndex} that is not zero.`;
    case 'postAccumulators':
      return `The claimant posts ${count(move.words.length / 4, 'accumulator')} of element ${index} between steps ${position.lo} and ${position.hi} of its fold.`;
    case 'pickInterval': {
      const { lo, hi } = intervalAt(position, move.words, move.interval);
      return `The challenger finds the first wrong accumulator after steps ${lo} to ${hi} of element ${index}.`;
    }
    case 'proveInterval': {
      const { lo, hi } = intervalAt(position, move.words, move.interval);
      return `The challenger has the chain run steps ${lo} to ${hi} of element ${index} of node ${nodeIndex}, with ${count(move.witness.length, 'byte')} of openings.`;
    }
  }
}

const REASON_SENTENCES: Readonly<Record<Reason, string>> = {
  ClaimantTimeout: "the claimant's clock ran out",
  ChallengerTimeout: "the challenger's clock ran out",
  WrongWord: 'the chain computed another word',
  WrongConstant: 'a constant of the trace is not the one of the program',
  WrongInput: 'an input of the trace is not the one of the request',
  WrongPadding: 'what lies beyond an end is not what it must be',
  WrongCheckpoint: 'a tensor was said to be a checkpoint and is none, or the other way round',
  ClaimAlreadyFalsified: 'another dispute had falsified the claim',
  WrongAnswer: 'an answer in the trace is not the one of the claim',
  Malformed: 'a node of the program breaks a rule',
};

/** One sentence about how a dispute ended. */
export const explainOutcome = (winner: Role, reason: Reason): string =>
  `The ${winner} ${reason === 'ClaimAlreadyFalsified' ? 'gets its bond back' : 'wins'}: ${REASON_SENTENCES[reason]}.`;
