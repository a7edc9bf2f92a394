import type { Interface, LogDescription, TransactionReceipt } from 'ethers';
import type { Contracts } from '../../chain/contracts/contracts.ts';
import { eventsIn } from '../../chain/contracts/logs.ts';
import type { ClaimRecord, DisputeRecord } from '../../chain/contracts/world.ts';
import { explainOutcome } from '../../dispute/explain.ts';
import { decodePosition, type Phase, type Position, START } from '../../dispute/position.ts';
import {
  decodeWords,
  elementAt,
  intervalAt,
  levelsToReveal,
  postedPositions,
  REASONS,
  type Reason,
} from '../../dispute/rules.ts';
import { wordReader } from '../../engine/reference/word.ts';
import { bytesOfHex } from '../../merkle/keccak.ts';
import { blockLevels } from '../../program/blocks.ts';
import { decodeNode } from '../../program/codec.ts';
import { CHUNK_BYTES } from '../../program/limits.ts';
import { f32OfWord } from '../../scalar/machine.ts';
import type { LeafJson, MoveJson, Side, StepJson, WordJson } from '../api.ts';
import { floatText } from '../floatText.ts';

/** Transactions of one dispute that are read; no dispute of a program within the limits takes more. */
const MOST_MOVES = 256;

/** One event of a dispute, and the transaction that it is from. */
interface Told {
  readonly event: LogDescription;
  readonly receipt: TransactionReceipt;
}

export interface Walk {
  readonly moves: readonly MoveJson[];
  readonly walk: readonly StepJson[];
  readonly leaf: LeafJson | null;
}

const hexWord = (word: number): string => `0x${word.toString(16).padStart(8, '0')}`;

const wordJson = (word: number, dtype: string): WordJson => ({
  word: hexWord(word),
  value: dtype === 'f32' ? floatText(f32OfWord(word)) : `${word | 0}`,
});

const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

/** The dispute that an event is about; undefined if it is about none. */
const disputeIn = ({ args }: LogDescription): bigint | undefined =>
  args.toObject()['disputeId'] as bigint | undefined;

/** The move that an event tells of, in one sentence. */
function sentenceOf({ name, args }: LogDescription, before: Position, after: Position): string {
  switch (name) {
    case 'Opened':
      return 'The challenger ran the model again, got another answer, and challenges the claim.';
    case 'Revealed': {
      const hashes = plural((args['hashes'] as readonly string[]).length, 'hash', 'hashes');
      if (after.phase === 'TensorPick')
        return `The claimant shows ${hashes} of the tensor of node ${after.nodeIndex}.`;
      if (after.phase === 'NodePick') return `The claimant shows the tensors of a block: ${hashes}.`;
      return `The claimant shows ${hashes} of its trace.`;
    }
    case 'Picked':
      if (after.phase === 'NodeDemand')
        return `The challenger demands node ${after.nodeIndex} of the program, which it does not have.`;
      if (after.phase === 'Fold' && before.phase === 'Interval')
        return `The challenger finds the first difference between steps ${after.lo} and ${after.hi}.`;
      if (before.phase === 'Element')
        return `The challenger names element ${after.index} as the first wrong one.`;
      if (before.phase === 'NodePick')
        return `The challenger finds the first difference in the tensor of node ${after.nodeIndex}.`;
      if (before.phase === 'TensorPick')
        return 'The challenger goes down the tensor to the first difference.';
      return 'The challenger goes down the trace to the first difference.';
    case 'NodeOpened':
      return `The claimant opens node ${before.nodeIndex} of the program.`;
    case 'ChunkRevealed':
      return `The claimant shows the ${CHUNK_BYTES} bytes of chunk ${after.index} of node ${after.nodeIndex}.`;
    case 'AccumulatorsPosted': {
      const words = plural(bytesOfHex(args['words']).length / 4, 'intermediate sum');
      return `The claimant posts ${words} of element ${after.index}.`;
    }
    default:
      return 'The dispute ends.';
  }
}

