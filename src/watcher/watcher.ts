import { challengeCall } from '../chain/contracts/calls.ts';
import { mostChallengeBondWei, ZERO_ADDRESS } from '../chain/contracts/types.ts';
import { type ClaimRecord, type DisputeRecord, verdictKey, windowEnd } from '../chain/contracts/world.ts';
import { explain } from '../chain/messages/explain.ts';
import { Allowance } from '../chain/money/allowance.ts';
import { challengeGas, sideGas } from '../chain/money/gas.ts';
import { type Arranged, arrange } from '../chain/service/arrange.ts';
import { Collector } from '../chain/service/collect.ts';
import { inputOf, needInput } from '../chain/service/inputs.ts';
import { type Pass, patient } from '../chain/service/loop.ts';
import { Losses } from '../chain/service/losses.ts';
import { clockEnd, dueAgainstMalformed, dueIn, duesIn, moverOf, reclaimDue } from '../chain/service/play.ts';
import {
  type ChainService,
  createService,
  type Scene,
  type ServiceOptions,
} from '../chain/service/service.ts';
import { collected, type Due } from '../chain/transactions/due.ts';
import { NotNow } from '../chain/transactions/prepare.ts';
import type { Runner } from '../store/runner.ts';
import { isRight, runOf } from '../store/shelf.ts';
import { Playable } from './playable.ts';

/** Options of {@link createWatcher}. */
export interface WatcherOptions extends ServiceOptions {
  /** Runs the models that this watcher checks; claims on others are reported as unverified. */
  readonly runner: Runner;
}

/** Challenges of one claim that may be lost by the clock: what loses more of them is no accident. */
const MOST_CLOCKS = 3;

