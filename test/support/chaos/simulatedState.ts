import type { Dispute, Request } from '../../../src/chain/contracts/types.ts';
import { PLAIN_TERMS } from '../../../src/chain/contracts/types.ts';
import { encodePosition, type Phase, type Position, START } from '../../../src/dispute/position.ts';
import type { Reason } from '../../../src/dispute/rules.ts';
import { type DisputeView, follow, openedView, withTraceRoot } from '../../../src/dispute/view.ts';
import { bytesOfHex, hexOf } from '../../../src/merkle/keccak.ts';
import type { Random } from '../randomProgram.ts';

/**
 * The protocol as far as its events go, without models, money or proofs: who may do what next. It keeps records of its own,
 * with which those of an index are compared.
 */

export interface SimulatedDispute {
  readonly disputeId: bigint;
  readonly challenger: string;
  dispute: Dispute;
  subject: string;
  view: DisputeView;
  moves: string[];
  ended: { winner: string; reason: Reason } | undefined;
  /** Moves made so far, into {@link SCRIPT}. */
  step: number;
}

export interface SimulatedClaim {
  readonly claimId: bigint;
  readonly claimant: string;
  readonly outputs: string;
  readonly answer: string;
  readonly claimedAt: bigint;
  status: 'open' | 'final' | 'falsified';
  traceRoot: string | undefined;
  readonly disputes: SimulatedDispute[];
}

export interface SimulatedRequest {
  readonly requestId: bigint;
  readonly request: Request;
  readonly input: string;
  status: 'open' | 'closed' | 'answered' | 'cancelled';
  callback: 'notRun' | 'failed' | 'done';
  feeHeld: boolean;
  readonly claims: SimulatedClaim[];
}

export interface SimulatedState {
  readonly requests: SimulatedRequest[];
  disputeCount: bigint;
}

/** An event as its interface encodes it. */
export interface SimulatedEvent {
  readonly contract: 'oracle' | 'game';
  readonly name: string;
  readonly args: readonly unknown[];
}

const TRACE = { traceDepth: 13 };
const TENSOR = { traceDepth: 13, hi: 64, word: 2000 };

/** The events of a whole dispute, with where each leads: a trace of 256 blocks, a tensor of 64 chunks, a fold of 2,000 steps. */
const SCRIPT: readonly (readonly [name: string, place: Partial<Position> & { readonly phase: Phase }])[] = [
  ['Revealed', { ...TRACE, phase: 'TracePick', depthLeft: 8 }],
  ['Picked', { ...TRACE, phase: 'TraceReveal', depthLeft: 4 }],
  ['Revealed', { ...TRACE, phase: 'TracePick', depthLeft: 4 }],
  ['Picked', { ...TRACE, phase: 'NodeReveal', depthLeft: 5 }],
  ['Revealed', { ...TRACE, phase: 'NodePick', depthLeft: 5 }],
  ['Picked', { ...TENSOR, phase: 'TensorReveal', depthLeft: 6 }],
  ['Revealed', { ...TENSOR, phase: 'TensorPick', depthLeft: 6 }],
  ['Picked', { ...TENSOR, phase: 'TensorReveal', depthLeft: 3 }],
  ['Revealed', { ...TENSOR, phase: 'TensorPick', depthLeft: 3 }],
  ['Picked', { ...TENSOR, phase: 'Chunk' }],
  ['ChunkRevealed', { ...TENSOR, phase: 'Element' }],
  ['Picked', { phase: 'Fold', hi: 2000, grain: 10 }],
  ['AccumulatorsPosted', { phase: 'Interval', hi: 2000, grain: 10 }],
  ['Picked', { phase: 'Fold', lo: 63, hi: 126, grain: 10 }],
  ['AccumulatorsPosted', { phase: 'Interval', lo: 63, hi: 126, grain: 10 }],
];

const ACCOUNTS = Array.from({ length: 4 }, (_, i) => `0x${`${i + 1}`.repeat(40)}`);

const hash = (random: Random): string => hexOf(random.bytes(32));

export interface Moment {
  readonly timestamp: bigint;
  readonly transaction: string;
}

