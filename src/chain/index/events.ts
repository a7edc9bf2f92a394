import type { EventFragment, Interface, Result } from 'ethers';
import { IDisputeGame__factory, IInferenceOracle__factory } from '#typechain';
import { bytesOfHex } from '../../merkle/keccak.ts';
import { textIn } from '../contracts/logs.ts';
import { type Address, type Dispute, type Hex, type Request, requestOf } from '../contracts/types.ts';
import type { Numbered } from './gaps.ts';
import { MOST_IDS, UnusableAnswer } from './untrue.ts';

/** A log as `eth_getLogs` gives it. */
export interface RawLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
  readonly blockNumber: string;
  readonly blockHash: string;
  readonly blockTimestamp?: string;
  readonly transactionHash: string;
  readonly logIndex: string;
  readonly removed?: boolean;
}

/** Tensors of an event; bytes are kept beside the events, under their hash. */
export type EventTensors<Bytes> =
  | { readonly kind: 'bytes'; readonly bytes: Bytes }
  | { readonly kind: 'roots'; readonly roots: readonly Hex[]; readonly uri: string };

/** Events that move a dispute on: its new state, and what the mover showed. */
export type MoveName = 'Revealed' | 'Picked' | 'NodeOpened' | 'ChunkRevealed' | 'AccumulatorsPosted';

/** The events of both contracts, as far as anything follows from them. */
export type Content<Bytes> =
  | { readonly name: 'Requested'; readonly request: Request; readonly input: EventTensors<Bytes> }
  | {
      readonly name: 'Claimed';
      readonly claimId: bigint;
      readonly claimant: Address;
      readonly outputs: Hex;
      readonly answer: EventTensors<Bytes>;
    }
  | { readonly name: 'ClaimFalsified' | 'ClaimFinalized'; readonly claimId: bigint }
  | { readonly name: 'Answered'; readonly claimId: bigint }
  | { readonly name: 'Closed' | 'Cancelled' | 'FeePaid' | 'CallbackRun' | 'CallbackFailed' }
  | {
      readonly name: 'Opened';
      readonly disputeId: bigint;
      readonly claimId: bigint;
      readonly challenger: Address;
      readonly dispute: Dispute;
    }
  | { readonly name: 'TraceCommitted'; readonly claimId: bigint; readonly traceRoot: Hex }
  | {
      readonly name: MoveName;
      readonly disputeId: bigint;
      readonly dispute: Dispute;
      readonly subject: Hex;
      /** The hashes of a reveal; else one entry: a descriptor, a chunk or accumulators. Empty for a pick. */
      readonly shown: readonly Uint8Array[];
    }
  | {
      readonly name: 'Ended';
      readonly disputeId: bigint;
      readonly claimId: bigint;
      readonly winner: Address;
      readonly reason: number;
    };

/** Where an event stands in the chain. Within a block `logIndex` counts the logs of all contracts. */
export interface LogPosition {
  readonly blockNumber: number;
  readonly blockHash: Hex;
  readonly logIndex: number;
  readonly transaction: Hex;
  /** Unix seconds of the block, where the node says it with the log. */
  readonly timestamp: bigint | undefined;
}

/** An event, and the request that it belongs to: every event names it, directly or within another id. */
export interface ChainEvent<Bytes> {
  readonly requestId: bigint;
  readonly place: LogPosition;
  readonly content: Content<Bytes>;
}

const oracle = IInferenceOracle__factory.createInterface();
const game = IDisputeGame__factory.createInterface();

interface Signature {
  readonly abi: Interface;
  readonly event: EventFragment;
}

/** All events that {@link decode} understands by the hash of their signature, which ethers would compute for every log. */
const SIGNATURES: ReadonlyMap<string, Signature> = new Map(
  [oracle, game].flatMap((abi) => {
    const entries: [string, Signature][] = [];
    (abi as Interface).forEachEvent((event) => {
      entries.push([event.topicHash, { abi: abi as Interface, event }]);
    });
    return entries;
  }),
);

/** Ethers hands structs out as arrays with names; this keeps the names. */
const plain = <T>(struct: unknown): T => (struct as { toObject(deep: true): T }).toObject(true);

/** Roots that an event has under a name, and where their bytes are said to be. */
const rootsIn = (args: Result, name: string): EventTensors<Uint8Array> => ({
  kind: 'roots',
  roots: [...(args[name] as Iterable<Hex>)],
  uri: textIn(args, 'uri'),
});

/** `bytesOfHex` for what ethers has checked, without its own checks: inputs may have hundreds of kilobytes. */
const bytesFromHex: (hex: string) => Uint8Array =
  // A browser has no Buffer.
  'Buffer' in globalThis ? (hex) => new Uint8Array(Buffer.from(hex.slice(2), 'hex')) : bytesOfHex;

/** A dispute's stake holds the claim's id in its highest bits, see `types/Stake.sol`. */
const claimIn = ({ stake }: Dispute): bigint => stake >> 160n;

function shownBy(name: MoveName, args: Result): Uint8Array[] {
  if (name === 'Revealed') return [...(args['hashes'] as Iterable<Hex>)].map(bytesOfHex);
  if (name === 'Picked') return [];
  const field = { NodeOpened: 'descriptor', ChunkRevealed: 'chunk', AccumulatorsPosted: 'words' }[name];
  return [bytesFromHex(args[field])];
}

