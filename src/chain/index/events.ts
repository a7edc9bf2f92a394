import type { EventFragment, Interface, Result } from 'ethers';
import { IDisputeGame__factory, IInferenceOracle__factory } from '#typechain';
import { bytesOfHex } from '../../merkle/keccak.ts';
import { type Address, type Dispute, type Hex, type Request, requestOf } from '../contracts/types.ts';

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

/** The last arguments of an event: bytes, or roots and where the bytes are said to be. */
const tensorsIn = ([tensors, uri]: readonly unknown[]): EventTensors<Uint8Array> =>
  typeof tensors === 'string'
    ? { kind: 'bytes', bytes: bytesFromHex(tensors) }
    : { kind: 'roots', roots: [...(tensors as Iterable<Hex>)], uri: uri as string };

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
      const [requestId, , , request, ...input] = args;
      return [requestId, { name: 'Requested', request: plain(request), input: tensorsIn(input) }];
    }
    case 'Claimed':
    case 'ClaimedByRoot': {
      const [claimId, claimant, outputs, ...answer] = args;
      return [requestOf(claimId), { name: 'Claimed', claimId, claimant, outputs, answer: tensorsIn(answer) }];
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

/** @returns undefined for a log of another event */
export function decode(log: RawLog): ChainEvent<Uint8Array> | undefined {
  const signature = SIGNATURES.get(log.topics[0] ?? '');
  if (!signature) return undefined;
  const { abi, event } = signature;
  const found = contentOf(event.name, abi.decodeEventLog(event, log.data, log.topics));
  if (!found) return undefined;
  const [requestId, content] = found;
  return {
    requestId,
    content,
    place: {
      blockNumber: Number(log.blockNumber),
      blockHash: log.blockHash,
      logIndex: Number(log.logIndex),
      transaction: log.transactionHash,
      timestamp: log.blockTimestamp === undefined ? undefined : BigInt(log.blockTimestamp),
    },
  };
}

export const decodeAll = (logs: readonly RawLog[]): ChainEvent<Uint8Array>[] =>
  logs.flatMap((log) => decode(log) ?? []);