function ask(state: SimulatedState, random: Random, { timestamp }: Moment): SimulatedEvent[] {
  const request: Request = {
    requester: random.pick(ACCOUNTS),
    feeWei: BigInt(random.below(1000)),
    modelId: hash(random),
    inputs: hash(random),
    requestedAt: timestamp,
    terms: {
      ...PLAIN_TERMS,
      claimBondWei: 1000n,
      challengeBondWei: 500n,
      windowSeconds: 3600n,
      clockSeconds: 3600n,
      patienceSeconds: 60n,
      callbackGas: 0n,
    },
  };
  const requestId = BigInt(state.requests.length + 1);
  const input = hexOf(random.bytes(random.chance(10) ? 5000 : random.below(100)));
  state.requests.push({
    requestId,
    request,
    input,
    status: 'open',
    callback: 'notRun',
    feeHeld: false,
    claims: [],
  });
  const args = [requestId, request.modelId, request.requester, request, input];
  return [{ contract: 'oracle', name: 'Requested', args }];
}

function claim(asked: SimulatedRequest, random: Random, { timestamp }: Moment): SimulatedEvent[] {
  const claimId = (asked.requestId << 32n) | BigInt(asked.claims.length + 1);
  const claimant = random.pick(ACCOUNTS);
  const [outputs, answer] = [hash(random), hexOf(random.bytes(random.below(60)))];
  const claimedAt = timestamp;
  asked.claims.push({
    ...{ claimId, claimant, outputs, answer, claimedAt },
    ...{ status: 'open', traceRoot: undefined, disputes: [] },
  });
  return [{ contract: 'oracle', name: 'Claimed', args: [claimId, claimant, outputs, answer] }];
}

const clockAt = (timestamp: bigint): bigint => (timestamp << 56n) | (3600n << 28n) | 3600n;

function challenge(
  state: SimulatedState,
  claim: SimulatedClaim,
  random: Random,
  moment: Moment,
): SimulatedEvent[] {
  const disputeId = ++state.disputeCount;
  const challenger = random.pick(ACCOUNTS);
  const dispute: Dispute = {
    claimant: claim.claimant,
    challenger,
    clock: clockAt(moment.timestamp),
    stake: (claim.claimId << 160n) | (1000n << 80n) | 500n,
    program: hash(random),
    position: encodePosition(START),
  };
  claim.disputes.push({
    ...{ disputeId, challenger, dispute, subject: `0x${'00'.repeat(32)}` },
    ...{ moves: [moment.transaction], ended: undefined, step: 0 },
    view: openedView(claim.traceRoot === undefined ? undefined : bytesOfHex(claim.traceRoot)),
  });
  return [{ contract: 'game', name: 'Opened', args: [disputeId, claim.claimId, challenger, dispute] }];
}

function fixTrace(claim: SimulatedClaim, random: Random): SimulatedEvent[] {
  if (claim.traceRoot !== undefined) return [];
  claim.traceRoot = hash(random);
  for (const one of claim.disputes) one.view = withTraceRoot(one.view, bytesOfHex(claim.traceRoot));
  return [{ contract: 'game', name: 'TraceCommitted', args: [claim.claimId, claim.traceRoot] }];
}

function move(
  claim: SimulatedClaim,
  one: SimulatedDispute,
  random: Random,
  moment: Moment,
): SimulatedEvent[] {
  const [name, place] = SCRIPT[one.step++] as (typeof SCRIPT)[number];
  const fixed = one.step === 1 ? fixTrace(claim, random) : [];
  const position: Position = { ...START, ...place };
  one.dispute = { ...one.dispute, clock: clockAt(moment.timestamp), position: encodePosition(position) };
  one.subject = hash(random);
  if (one.moves.at(-1) !== moment.transaction) one.moves.push(moment.transaction);
  const args: unknown[] = [one.disputeId, one.dispute, one.subject];
  if (name === 'Revealed') {
    const hashes = random.times(4, () => random.bytes(32));
    args.push(hashes.map(hexOf));
    one.view = follow(one.view, { kind: 'Revealed', position, hashes });
  } else if (name === 'ChunkRevealed') {
    const chunk = random.bytes(256);
    args.push(hexOf(chunk));
    one.view = follow(one.view, { kind: 'ChunkRevealed', position, chunk });
  } else if (name === 'AccumulatorsPosted') {
    const words = random.bytes(8);
    args.push(hexOf(words));
    one.view = follow(one.view, { kind: 'AccumulatorsPosted', position, words });
  } else one.view = follow(one.view, { kind: 'Picked', position });
  return [...fixed, { contract: 'game', name, args }];
}

