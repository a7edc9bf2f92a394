import { decodePosition, type Position } from '../../dispute/position.ts';
import { REASONS, type Reason } from '../../dispute/rules.ts';
import { type DisputeView, follow, openedView, type Update, withTraceRoot } from '../../dispute/view.ts';
import { bytesOfHex, hexOf } from '../../merkle/keccak.ts';
import { claimNumber, type Hex } from '../contracts/types.ts';
import type { Case, ClaimRecord, DisputeRecord, RequestRecord, Tensors } from '../contracts/world.ts';
import { isOneMove } from './continuity.ts';
import type { ChainEvent, Content, EventTensors, LogPosition, MoveName } from './events.ts';

/** Gives bytes that are kept beside the events. */
export type ReadBytes = (hash: Hex) => Hex;

const ZERO_HASH = `0x${'00'.repeat(32)}`;

const tensorsFrom = (tensors: EventTensors<Hex>, read: ReadBytes): Tensors =>
  tensors.kind === 'roots'
    ? tensors
    : {
        kind: 'bytes',
        get bytes() {
          return read(tensors.bytes);
        },
      };

type Moved = Extract<Content<Hex>, { name: MoveName }>;

/** An event of a dispute as its parties see it. */
function updateFrom({ name, shown }: Moved, position: Position): Update {
  const [bytes = new Uint8Array(0)] = shown;
  switch (name) {
    case 'Revealed':
      return { kind: name, position, hashes: shown };
    case 'Picked':
      return { kind: name, position };
    case 'NodeOpened':
      return { kind: name, position, descriptor: bytes };
    case 'ChunkRevealed':
      return { kind: name, position, chunk: bytes };
    case 'AccumulatorsPosted':
      return { kind: name, position, words: bytes };
  }
}

/** The records built so far from the events of one request. */
interface Draft {
  request: RequestRecord | undefined;
  readonly claims: Map<bigint, Omit<ClaimRecord, 'request'>>;
  readonly disputes: Map<bigint, DraftDispute>;
}

interface DraftDispute extends Omit<DisputeRecord, 'claim'> {
  readonly claimId: bigint;
  /** Whether every position follows from the one before by one move. */
  readonly isWhole: boolean;
}

function applyRequest(draft: Draft, changes: Partial<RequestRecord>): void {
  if (draft.request) draft.request = { ...draft.request, ...changes };
}

function applyClaim(draft: Draft, claimId: bigint, changes: Partial<ClaimRecord>): void {
  const claim = draft.claims.get(claimId);
  if (claim) draft.claims.set(claimId, { ...claim, ...changes });
}

/** One root for all disputes on a claim, those that wait for it included. */
function fixTrace(draft: Draft, claimId: bigint, traceRoot: Hex): void {
  applyClaim(draft, claimId, { traceRoot });
  for (const [disputeId, dispute] of draft.disputes) {
    if (dispute.claimId !== claimId) continue;
    draft.disputes.set(disputeId, { ...dispute, view: withTraceRoot(dispute.view, bytesOfHex(traceRoot)) });
  }
}

function applyDispute(
  draft: Draft,
  disputeId: bigint,
  transaction: Hex,
  change: (view: DisputeView) => Partial<DraftDispute>,
): void {
  const dispute = draft.disputes.get(disputeId);
  if (!dispute) return;
  const moves = dispute.moves.at(-1) === transaction ? dispute.moves : [...dispute.moves, transaction];
  draft.disputes.set(disputeId, { ...dispute, moves, ...change(dispute.view) });
}

function apply(draft: Draft, { requestId, place, content }: ChainEvent<Hex>, read: ReadBytes): void {
  switch (content.name) {
    case 'Requested':
      draft.request = {
        requestId,
        request: content.request,
        input: tensorsFrom(content.input, read),
        status: 'open',
        callback: 'notRun',
        feeHeld: false,
      };
      break;
    case 'Claimed': {
      const { claimId, claimant, outputs, answer } = content;
      draft.claims.set(claimId, {
        claimId,
        claimant,
        outputs,
        answer: tensorsFrom(answer, read),
        claimedAt: place.timestamp ?? 0n,
        status: 'open',
        traceRoot: undefined,
      });
      break;
    }
    case 'ClaimFalsified':
      applyClaim(draft, content.claimId, { status: 'falsified' });
      break;
    case 'ClaimFinalized':
      applyClaim(draft, content.claimId, { status: 'final' });
      break;
    case 'Answered':
      applyRequest(draft, {
        status: 'answered',
        // The first claim has none before it that the fee might belong to.
        feeHeld: draft.request?.request.feeWei !== 0n && claimNumber(content.claimId) !== 1,
      });
      break;
    case 'Closed':
      applyRequest(draft, { status: 'closed' });
      break;
    case 'Cancelled':
      applyRequest(draft, { status: 'cancelled' });
      break;
    case 'FeePaid':
      applyRequest(draft, { feeHeld: false });
      break;
    case 'CallbackRun':
    case 'CallbackFailed':
      applyRequest(draft, { callback: content.name === 'CallbackRun' ? 'done' : 'failed' });
      break;
    case 'Opened': {
      const { disputeId, claimId, challenger, dispute } = content;
      const traceRoot = draft.claims.get(claimId)?.traceRoot;
      draft.disputes.set(disputeId, {
        disputeId,
        claimId,
        challenger,
        dispute,
        subject: ZERO_HASH,
        view: openedView(traceRoot ? bytesOfHex(traceRoot) : undefined),
        moves: [place.transaction],
        ended: undefined,
        isWhole: true,
      });
      break;
    }
    case 'TraceCommitted':
      fixTrace(draft, content.claimId, content.traceRoot);
      break;
    case 'Ended': {
      const { winner, reason } = content;
      const ended = { winner, reason: REASONS[reason] as Reason };
      applyDispute(draft, content.disputeId, place.transaction, () => ({ ended }));
      break;
    }
    default: {
      const { dispute, subject } = content;
      const position = decodePosition(dispute.position);
      const isMissed = !isOneMove(draft.disputes.get(content.disputeId)?.view.position ?? position, position);
      applyDispute(draft, content.disputeId, place.transaction, (view) => ({
        dispute,
        subject,
        view: follow(view, updateFrom(content, position)),
        ...(isMissed ? { isWhole: false } : {}),
      }));
    }
  }
}

