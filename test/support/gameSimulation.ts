import type { Move, NodeProof, Pick, Role } from '../../src/dispute/move.ts';
import {
  afterDemand,
  atBlock,
  down,
  intoBlock,
  intoDemand,
  intoTensor,
  MOVERS,
  type Phase,
  type Position,
  topOfTrace,
  withPhase,
} from '../../src/dispute/position.ts';
import {
  elementAt,
  intervalAt,
  levelsToReveal,
  postedPositions,
  type Reason,
} from '../../src/dispute/rules.ts';
import { type DisputeView, follow, openedView, type Update } from '../../src/dispute/view.ts';
import { equalBytes, type Hash, keccakTagged } from '../../src/merkle/keccak.ts';
import { inputsCommitment, type Model, outputsCommitment, programLeaf } from '../../src/merkle/model.ts';
import { TAGS } from '../../src/merkle/tags.ts';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import {
  combine,
  PROGRAM_TREE,
  rootFrom,
  TENSOR_TREE,
  TRACE_TREE,
  type TreeKind,
} from '../../src/merkle/tree.ts';
import { decodeNode } from '../../src/program/codec.ts';
import { CHUNK_BYTES, LIMITS } from '../../src/program/limits.ts';
import type { LoopNode, Node } from '../../src/program/node.ts';
import { replayWitness } from '../../src/trace/replay.ts';

/** A move that the rules do not allow: on chain it reverts and changes nothing. Named as in `IDisputeGame.sol`. */
export class Revert extends Error {
  override name = 'Revert';
}

function check(condition: boolean, error: string): asserts condition {
  if (!condition) throw new Revert(error);
}

/** Ranges that the rules check themselves. */
function inRange<T>(compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (error instanceof RangeError) throw new Revert('IndexOutOfRange');
    throw error;
  }
}

type Leaf = Extract<Move, { kind: 'proveElement' | 'proveInterval' }>;

const disputedNode = (descriptor: Uint8Array, blockRoot: Hash): Hash =>
  keccakTagged(TAGS.DISPUTED_NODE, programLeaf(descriptor), blockRoot);

export interface Outcome {
  readonly winner: Role;
  readonly reason: Reason;
  /** The position in which the dispute ended. */
  readonly position: Position;
  /** The steps that the leaf ran, if it came to one. */
  readonly stretch?: { readonly element: number; readonly from: number; readonly to: number };
  readonly nodeIndex?: number;
}

/** `DisputeGame.sol` with one claim, one dispute, no clocks and no money: the same moves, checks and positions. */
export class GameSimulation {
  readonly #model: Model;
  readonly #inputs: Hash;
  readonly #outputs: Hash;
  /** The subject of the next move: a tree node, a chunk's hash or the posted accumulators. */
  #subject: Uint8Array = new Uint8Array(32);
  /** The disputed node and its block's root. */
  #disputed: Hash = new Uint8Array(32);
  view: DisputeView = openedView();
  outcome: Outcome | undefined;
  readonly moves: Move[] = [];

  /**
   * @param inputs commitment of the request
   * @param outputs commitment of the claim
   */
  constructor(model: Model, inputs: Hash, outputs: Hash) {
    this.#model = model;
    this.#inputs = inputs;
    this.#outputs = outputs;
  }

  get mover(): Role {
    const { phase } = this.view.position;
    return MOVERS[phase as Exclude<Phase, 'None'>];
  }

  /** @throws Revert if the rules do not allow the move */
  play(move: Move): void {
    check(!this.outcome, 'NoDispute');
    this.#apply(move);
    this.moves.push(move);
  }