function end(claim: SimulatedClaim, one: SimulatedDispute, random: Random, moment: Moment): SimulatedEvent[] {
  const isOvertaken = claim.status === 'falsified';
  const challengerWins = isOvertaken || random.chance(60);
  const reason: Reason = isOvertaken
    ? 'ClaimAlreadyFalsified'
    : challengerWins
      ? 'WrongWord'
      : 'ChallengerTimeout';
  const winner = challengerWins ? one.challenger : claim.claimant;
  one.ended = { winner, reason };
  if (one.moves.at(-1) !== moment.transaction) one.moves.push(moment.transaction);
  const code = { ClaimAlreadyFalsified: 7, WrongWord: 2, ChallengerTimeout: 1 }[reason as never] as number;
  const ended: SimulatedEvent = {
    contract: 'game',
    name: 'Ended',
    args: [one.disputeId, claim.claimId, winner, code],
  };
  if (!challengerWins || isOvertaken) return [ended];
  claim.status = 'falsified';
  return [ended, { contract: 'oracle', name: 'ClaimFalsified', args: [claim.claimId, winner, 500n, 500n] }];
}

function finalize(asked: SimulatedRequest, claim: SimulatedClaim, random: Random): SimulatedEvent[] {
  claim.status = 'final';
  const events: SimulatedEvent[] = [{ contract: 'oracle', name: 'ClaimFinalized', args: [claim.claimId] }];
  if (asked.status !== 'open') return events;
  asked.status = 'answered';
  asked.feeHeld = asked.request.feeWei !== 0n && BigInt.asUintN(32, claim.claimId) !== 1n;
  events.push({
    contract: 'oracle',
    name: 'Answered',
    args: [asked.requestId, claim.claimId, claim.outputs],
  });
  if (asked.feeHeld && random.chance(50)) {
    asked.feeHeld = false;
    events.push({ contract: 'oracle', name: 'FeePaid', args: [asked.requestId, claim.claimId] });
  }
  if (random.chance(50)) return events;
  asked.callback = random.chance(50) ? 'done' : 'failed';
  const isDone = asked.callback === 'done';
  events.push({
    contract: 'oracle',
    name: isDone ? 'CallbackRun' : 'CallbackFailed',
    args: isDone ? [asked.requestId] : [asked.requestId, '0x'],
  });
  return events;
}

/** Changes the state by one thing that the protocol allows. @returns the events of that transaction */
export function actAtRandom(state: SimulatedState, random: Random, moment: Moment): SimulatedEvent[] {
  const asked = state.requests.length > 0 ? random.pick(state.requests) : undefined;
  if (!asked || random.chance(15)) return ask(state, random, moment);
  const open = asked.claims.filter(({ status }) => status === 'open');
  const running = asked.claims.flatMap((claim) =>
    claim.disputes.filter(({ ended }) => !ended).map((one) => [claim, one] as const),
  );
  if (running.length > 0 && random.chance(70)) {
    const [claim, one] = random.pick(running);
    const isOver = one.step === SCRIPT.length || claim.status === 'falsified' || random.chance(5);
    return isOver ? end(claim, one, random, moment) : move(claim, one, random, moment);
  }
  if (open.length > 0) {
    const claim = random.pick(open);
    if (random.chance(50)) return challenge(state, claim, random, moment);
    if (!claim.disputes.some(({ ended }) => !ended)) return finalize(asked, claim, random);
  }
  if (asked.status === 'open') {
    if (open.length === 0 && random.chance(10)) {
      asked.status = 'cancelled';
      return [{ contract: 'oracle', name: 'Cancelled', args: [asked.requestId] }];
    }
    return claim(asked, random, moment);
  }
  return ask(state, random, moment);
}