/** A watcher that never waits: see {@link createWatcher}. */
export function watchService(options: WatcherOptions): ChainService {
  const { contracts, runner, readInput } = options;
  const collector = new Collector();
  const allowance = new Allowance();
  const losses = new Losses();
  const playable = new Playable(runner, readInput);

  /** Gas of the moves in one dispute about a claim. */
  const gasIn = ({ request: { request } }: ClaimRecord): bigint =>
    sideGas(runner.model(request.modelId), 'challenger');

  /** @returns whether a claim is right; undefined if its input or its model cannot be had */
  const verdictOn = async (claim: ClaimRecord): Promise<boolean | undefined> => {
    const input = await inputOf(claim.request, readInput);
    if (input === undefined) return undefined;
    // Commitments are compared, for they are what a challenge names: bytes are only what a node says they are.
    return isRight(runner, claim.request.request, input, claim, { deadline: windowEnd(claim) });
  };

  /** Whether a claim is wrong, as far as it is known yet. */
  const isWrong = (claim: ClaimRecord, { background, listen, once }: Scene): boolean => {
    const { modelId } = claim.request.request;
    const name = verdictKey(claim);
    if (runner.malformed?.(modelId)) return true;
    const unverified = (missing: 'model' | 'input'): boolean => {
      once(`unverified/${name}`, () => listen({ kind: 'unverified', claim, missing }));
      return false;
    };
    if (!runner.model(modelId)) return unverified('model');
    const outcome = background.ask(`verdict/${name}`, windowEnd(claim), async () => {
      const right = await verdictOn(claim);
      // Missing data may appear later, so the watcher looks for it until the window ends.
      if (right === undefined) throw new NotNow(`claim ${claim.claimId} cannot be checked now`);
      return right;
    });
    if (!outcome) return false;
    if (outcome.kind === 'failed') {
      if (outcome.failure instanceof NotNow) return unverified('input');
      const sentence = `claim ${claim.claimId}: ${explain(outcome.failure)}`;
      listen({ kind: 'failed', sentence });
      return false;
    }
    if (outcome.value) once(`verified/${name}`, () => listen({ kind: 'verified', claim }));
    return !outcome.value;
  };

  /**
   * Whether a challenge of this account stands on the claim or was decided. One that was lost by the clock alone
   * (nobody was at home) does not count, a few times: the claim is as wrong as before.
   */
  const isChallenged = (claim: ClaimRecord, arranged: Arranged, { me, listen, once }: Scene): boolean => {
    const own = [...arranged.disputesOn(claim), ...arranged.endedOn(claim)].filter(
      ({ challenger }) => challenger === me,
    );
    if (own.some(({ ended }) => ended?.reason !== 'ChallengerTimeout')) return true;
    if (own.length < MOST_CLOCKS) return false;
    const sentence = `claim ${claim.claimId}: wrong, and not challenged again, because ${own.length} challenges of it were lost by the clock; find out why moves come late, or why this machine's run differs`;
    once(`late/${verdictKey(claim)}`, () => listen({ kind: 'warned', about: 'refused', sentence }));
    return true;
  };

  const challengeDue = (claim: ClaimRecord, { me, listen }: Scene, arranged: Arranged): Due => {
    const { modelId, terms } = claim.request.request;
    const { challengeBondWei, claimBondWei } = terms;
    const lost = arranged.endedOn(claim).filter(({ challenger }) => challenger === me).length;
    const known = arranged.disputesOn(claim).length;
    return {
      key: `challenge/${verdictKey(claim)}/${lost}`,
      what: `challenging claim ${claim.claimId}`,
      deadline: windowEnd(claim),
      stakeWei: claimBondWei / 2n,
      ...(contracts.currency === ZERO_ADDRESS && {
        gasLeft: challengeGas(runner.model(modelId)),
      }),
      // A cheat that sees it could falsify its own claim first.
      isPrivate: true,
      populate: async () => {
        // More disputes on the chain than are known here: one of them may be of this account.
        const { openDisputes } = await contracts.oracle.claims(claim.claimId);
        if (Number(openDisputes) > known) throw new NotNow('the events are behind the chain');
        // RULE: no bond for a dispute whose input may be gone.
        if (!runner.malformed?.(modelId)) await needInput(claim.request, readInput);
        const payment = { value: contracts.currency === ZERO_ADDRESS ? challengeBondWei : 0n };
        return challengeCall(contracts, claim, payment);
      },
      mined: (receipt) => listen({ kind: 'challenged', claim, receipt }),
    };
  };

  const challenges = async (
    scene: Scene,
    mine: readonly DisputeRecord[],
    arranged: Arranged,
  ): Promise<readonly Due[]> => {
    const { world, times, me, sender, listen, once } = scene;
    const open = mine.filter(({ ended }) => !ended);
    const bonds = open.reduce((sum, { claim }) => sum + claim.request.request.terms.challengeBondWei, 0n);
    scene.commit(
      bonds,
      open.reduce((sum, { claim }) => sum + gasIn(claim), 0n),
    );
    const wrong = [...world.claims.values()].filter(
      (claim) =>
        claim.status === 'open' &&
        times.earliest <= windowEnd(claim) &&
        isWrong(claim, scene) &&
        !isChallenged(claim, arranged, scene),
    );
    let load = playable.load(open, wrong, scene);
    if (wrong.length === 0) return [];
    const wishOf = ({ request: { request } }: ClaimRecord) => ({
      bondWei: request.terms.challengeBondWei,
      winWei: mostChallengeBondWei(request.terms.claimBondWei),
      gas: challengeGas(runner.model(request.modelId)),
    });
    const soonest = wrong.toSorted((a, b) => (windowEnd(a) < windowEnd(b) ? -1 : 1));
    const known = soonest.map((claim) => ({ claim, due: challengeDue(claim, scene, arranged) }));
    const isSent = ({ due }: (typeof known)[number]): boolean => sender.transactions.isSent(due.key);
    // Challenges already sent come first: their disputes will have to be played in any case.
    const made = [...known.filter(isSent), ...known.filter((one) => !isSent(one))].filter((one) => {
      if (!isSent(one) && !playable.admits(one.claim, load, scene)) return false;
      load += playable.seconds(verdictKey(one.claim));
      return true;
    });
    if (made.length === 0) return [];
    const purse = await scene.purse();
    // Money for sent transactions is already set aside.
    for (const { claim } of made.filter(isSent)) purse.keep(wishOf(claim));
    const dues = made.filter((one) => {
      if (isSent(one)) return true;
      const why = purse.grant(wishOf(one.claim));
      if (!why) return true;
      const sentence = `claim ${one.claim.claimId}: wrong, and not challenged, because ${why}`;
      once(`bond/${verdictKey(one.claim)}`, () => listen({ kind: 'warned', about: 'refused', sentence }));
      return false;
    });
    for (const { claim } of dues) options.onBond?.(claim.request);
    const granted = dues.map(({ claim, due }) => ({ due, bondWei: wishOf(claim).bondWei }));
    return allowance.due(contracts, me, granted, sender.transactions, listen);
  };

  const moves = (mine: readonly DisputeRecord[], scene: Scene): Due[] =>
    duesIn(mine, scene.listen, (dispute) => {
      if (dispute.ended) return [];
      const { times, moving: background, listen } = scene;
      const { request, status } = dispute.claim;
      const disputes = mine.filter(({ ended, claim }) => !ended && claim.claimId === dispute.claim.claimId);
      const gas = gasIn(dispute.claim);
      const player = { contracts, times, listen, gas, disputes: disputes.length };
      if (status === 'falsified') return [reclaimDue(dispute, player)];
      const { modelId } = request.request;
      const malformed = runner.malformed?.(modelId);
      if (!malformed && !runner.model(modelId)) {
        if (moverOf(dispute) === 'challenger') {
          const sentence = `dispute ${dispute.disputeId}: cannot be played, because model ${modelId} is not held here; its clock runs until ${clockEnd(dispute)}, Unix seconds`;
          listen({ kind: 'warned', about: 'unplayed', sentence });
        }
        return [];
      }
      const deadline = clockEnd(dispute);
      const { answer } = dispute.claim;
      const own = runOf(runner, modelId, () => needInput(request, readInput), answer, { deadline });
      const due = malformed
        ? dueAgainstMalformed(dispute, malformed, player)
        : dueIn(dispute, { ...player, role: 'challenger', background, ...own });
      return due ? [due] : [];
    });

  return createService(options, async (scene) => {
    const arranged = arrange(scene.world);
    const mine = [...scene.world.disputes.values()].filter(({ challenger }) => challenger === scene.me);
    losses.look(mine, scene.me, arranged, scene.listen);
    return collected([
      moves(mine, scene),
      challenges(scene, mine, arranged),
      collector.due(contracts, scene.me, scene.sender.transactions, scene.listen),
    ]);
  });
}

/**
 * A watcher: re-executes every claim on models that it holds, or what accepts it if the model has answers, challenges the
 * wrong ones, plays each of its disputes to the end, takes its bond back where another watcher was faster, and collects.
 * Every pass derives what to do from the chain, so it may be ended and started again at any time. This one waits in each
 * pass until its runs have ended and its transactions are mined; {@link watchService} does not.
 *
 * @returns a pass, which says how many transactions it sent and throws what the node fails with; `repeat` repeats it
 * @example
 * ```ts
 * const runner = new WorkRunner({ threads: 1, engine: { name: 'wasm', threads: 1 } });
 * runner.put({ model: modelOf(program), weights });
 * const pass = createWatcher({ contracts, runner, limits: { maxBondsWei: parseEther('5') } });
 * await repeat(pass, { signal, pauseMs: 4000, onFailure: console.error });
 * ```
 */
export const createWatcher = (options: WatcherOptions): Pass => patient(watchService(options));