/** Makes a case from its events alone: the same events make the same case, whatever came in between. */
export class CaseBuilder {
  readonly #draft: Draft = { request: undefined, claims: new Map(), disputes: new Map() };
  readonly #read: ReadBytes;
  #count = 0;
  #first: LogPosition | undefined;
  #last: LogPosition | undefined;
  #hasFailed = false;

  constructor(read: ReadBytes) {
    this.#read = read;
  }

  /** Events added so far. */
  get count(): number {
    return this.#count;
  }

  get first(): LogPosition | undefined {
    return this.#first;
  }

  get last(): LogPosition | undefined {
    return this.#last;
  }

  /** @param events of one request, in the order of the chain, after all that were added before */
  add(events: readonly ChainEvent<Hex>[]): this {
    for (const event of events) {
      try {
        apply(this.#draft, event, this.#read);
      } catch {
        // Values that no contract of this release gives: the records are not whole, and no other request suffers.
        this.#hasFailed = true;
      }
    }
    this.#count += events.length;
    this.#first ??= events[0]?.place;
    this.#last = events.at(-1)?.place ?? this.#last;
    return this;
  }

  /** Whether no event is missing in between in any dispute that has not ended, and each could be read. */
  get isWhole(): boolean {
    return (
      !this.#hasFailed && [...this.#draft.disputes.values()].every(({ ended, isWhole }) => ended || isWhole)
    );
  }

  /** @returns undefined if the request itself is not among the events */
  build(): Case | undefined {
    const { request } = this.#draft;
    if (!request) return undefined;
    const claims = new Map<bigint, ClaimRecord>();
    for (const [claimId, claim] of this.#draft.claims) claims.set(claimId, { ...claim, request });
    const disputes = new Map<bigint, DisputeRecord>();
    for (const [disputeId, { claimId, isWhole: _, ...dispute }] of this.#draft.disputes) {
      const claim = claims.get(claimId);
      if (claim) disputes.set(disputeId, { ...dispute, claim });
    }
    return { request, claims, disputes };
  }
}

/** Events without their bytes, and what gives those, for bytes that are kept nowhere else. */
function inMemory(events: readonly ChainEvent<Uint8Array>[]): [ChainEvent<Hex>[], ReadBytes] {
  const kept: Uint8Array[] = [];
  const keep = (tensors: EventTensors<Uint8Array>): EventTensors<Hex> =>
    tensors.kind === 'roots' ? tensors : { kind: 'bytes', bytes: `${kept.push(tensors.bytes) - 1}` };
  const sorted = [...events].sort(
    ({ place: a }, { place: b }) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex,
  );
  const once = sorted.filter(({ place }, i) => {
    const before = sorted[i - 1]?.place;
    return before?.blockNumber !== place.blockNumber || before.logIndex !== place.logIndex;
  });
  const light = once.map((event): ChainEvent<Hex> => {
    const { content } = event;
    if (content.name === 'Requested')
      return { ...event, content: { ...content, input: keep(content.input) } };
    if (content.name === 'Claimed')
      return { ...event, content: { ...content, answer: keep(content.answer) } };
    return { ...event, content };
  });
  return [light, (place) => hexOf(kept[Number(place)] as Uint8Array)];
}

/**
 * The case of one request from all of its events, with their bytes in memory.
 *
 * @param times Unix seconds of blocks by their numbers, for events that come without
 */
export function caseFrom(
  events: readonly ChainEvent<Uint8Array>[],
  times: ReadonlyMap<number, bigint>,
): Case | undefined {
  const timed = events.map((event) => {
    const { place } = event;
    return { ...event, place: { ...place, timestamp: place.timestamp ?? times.get(place.blockNumber) } };
  });
  const [light, read] = inMemory(timed);
  return new CaseBuilder(read).add(light).build();
}