  #apply(move: Move): void {
    switch (move.kind) {
      case 'commitTrace':
        this.#commitTrace(move);
        break;
      case 'reveal':
        this.#reveal(move.hashes);
        break;
      case 'pick':
        this.#pick(move.picked);
        break;
      case 'pickNode':
      case 'proveConstant':
      case 'proveInput':
      case 'proveAnswer':
        this.#node(move);
        break;
      case 'demandNode':
        this.#demandNode(move);
        break;
      case 'openNode':
        this.#openDemanded(move);
        break;
      case 'proveMalformed':
      case 'proveMalformedOperand':
        // The program of a simulation is well-formed.
        throw new Revert('WellFormed');
      case 'provePadding':
        this.#provePadding(move.picked);
        break;
      case 'revealBlock':
        this.#revealBlock(move);
        break;
      case 'proveCheckpoint':
        this.#proveCheckpoint(move);
        break;
      case 'revealChunk':
        this.#revealChunk(move.chunk);
        break;
      case 'nameElement':
      case 'proveElement':
        this.#element(move);
        break;
      case 'provePaddingByte':
        this.#provePaddingByte(move);
        break;
      case 'postAccumulators':
        this.#postAccumulators(move.words);
        break;
      case 'pickInterval':
      case 'proveInterval':
        this.#interval(move);
        break;
    }
  }

  #expect(...phases: readonly Phase[]): Position {
    check(phases.includes(this.view.position.phase), 'WrongPhase');
    return this.view.position;
  }

  #update(subject: Uint8Array, update: Update): void {
    this.#subject = subject;
    this.view = follow(this.view, update);
  }

  #win(reason: Reason, details: Partial<Outcome> = {}): void {
    this.outcome = { winner: 'challenger', reason, position: this.view.position, ...details };
  }

  #commitTrace({ outputRoots, proofs, hashes }: Extract<Move, { kind: 'commitTrace' }>): void {
    this.#expect('Root');
    check(!this.view.traceRoot, 'TraceAlreadyCommitted');
    const top = topOfTrace(this.#model.descriptors.length);
    const depth = top.traceDepth;
    const root = this.#combine(TRACE_TREE, top.depthLeft, hashes);
    check(outputRoots.length === this.#model.outputs.length, 'LengthMismatch');
    check(proofs.length === outputRoots.length * depth, 'LengthMismatch');
    this.#model.outputs.forEach(({ node }, i) => {
      const shownRoot = rootFrom(TRACE_TREE, outputRoots[i]!, node, proofs.slice(i * depth, (i + 1) * depth));
      check(equalBytes(shownRoot, root), 'OutputNotInTrace');
    });
    if (this.#model.answers.length > 0) {
      check(equalBytes(outputRoots[0]!, tensorRoot(Uint8Array.of(1))), 'NotAccepted');
    } else {
      check(equalBytes(outputsCommitment(outputRoots), this.#outputs), 'OutputNotClaimed');
    }
    this.#reveal(hashes, root);
  }

  #combine(kind: TreeKind, depth: number, hashes: readonly Hash[]): Hash {
    check(hashes.length === 2 ** levelsToReveal(depth), 'LengthMismatch');
    return combine(kind, hashes);
  }

  #reveal(hashes: readonly Hash[], committed?: Hash): void {
    const position = this.#expect('Root', 'TraceReveal', 'TensorReveal');
    if (position.phase === 'Root') {
      const traceRoot = committed ?? this.view.traceRoot;
      check(traceRoot !== undefined, 'TraceNotCommitted');
      const next = topOfTrace(this.#model.descriptors.length);
      check(equalBytes(this.#combine(TRACE_TREE, next.depthLeft, hashes), traceRoot), 'TraceRootMismatch');
      this.#update(traceRoot, { kind: 'Revealed', position: next, hashes });
      return;
    }
    const inTensor = position.phase === 'TensorReveal';
    const combined = this.#combine(inTensor ? TENSOR_TREE : TRACE_TREE, position.depthLeft, hashes);
    check(equalBytes(combined, this.#subject), 'StateMismatch');
    const next = withPhase(position, inTensor ? 'TensorPick' : 'TracePick');
    this.#update(this.#subject, { kind: 'Revealed', position: next, hashes });
  }

  #revealBlock({ hashes, checkpoints }: Extract<Move, { kind: 'revealBlock' }>): void {
    const position = this.#expect('NodeReveal');
    const blockRoot = this.#combine(TRACE_TREE, position.depthLeft, hashes);
    const marked = hashes.map((hash, i) => ((checkpoints >>> i) & 1 ? hash : TRACE_TREE.padding));
    check(equalBytes(combine(TRACE_TREE, marked), this.#subject), 'StateMismatch');
    this.#update(blockRoot, { kind: 'Revealed', position: intoBlock(position, checkpoints), hashes });
  }

  #proveCheckpoint({ blockRoot, child, node }: Extract<Move, { kind: 'proveCheckpoint' }>): void {
    const position = this.#expect('NodePick');
    check(equalBytes(blockRoot, this.#subject), 'StateMismatch');
    check(position.depthLeft < position.traceDepth, 'SingleBlock');
    check(child < 2 ** position.depthLeft, 'IndexOutOfRange');
    const index = position.index * 2 ** position.depthLeft + child;
    const found = this.#openNode(position, index, node);
    const isCheckpoint = found.kind !== 'loop' || found.checkpoint;
    check(((position.word >>> child) & 1) !== (isCheckpoint ? 1 : 0), 'NothingWrong');
    this.#win('WrongCheckpoint', { nodeIndex: index });
  }

  /** The node at a place of the program, opened against its root. */
  #openNode(position: Position, index: number, { descriptor, siblings }: NodeProof): Node {
    check(index < position.hi, 'IndexOutOfRange');
    check(siblings.length === position.traceDepth, 'LengthMismatch');
    const programRoot = rootFrom(PROGRAM_TREE, programLeaf(descriptor), index, siblings);
    check(equalBytes(programRoot, this.#model.tree.root), 'DescriptorMismatch');
    return decodeNode(descriptor);
  }

  /** Checks a pick against the subject and says where it leads. */
  #open(position: Position, { child, hash, siblings }: Pick): { index: number; depthLeft: number } {
    const levels = levelsToReveal(position.depthLeft);
    check(child < 2 ** levels, 'IndexOutOfRange');
    check(siblings.length === levels, 'LengthMismatch');
    const kind = position.phase === 'TensorPick' ? TENSOR_TREE : TRACE_TREE;
    check(equalBytes(rootFrom(kind, hash, child, siblings), this.#subject), 'StateMismatch');
    return { index: position.index * 2 ** levels + child, depthLeft: position.depthLeft - levels };
  }

  #pick(picked: Pick): void {
    const position = this.#expect('TracePick', 'TensorPick');
    const { index, depthLeft } = this.#open(position, picked);
    const inTensor = position.phase === 'TensorPick';
    const levels = levelsToReveal(position.depthLeft);
    if (depthLeft > 0) {
      const next = down(position, inTensor ? 'TensorReveal' : 'TraceReveal', levels, picked.child);
      this.#update(picked.hash, { kind: 'Picked', position: next });
      return;
    }
    check(!inTensor || index < position.hi, 'IndexOutOfRange');
    const next = inTensor ? down(position, 'Chunk', levels, picked.child) : atBlock(position, index);
    this.#update(picked.hash, { kind: 'Picked', position: next });
  }

  #provePadding(picked: Pick): void {
    const position = this.#expect('NodePick', 'TensorPick');
    const { index, depthLeft } = this.#open(position, picked);
    check(depthLeft === 0, 'WrongDepth');
    check(index >= position.hi, 'IndexOutOfRange');
    const { padding } = position.phase === 'NodePick' ? TRACE_TREE : TENSOR_TREE;
    check(!equalBytes(picked.hash, padding), 'NothingWrong');
    this.#win('WrongPadding');
  }

  #demandNode({ blockRoot, child }: Extract<Move, { kind: 'demandNode' }>): void {
    const position = this.#expect('NodePick');
    check(equalBytes(blockRoot, this.#subject), 'StateMismatch');
    check(position.lo === 0, 'AlreadyDemanded');
    check(child < 2 ** position.depthLeft, 'IndexOutOfRange');
    const index = position.index * 2 ** position.depthLeft + child;
    check(index < position.hi, 'IndexOutOfRange');
    this.#update(this.#subject, { kind: 'Picked', position: intoDemand(position, index) });
  }

  #openDemanded({ blockRoot, node }: Extract<Move, { kind: 'openNode' }>): void {
    const position = this.#expect('NodeDemand');
    check(equalBytes(blockRoot, this.#subject), 'StateMismatch');
    check(node.descriptor.length <= LIMITS.MAX_DESCRIPTOR_BYTES, 'DescriptorTooLong');
    this.#openNode(position, position.nodeIndex, node);
    const { descriptor } = node;
    this.#update(this.#subject, { kind: 'NodeOpened', position: afterDemand(position), descriptor });
  }

  #node(move: Extract<Move, { kind: 'pickNode' | 'proveConstant' | 'proveInput' | 'proveAnswer' }>): void {
    const position = this.#expect('NodePick');
    const { picked } = move;
    const { index } = this.#open(position, picked);
    const node = this.#openNode(position, index, move.node);
    const kinds = { pickNode: 'loop', proveConstant: 'constant', proveInput: 'input', proveAnswer: 'input' };
    const kind = kinds[move.kind];
    check(node.kind === kind, 'WrongKind');
    if (node.kind === 'constant') {
      check(!equalBytes(picked.hash, node.root), 'NothingWrong');
      this.#win('WrongConstant', { nodeIndex: index });
    } else if (move.kind === 'proveInput' && node.kind === 'input') {
      check(equalBytes(inputsCommitment(move.inputRoots), this.#inputs), 'InputsMismatch');
      check(node.slot < move.inputRoots.length, 'IndexOutOfRange');
      check(!equalBytes(picked.hash, move.inputRoots[node.slot]!), 'NothingWrong');
      this.#win('WrongInput', { nodeIndex: index });
    } else if (move.kind === 'proveAnswer' && node.kind === 'input') {
      check(equalBytes(outputsCommitment(move.answerRoots), this.#outputs), 'OutputNotClaimed');
      const answer = node.slot - this.#model.inputs.length;
      check(answer >= 0 && answer < move.answerRoots.length, 'IndexOutOfRange');
      check(!equalBytes(picked.hash, move.answerRoots[answer]!), 'NothingWrong');
      this.#win('WrongAnswer', { nodeIndex: index });
    } else {
      this.#disputed = disputedNode(move.node.descriptor, this.#subject);
      const next = intoTensor(position, index, node as LoopNode);
      this.#update(picked.hash, { kind: 'Picked', position: next });
    }
  }

  #revealChunk(chunk: Uint8Array): void {
    const position = this.#expect('Chunk');
    check(chunk.length === CHUNK_BYTES, 'LengthMismatch');
    check(equalBytes(keccakTagged(TAGS.TENSOR_CHUNK, chunk), this.#subject), 'StateMismatch');
    this.#update(this.#subject, { kind: 'ChunkRevealed', position: withPhase(position, 'Element'), chunk });
  }

  #describe({ descriptor, blockRoot }: Leaf): LoopNode {
    check(equalBytes(disputedNode(descriptor, blockRoot), this.#disputed), 'DescriptorMismatch');
    return decodeNode(descriptor) as LoopNode;
  }

  #openChunk(chunk: Uint8Array): void {
    check(chunk.length === CHUNK_BYTES, 'LengthMismatch');
    check(equalBytes(keccakTagged(TAGS.TENSOR_CHUNK, chunk), this.#subject), 'StateMismatch');
  }

  #element(move: Extract<Move, { kind: 'nameElement' | 'proveElement' }>): void {
    const position = this.#expect('Element');
    this.#openChunk(move.chunk);
    const stretch = inRange(() => elementAt(position, move.chunk, move.offset));
    if (move.kind === 'proveElement') {
      this.#leafCheck(move, stretch);
    } else {
      this.#divide(stretch);
    }
  }

  #divide(stretch: Position): void {
    check(stretch.hi - stretch.lo > stretch.grain, 'IntervalShort');
    this.#update(new Uint8Array(32), { kind: 'Picked', position: withPhase(stretch, 'Fold') });
  }

  #provePaddingByte({ chunk }: Extract<Move, { kind: 'provePaddingByte' }>): void {
    const position = this.#expect('Element');
    this.#openChunk(chunk);
    const end = position.lo - position.index * CHUNK_BYTES;
    check(
      chunk.some((byte, i) => i >= end && byte !== 0),
      'NothingWrong',
    );
    this.#win('WrongPadding', { nodeIndex: position.nodeIndex });
  }

  #postAccumulators(words: Uint8Array): void {
    const position = this.#expect('Fold');
    check(words.length === 4 * postedPositions(position).length, 'LengthMismatch');
    this.#update(words, { kind: 'AccumulatorsPosted', position: withPhase(position, 'Interval'), words });
  }

  #interval(move: Extract<Move, { kind: 'pickInterval' | 'proveInterval' }>): void {
    const position = this.#expect('Interval');
    check(equalBytes(move.words, this.#subject), 'StateMismatch');
    const stretch = inRange(() => intervalAt(position, move.words, move.interval));
    if (move.kind === 'proveInterval') {
      this.#leafCheck(move, stretch);
    } else {
      this.#divide(stretch);
    }
  }

  #leafCheck(move: Leaf, leaf: Position): void {
    const loop = this.#describe(move);
    const { index: element, lo: from, hi: to, accumulator, nodeIndex, traceDepth } = leaf;
    check(to - from <= leaf.grain, 'IntervalTooLong');
    const stretch = { element, from, to, accumulator };
    const commitments = {
      traceRoot: this.view.traceRoot!,
      blockRoot: move.blockRoot,
      nodeIndex,
      traceDepth,
    };
    const computed = replayWitness(loop, stretch, commitments, move.witness);
    check(computed !== leaf.word, 'NothingWrong');
    this.#win('WrongWord', { nodeIndex, stretch });
  }
}