/** The boxes that the claimant showed in one event, before one of them was picked. */
function stepOf({ name, args }: LogDescription, after: Position): StepJson | undefined {
  const { index, depthLeft, hi } = after;
  if (name === 'Revealed') {
    const boxes = (args['hashes'] as readonly string[]).length;
    if (after.phase === 'NodePick') {
      const first = index * 2 ** depthLeft;
      return { level: 'block', unit: 'node', first, size: 1, end: hi, boxes, picked: null, values: null };
    }
    const levels = levelsToReveal(depthLeft);
    const isTrace = after.phase === 'TracePick';
    const below = isTrace ? blockLevels(after.traceDepth) : 0;
    const size = 2 ** (depthLeft - levels + below);
    const level = isTrace ? 'trace' : 'tensor';
    const unit = isTrace ? 'nodes' : size === 1 ? 'chunk' : 'chunks';
    const first = index * 2 ** levels * size;
    return { level, unit, first, size, end: hi, boxes, picked: null, values: null };
  }
  if (name === 'ChunkRevealed') {
    const bytes = after.format % 128;
    const perChunk = CHUNK_BYTES / bytes;
    const first = index * perChunk;
    const end = Math.floor(after.lo / bytes);
    const boxes = Math.min(perChunk, end - first);
    const dtype = bytes === 4 ? 'i32' : after.format >= 128 ? 'i8' : 'u8';
    const read = wordReader(dtype, bytesOfHex(args['chunk']));
    // The position does not say whether four bytes are a float.
    const values = Array.from({ length: boxes }, (_, i) =>
      bytes === 4 ? hexWord(read(i)) : `${read(i) | 0}`,
    );
    return { level: 'chunk', unit: 'element', first, size: 1, end, boxes, picked: null, values };
  }
  if (name === 'AccumulatorsPosted') {
    const values = decodeWords(bytesOfHex(args['words'])).map(hexWord);
    const positions = postedPositions(after);
    const size = (positions[0] ?? after.hi) - after.lo;
    const boxes = values.length + 1;
    return { level: 'fold', unit: 'steps', first: after.lo, size, end: hi, boxes, picked: null, values };
  }
  return undefined;
}

/** The box that a challenger's event has picked of the level before it. */
function pickedBy(step: StepJson, before: Position, after: Position): number | undefined {
  switch (before.phase) {
    case 'TracePick':
    case 'TensorPick':
      return after.index - before.index * 2 ** levelsToReveal(before.depthLeft);
    case 'NodePick':
      return after.phase === 'NodeDemand' ? undefined : after.nodeIndex - step.first;
    case 'Element':
      return after.index - step.first;
    case 'Interval':
      return Math.floor((after.lo - step.first) / step.size);
    default:
      return undefined;
  }
}