/** The content of an event, and its request. */
function contentOf(name: string, args: Result): [requestId: bigint, Content<Uint8Array>] | undefined {
  switch (name) {
    case 'Requested':
    case 'RequestedByRoot': {
      const { requestId, request } = args;
      const input: EventTensors<Uint8Array> =
        name === 'Requested'
          ? { kind: 'bytes', bytes: bytesFromHex(args['input']) }
          : rootsIn(args, 'inputRoots');
      return [requestId, { name: 'Requested', request: plain(request), input }];
    }
    case 'Claimed':
    case 'ClaimedByRoot': {
      const { claimId, claimant, outputs } = args;
      const answer: EventTensors<Uint8Array> =
        name === 'Claimed'
          ? { kind: 'bytes', bytes: bytesFromHex(args['output']) }
          : rootsIn(args, 'outputRoots');
      return [requestOf(claimId), { name: 'Claimed', claimId, claimant, outputs, answer }];
    }
    case 'ClaimFalsified':
    case 'ClaimFinalized':
      return [requestOf(args['claimId']), { name, claimId: args['claimId'] }];
    case 'Answered':
      return [args['requestId'], { name, claimId: args['claimId'] }];
    case 'Closed':
    case 'FeePaid':
    case 'Cancelled':
    case 'CallbackRun':
    case 'CallbackFailed':
      return [args['requestId'], { name }];
    case 'Opened': {
      const { disputeId, claimId, challenger, dispute } = args;
      return [requestOf(claimId), { name, disputeId, claimId, challenger, dispute: plain(dispute) }];
    }
    case 'TraceCommitted':
      return [requestOf(args['claimId']), { name, claimId: args['claimId'], traceRoot: args['traceRoot'] }];
    case 'Revealed':
    case 'Picked':
    case 'NodeOpened':
    case 'ChunkRevealed':
    case 'AccumulatorsPosted': {
      const dispute = plain<Dispute>(args['dispute']);
      const { disputeId, subject } = args;
      return [requestOf(claimIn(dispute)), { name, disputeId, dispute, subject, shown: shownBy(name, args) }];
    }
    case 'Ended': {
      const { disputeId, claimId, winner, reason } = args;
      return [requestOf(claimId), { name, disputeId, claimId, winner, reason: Number(reason) }];
    }
    default:
      return undefined;
  }
}

/** Is told of a log that cannot be decoded, and of the request or dispute that it would have made known. */
export type OnUnreadable = (log: RawLog, failure: unknown, first: [Numbered, bigint] | undefined) => void;

const ignore: OnUnreadable = () => undefined;

/** The request or dispute that a log is the first event of, by its topics alone. */
function firstIn(name: string, { topics: [, id = ''] }: RawLog): [Numbered, bigint] | undefined {
  const kind = name.startsWith('Requested') ? 'request' : name === 'Opened' ? 'dispute' : undefined;
  return kind && /^0x[0-9a-f]{64}$/i.test(id) ? [kind, BigInt(id)] : undefined;
}

function placeOf(log: RawLog): LogPosition {
  const { blockHash, transactionHash: transaction, blockTimestamp } = log;
  const [blockNumber, logIndex] = [Number(log.blockNumber), Number(log.logIndex)];
  const isPlace = Number.isSafeInteger(blockNumber) && Number.isSafeInteger(logIndex);
  if (!isPlace || typeof blockHash !== 'string' || typeof transaction !== 'string')
    throw new Error('the node does not say where it is');
  const timestamp = blockTimestamp === undefined ? undefined : BigInt(blockTimestamp);
  return { blockNumber, blockHash, logIndex, transaction, timestamp };
}

const isId = (id: bigint): boolean => id >= 0n && id < MOST_IDS;

/** RULE: ids and times are kept as numbers that are exact; no contract gives out others. @throws UnusableAnswer */
function requirePossible({ requestId, place, content }: ChainEvent<Uint8Array>): void {
  const { blockNumber, timestamp = 0n } = place;
  const isTime = timestamp >= 0n && timestamp <= BigInt(Number.MAX_SAFE_INTEGER);
  if (isTime && isId(requestId) && (!('disputeId' in content) || isId(content.disputeId))) return;
  const ids = 'disputeId' in content ? `${requestId}, dispute ${content.disputeId}` : `${requestId}`;
  throw new UnusableAnswer(
    `the node tells of ${content.name} for request ${ids} in block ${blockNumber}, at the time ${timestamp}, which cannot be`,
  );
}

/**
 * @returns undefined for a log of another event, and for one that cannot be decoded, of which `onUnreadable` is told
 * @throws UnusableAnswer for an id or a time that cannot be
 */
export function decode(log: RawLog, onUnreadable = ignore): ChainEvent<Uint8Array> | undefined {
  const signature = SIGNATURES.get(log.topics?.[0] ?? '');
  if (!signature) return undefined;
  const { abi, event } = signature;
  let decoded: ChainEvent<Uint8Array> | undefined;
  try {
    const found = contentOf(event.name, abi.decodeEventLog(event, log.data, log.topics));
    decoded = found && { requestId: found[0], content: found[1], place: placeOf(log) };
  } catch (failure) {
    onUnreadable(log, failure, firstIn(event.name, log));
    return undefined;
  }
  if (decoded) requirePossible(decoded);
  return decoded;
}

export const decodeAll = (logs: readonly RawLog[], onUnreadable = ignore): ChainEvent<Uint8Array>[] =>
  logs.flatMap((log) => decode(log, onUnreadable) ?? []);
