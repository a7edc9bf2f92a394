// Many disputes at once, moved by an adversary that sends as fast as a block takes it.

import { populateMove } from '../../../src/chain/contracts/move.ts';
import type { Terms } from '../../../src/chain/contracts/types.ts';
import type { DisputeRecord, World } from '../../../src/chain/contracts/world.ts';
import { moverOf } from '../../../src/chain/service/play.ts';
import { decodeClock, secondsLeft } from '../../../src/dispute/clock.ts';
import type { Move, Role } from '../../../src/dispute/move.ts';
import { isAboveBlocks, moveAboveBlocks, nextMove } from '../../../src/dispute/nextMove.ts';
import { hexOf } from '../../../src/merkle/keccak.ts';
import type { Runner } from '../../../src/store/runner.ts';
import { runOf } from '../../../src/store/shelf.ts';
import type { Rig } from './rig.ts';

/** Findings of a crowd. */
export interface CrowdFigures {
  readonly disputes: number;
  /** Share of its clock that the honest side had left in the worst dispute, after its last move. */
  readonly leastClockLeft: number;
  /** Moves of the honest side in the block with the most of them. */
  readonly mostMovesInABlock: number;
  /** Moves of the honest side, and blocks that had any. */
  readonly moves: number;
  readonly blocks: number;
  readonly transactions: number;
}

const role = (isClaimant: boolean): Role => (isClaimant ? 'claimant' : 'challenger');

/** The adversary's move in a dispute, if it is its turn and its false values leave one. */
async function moveIn(dispute: DisputeRecord, runner: Runner, side: Role): Promise<Move | undefined> {
  if (dispute.ended || dispute.claim.status !== 'open' || moverOf(dispute) !== side) return undefined;
  const { input, request } = dispute.claim.request;
  if (input.kind !== 'bytes') return undefined;
  const run = runOf(runner, request.modelId, async () => input.bytes, dispute.claim.answer);
  const move = isAboveBlocks(dispute.view)
    ? moveAboveBlocks(dispute.view, await run.commitment(), side)
    : nextMove(dispute.view, await run.trace(), side);
  // One that knows that it proves nothing lets its clock run.
  return move?.kind.startsWith('prove') ? undefined : move;
}

/** Sends all moves that are the adversary's. @returns how many */
export async function moveAll(
  rig: Rig,
  world: World,
  runner: Runner,
  index: number,
  isClaimant: boolean,
): Promise<number> {
  const calls: { to: string; data: string }[] = [];
  const fixed = new Set<bigint>();
  for (const dispute of world.disputes.values()) {
    const move = await moveIn(dispute, runner, role(isClaimant));
    if (!move) continue;
    // A trace is fixed once a claim; its other disputes show it in the next round.
    if (move.kind === 'commitTrace' && fixed.has(dispute.claim.claimId)) continue;
    if (move.kind === 'commitTrace') fixed.add(dispute.claim.claimId);
    calls.push(await populateMove(rig.contracts, dispute, move));
  }
  await rig.blast(index, calls);
  return calls.length;
}

/** Inputs on which a liar's output is not the right one. */
export async function seedsOfLies(rig: Rig, wrong: Runner, count: number): Promise<number[]> {
  const seeds: number[] = [];
  for (let seed = 1; seeds.length < count; seed++) {
    const input = hexOf(rig.input(seed));
    const [wrongOutput, rightOutput] = await Promise.all(
      [wrong, rig.shelf].map((one) => one.output(rig.modelId, input)),
    );
    if (wrongOutput !== rightOutput) seeds.push(seed);
  }
  return seeds;
}

/** Asks for many answers in as few blocks as take them. @param seeds of the inputs */
export async function askMany(
  rig: Rig,
  index: number,
  seeds: readonly number[],
  terms: Terms,
): Promise<void> {
  const calls = [];
  for (const seed of seeds) {
    const { request } = rig.contracts.oracle;
    calls.push(await request.populateTransaction(rig.modelId, rig.input(seed), terms, 0n));
  }
  await rig.blast(index, calls);
}

/** Claims on all open requests what a runner computes. */
export async function claimAll(rig: Rig, index: number, runner: Runner): Promise<void> {
  const calls = [];
  for (const { requestId, request, input } of (await rig.world()).requests.values()) {
    if (input.kind !== 'bytes') continue;
    const output = await runner.output(request.modelId, input.bytes);
    const value = request.terms.claimBondWei;
    const { to, data } = await rig.contracts.oracle.claim.populateTransaction(requestId, request, output);
    calls.push({ to, data, value });
  }
  await rig.blast(index, calls);
}

/** Challenges one claim many times. */
export async function challengeMany(rig: Rig, index: number, count: number): Promise<void> {
  const [claim] = [...(await rig.world()).claims.values()];
  const { claimId, request, outputs } = claim!;
  const value = request.request.terms.challengeBondWei;
  const { to, data } = await rig.contracts.oracle.challenge.populateTransaction(
    claimId,
    request.request,
    outputs,
  );
  await rig.blast(
    index,
    Array.from({ length: count }, () => ({ to, data, value })),
  );
}

/** The share of its clock that a side had left after its last move in a dispute. */
async function clockLeft(rig: Rig, record: DisputeRecord, side: Role): Promise<number> {
  const clock = decodeClock(record.dispute.clock);
  let seconds = secondsLeft(clock, side);
  // The move that ends a dispute is in no clock; one that another dispute has overtaken waits for nobody.
  if (record.ended && record.ended.reason !== 'ClaimAlreadyFalsified' && moverOf(record) === side) {
    const receipt = await rig.node.getTransactionReceipt(record.moves.at(-1) as string);
    seconds -= (await receipt!.getBlock()).timestamp - clock.lastMoveAt;
  }
  return seconds / Number(record.claim.request.request.terms.clockSeconds);
}

/** The least share of its clock that an account had left in a dispute, on its side. */
export async function leastClockLeft(rig: Rig, account: number, side: Role): Promise<number> {
  const address = rig.address(account);
  const watchersDisputes = [...(await rig.world()).disputes.values()].filter(
    ({ challenger, claim }) => (side === 'claimant' ? claim.claimant : challenger) === address,
  );
  return Math.min(...(await Promise.all(watchersDisputes.map((record) => clockLeft(rig, record, side)))));
}

/** Counts what the honest side did, from the chain. */
export async function figuresOf(rig: Rig, honest: number, isClaimant: boolean): Promise<CrowdFigures> {
  const { disputes } = await rig.world();
  const address = rig.address(honest);
  const { game } = rig.contracts;
  const moves = new Map<number, number>();
  let transactions = 0;
  const head = await rig.node.getBlockNumber();
  const to = await game.getAddress();
  for (let block = 0; block <= head; block++) {
    for (const one of (await rig.node.getBlock(block, true))!.prefetchedTransactions) {
      if (one.from !== address || one.to !== to) continue;
      transactions++;
      const call = game.interface.parseTransaction(one);
      const count = call?.name === 'multicall' ? (call.args['data'] as string[]).length : 1;
      moves.set(block, (moves.get(block) ?? 0) + count);
    }
  }
  return {
    disputes: disputes.size,
    leastClockLeft: await leastClockLeft(rig, honest, role(isClaimant)),
    mostMovesInABlock: Math.max(0, ...moves.values()),
    moves: [...moves.values()].reduce((sum, count) => sum + count, 0),
    blocks: moves.size,
    transactions,
  };
}