/** A call of the game in a transaction, alone or among others. */
interface Call {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** Calls within calls that are looked into. */
const MOST_DEPTH = 4;

/** The last call about a dispute in a transaction to the game. @throws for data that Solidity reads and ethers does not */
function callIn(abi: Interface, data: string, disputeId: bigint, depth = 0): Call | undefined {
  const parsed = abi.parseTransaction({ data });
  if (!parsed || depth > MOST_DEPTH) return undefined;
  if (parsed.name === 'multicall') {
    const calls = [...(parsed.args[0] as Iterable<string>)];
    return calls.map((one) => callIn(abi, one, disputeId, depth + 1)).findLast((one) => one !== undefined);
  }
  const args = parsed.args.toObject() as Record<string, unknown>;
  return args['disputeId'] === disputeId ? { name: parsed.name, args } : undefined;
}

/** The arithmetic that ended a dispute, run once more by the referee. */
async function leafOf(
  { referee }: Contracts,
  { traceRoot }: ClaimRecord,
  before: Position,
  { name, args }: Call,
): Promise<LeafJson | null> {
  if (name !== 'proveElement' && name !== 'proveInterval') return null;
  const stretch =
    name === 'proveElement'
      ? elementAt(before, bytesOfHex(args['chunk'] as string), Number(args['offset']))
      : intervalAt(before, bytesOfHex(args['words'] as string), Number(args['interval']));
  const [descriptor, witness] = [args['descriptor'] as string, args['witness'] as string];
  const { dtype } = decodeNode(bytesOfHex(descriptor));
  const { nodeIndex, index: element, lo: from, hi: to, accumulator, word, traceDepth } = stretch;
  const commitments = {
    traceRoot: traceRoot ?? '',
    blockRoot: args['blockRoot'] as string,
    nodeIndex,
    traceDepth,
  };
  const computed = await referee
    .run(descriptor, element, from, to, accumulator, commitments, witness)
    .catch(() => undefined);
  return {
    ...{ node: nodeIndex, element, from, to, dtype },
    before: wordJson(accumulator, dtype),
    claimed: wordJson(word, dtype),
    computed: computed === undefined ? null : wordJson(Number(computed), dtype),
    witnessBytes: bytesOfHex(witness).length,
  };
}

const bySide = (name: string, before: Phase): Side | 'anybody' => {
  if (name === 'Opened' || name === 'Picked') return 'challenger';
  if (name !== 'Ended') return 'claimant';
  return ['TracePick', 'NodePick', 'TensorPick', 'Element', 'Interval'].includes(before)
    ? 'challenger'
    : 'anybody';
};

/**
 * Reads every move of a dispute from its transactions: who made it, what it says, what it cost, and where it led.
 *
 * @throws whatever the node says
 */
export async function readWalk(contracts: Contracts, record: DisputeRecord): Promise<Walk> {
  const { game, provider } = contracts;
  const { disputeId, claim } = record;
  const receipts = await Promise.all(
    record.moves.slice(0, MOST_MOVES).map((hash) => provider.getTransactionReceipt(hash)),
  );
  const told: Told[] = [];
  const movesIn = new Map<string, number>();
  for (const receipt of receipts) {
    if (!receipt) continue;
    const events = await eventsIn(game, receipt);
    const about = events.filter((event) => disputeIn(event) !== undefined);
    movesIn.set(receipt.hash, about.length);
    for (const event of about) if (disputeIn(event) === disputeId) told.push({ event, receipt });
  }
  const moves: MoveJson[] = [];
  const walk: StepJson[] = [];
  let position = START;
  for (const { event, receipt } of told) {
    const before = position;
    if ('dispute' in event.args.toObject())
      position = decodePosition(event.args['dispute'].position as bigint);
    const shown = stepOf(event, position);
    const last = walk.at(-1);
    if (shown) walk.push(shown);
    else if (event.name === 'Picked' && last) {
      const picked = pickedBy(last, before, position);
      if (picked !== undefined) walk[walk.length - 1] = { ...last, picked };
    }
    const isEnd = event.name === 'Ended';
    const winner: Side = event.args['winner'] === record.challenger ? 'challenger' : 'claimant';
    moves.push({
      transaction: receipt.hash,
      block: receipt.blockNumber,
      by: bySide(event.name, before.phase),
      sentence: isEnd
        ? explainOutcome(winner, REASONS[Number(event.args['reason'])] as Reason)
        : sentenceOf(event, before, position),
      gas: Number(receipt.gasUsed),
      shared: (movesIn.get(receipt.hash) ?? 1) - 1,
    });
  }
  const ending = told.find(({ event }) => event.name === 'Ended');
  const call = ending && (await endingCall(contracts, ending.receipt.hash, disputeId));
  if (!call) return { moves, walk, leaf: null };
  try {
    const leaf = await leafOf(contracts, claim, position, call);
    return { moves, walk: withEnd(walk, position, call, leaf), leaf };
  } catch {
    // Arguments of a stranger's call that no game has checked.
    return { moves, walk, leaf: null };
  }
}

/** The call that ended a dispute; undefined if it went to the game through a contract, or cannot be decoded. */
async function endingCall(
  { game, provider }: Contracts,
  hash: string,
  disputeId: bigint,
): Promise<Call | undefined> {
  const transaction = await provider.getTransaction(hash);
  // A call of any other contract may only look like one of the game.
  if (transaction?.to !== (await game.getAddress())) return undefined;
  try {
    return callIn(game.interface, transaction.data, disputeId);
  } catch {
    return undefined;
  }
}

/** The walk with the box that the last move was about. */
function withEnd(
  walk: readonly StepJson[],
  before: Position,
  { name, args }: Call,
  leaf: LeafJson | null,
): StepJson[] {
  const last = walk.at(-1);
  if (!last) return [...walk];
  const child = (args['picked'] as { child?: bigint } | undefined)?.child;
  const picked =
    name === 'proveInterval'
      ? Number(args['interval'])
      : name === 'proveElement'
        ? Number(args['offset'])
        : child === undefined || before.phase !== 'NodePick'
          ? null
          : Number(child);
  // Elements of four bytes are shown as what they are, now that the node is known.
  const isFloat = leaf?.dtype === 'f32';
  const readable = ({ values, ...step }: StepJson): StepJson => ({
    ...step,
    values:
      isFloat && values
        ? values.map((word) => floatText(f32OfWord(Number(word))))
        : (values?.map((word) => (word.startsWith('0x') ? `${Number(word) | 0}` : word)) ?? null),
  });
  return [...walk.slice(0, -1), { ...last, picked: picked ?? last.picked }].map((step) =>
    leaf ? readable(step) : step,
  );
}
