// Counts what became of claims and disputes, from the node's logs alone: not through the index that is tried.
import type { World } from '../../../src/chain/contracts/world.ts';
import type { Rig } from './rig.ts';

export interface TalliedClaim {
  readonly claimId: bigint;
  readonly requestId: bigint;
  readonly claimant: string;
  /** Whether its output is that of an honest run. */
  readonly isRight: boolean;
  status: 'open' | 'final' | 'falsified';
}

export interface TalliedDispute {
  readonly disputeId: bigint;
  readonly claimId: bigint;
  readonly challenger: string;
  winner: string | undefined;
}

export interface Tally {
  readonly requests: number;
  readonly claims: readonly TalliedClaim[];
  readonly disputes: readonly TalliedDispute[];
  /** The final claim of each request that has one. */
  readonly answers: ReadonlyMap<bigint, TalliedClaim>;
}

/** Reads everything that is on the chain now. */
export async function tally(rig: Rig): Promise<Tally> {
  const { oracle, game, provider } = rig.contracts;
  const addresses = [await oracle.getAddress(), await game.getAddress()];
  const logs = await provider.getLogs({ address: addresses, fromBlock: 0, toBlock: 'latest' });
  const inputs = new Map<bigint, string>();
  const claims = new Map<bigint, TalliedClaim>();
  const disputes = new Map<bigint, TalliedDispute>();
  const answers = new Map<bigint, TalliedClaim>();
  for (const log of logs) {
    const event = oracle.interface.parseLog(log) ?? game.interface.parseLog(log);
    if (!event) continue;
    const { args } = event;
    switch (event.name) {
      case 'Requested':
        inputs.set(args['requestId'], args['input']);
        break;
      case 'Claimed': {
        const { claimId, claimant, output } = args as unknown as Record<string, string> & { claimId: bigint };
        const requestId = claimId >> 32n;
        const isRight = (await rig.shelf.output(rig.modelId, inputs.get(requestId)!)) === output;
        claims.set(claimId, { claimId, requestId, claimant: claimant!, isRight, status: 'open' });
        break;
      }
      case 'ClaimFinalized':
        claims.get(args['claimId'])!.status = 'final';
        break;
      case 'ClaimFalsified':
        claims.get(args['claimId'])!.status = 'falsified';
        break;
      case 'Answered':
        answers.set(args['requestId'], claims.get(args['claimId'])!);
        break;
      case 'Opened': {
        const { disputeId, claimId, challenger } = args as unknown as TalliedDispute;
        disputes.set(disputeId, { disputeId, claimId, challenger, winner: undefined });
        break;
      }
      case 'Ended':
        disputes.get(args['disputeId'])!.winner = args['winner'];
        break;
    }
  }
  return {
    requests: inputs.size,
    claims: [...claims.values()],
    disputes: [...disputes.values()],
    answers,
  };
}

/** The development accounts of the honest sides. */
export interface Honest {
  readonly provider: number;
  readonly watcher: number;
}

export interface HonestFigures {
  readonly requests: number;
  /** Claims of an output that no honest run has, those of them that lost, and those that became final. */
  readonly lies: number;
  readonly falsifiedLies: number;
  readonly finalLies: number;
  /** Claims of the honest provider that were falsified. */
  readonly lostClaims: number;
  /** Disputes of the honest watcher, those that it lost, and those beyond one a claim. */
  readonly disputes: number;
  readonly lostDisputes: number;
  readonly doubleChallenges: number;
  /** Transactions of both; calls among them that succeeded twice; transactions that reverted. */
  readonly sent: number;
  readonly twice: number;
  readonly reverted: number;
}

/** Calls that are the same each time. */
const REPEATED = new Set(['withdraw']);

/** The calls in a transaction, one by one; none for one that only uses up a nonce. */
function callsIn(rig: Rig, input: string): string[] {
  if (input === '0x') return [];
  const { oracle, game } = rig.contracts;
  const call =
    game.interface.parseTransaction({ data: input }) ?? oracle.interface.parseTransaction({ data: input });
  if (call && REPEATED.has(call.name)) return [];
  return call?.name === 'multicall' ? [...(call.args['data'] as string[])] : [input];
}

/** What the honest sides won, lost and sent. No more blocks come. */
export async function honestFigures(rig: Rig, honest: Honest): Promise<HonestFigures> {
  rig.mine(false);
  const { requests, claims, disputes } = await tally(rig);
  const [provider, watcher] = [rig.address(honest.provider), rig.address(honest.watcher)];
  const lies = claims.filter(({ isRight }) => !isRight);
  const watchersDisputes = disputes.filter(({ challenger }) => challenger === watcher);
  const sent = [...(await rig.transactions(honest.provider)), ...(await rig.transactions(honest.watcher))];
  const calls = new Map<string, number>();
  for (const { input, status } of sent) {
    if (status !== 1) continue;
    for (const call of callsIn(rig, input)) calls.set(call, (calls.get(call) ?? 0) + 1);
  }
  return {
    requests,
    lies: lies.length,
    falsifiedLies: lies.filter(({ status }) => status === 'falsified').length,
    finalLies: lies.filter(({ status }) => status === 'final').length,
    lostClaims: claims.filter(({ claimant, status }) => claimant === provider && status === 'falsified')
      .length,
    disputes: watchersDisputes.length,
    lostDisputes: watchersDisputes.filter(({ winner }) => winner !== undefined && winner !== watcher).length,
    doubleChallenges: watchersDisputes.length - new Set(watchersDisputes.map(({ claimId }) => claimId)).size,
    sent: sent.length,
    twice: [...calls.values()].filter((count) => count > 1).length,
    reverted: sent.filter(({ status }) => status === 0).length,
  };
}

/**
 * Whether so many requests have a claim of the honest provider and another one that differs, all that differ have lost, and no
 * dispute of the watcher runs.
 */
export const isSettled =
  (rig: Rig, honest: Honest, expected: { requests: number; answered: number; lies: number }) =>
  (world: World): boolean => {
    const [provider, watcher] = [rig.address(honest.provider), rig.address(honest.watcher)];
    const claims = [...world.claims.values()];
    const right = new Map(
      claims
        .filter(({ claimant }) => claimant === provider)
        .map(({ request: { requestId }, outputs }) => [requestId, outputs]),
    );
    const lies = claims.filter(({ request: { requestId }, outputs }) => right.get(requestId) !== outputs);
    return (
      world.requests.size === expected.requests &&
      right.size === expected.answered &&
      new Set(lies.map(({ request }) => request.requestId)).size === expected.lies &&
      lies.every(({ status }) => status === 'falsified') &&
      [...world.disputes.values()].every(({ challenger, ended }) => challenger !== watcher || ended)
    );
  };
