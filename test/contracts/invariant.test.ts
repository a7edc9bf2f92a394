// Many actors at random on the toy referee: whatever the others do, the honest ones lose nothing, and no wei is lost.
import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types';
import { expect } from 'chai';
import type { ContractTransactionResponse } from 'ethers';
import { Random } from '../support/randomProgram.ts';
import {
  type Call,
  challengerMove,
  claimantMoves,
  commitTrace,
  PHASE,
  REQUEST,
} from '../support/toy/moves.ts';
import {
  type Asked,
  type Claimed,
  deployProtocol,
  FEE,
  type Fight,
  type Protocol,
  placeOf,
  TERMS,
} from '../support/toy/protocol.ts';
import { SCENES, type Scene } from '../support/toy/scenes.ts';
import { INPUT } from '../support/toy/small.ts';
import type { Lie, Values } from '../support/toy/values.ts';

const LONG = process.env['ASSAY_LONG'] !== undefined;
const SEEDS = LONG ? 60 : 6;
const TICKS = LONG ? 80 : 40;

/** Paid for callbacks that nobody runs, because requesters have no code: it must come back. */
const CALLBACK_FEE = 7n;

const STATUS = { Open: 1n, Final: 2n, Falsified: 3n } as const;
const REQUEST_STATUS = { Open: 1n, Closed: 4n } as const;
const FORCED = 3n;
const PLENTY = { gasLimit: 2_000_000n };

/** A fight with what each side holds to be true; `undefined` for whoever moves at random. */
interface Match extends Fight {
  claimantValues: Values;
  challengerValues: Values;
  /** A state that it was in before, for moves that come too late. */
  earlier?: { dispute: readonly unknown[]; call: Call };
}

interface Made extends Claimed {
  readonly values: Values;
}

class World {
  readonly requests: Asked[] = [];
  readonly claims: Made[] = [];
  readonly matches: Match[] = [];
  /** Deposits of each account less its withdrawals. */
  readonly spent = new Map<string, bigint>();
  /** Number of successful calls of each kind, so that a run that does nothing is seen. */
  readonly done = new Map<string, number>();
  lied = 0;
  /** Amounts forced into the oracle. */
  forced = 0n;
  readonly p: Protocol;
  readonly random: Random;
  readonly scene: Scene;
  readonly adversaries: readonly HardhatEthersSigner[];

  constructor(p: Protocol, random: Random, scene: Scene) {
    this.scene = scene;
    this.p = p;
    this.random = random;
    this.adversaries = p.signers.slice(5, 10);
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[this.random.below(Math.max(1, list.length))];
  }

  count(what: string): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1);
  }

  pay(account: HardhatEthersSigner, amount: bigint): void {
    this.spent.set(account.address, (this.spent.get(account.address) ?? 0n) + amount);
  }

  /** Whatever a call does, it may revert; what it must not do the invariants say. */
  async attempt(what: string, sent: Promise<ContractTransactionResponse>): Promise<boolean> {
    try {
      const receipt = (await (await sent).wait())!;
      for (const match of this.matches) this.p.absorb(match, receipt);
      this.count(what);
      return true;
    } catch (error) {
      if (!/revert/.test(String(error))) throw error;
      return false;
    }
  }

  async ask(): Promise<void> {
    const windowSeconds = 600n + BigInt(this.random.below(600));
    const terms = { windowSeconds, patienceSeconds: 300n, callbackFeeWei: CALLBACK_FEE };
    this.requests.push(await this.p.ask(this.scene.model, INPUT, { terms, from: this.p.requester }));
    this.pay(this.p.requester, FEE + CALLBACK_FEE);
    this.count('request');
  }

  /** @param defended what the claimant plays with, if that is not what it claims */
  async claim(
    asked: Asked,
    values: Values,
    by: HardhatEthersSigner,
    defended: Values = values,
  ): Promise<void> {
    const output = values.output();
    const earlier = await this.p.oracle.claimOf(asked.id, this.p.outputsOf(this.scene.model, output), by);
    const { status } = await this.p.oracle.progress(asked.id);
    if (status !== REQUEST_STATUS.Open) return;
    if (earlier !== 0n && (await this.p.oracle.claims(earlier)).status !== STATUS.Falsified) return;
    this.claims.push({ ...(await this.p.claim(asked, output, by)), values: defended });
    this.pay(by, TERMS.claimBondWei);
    this.count('claim');
  }

  async challenge(made: Made, by: HardhatEthersSigner, challengerValues: Values): Promise<void> {
    if ((await this.p.oracle.claims(made.id)).status !== STATUS.Open) return;
    if ((await this.p.lastTimestamp()) >= made.claimedAt + made.asked.terms.windowSeconds) return;
    const fight = await this.p.challenge(made, by);
    this.matches.push(Object.assign(fight, { claimantValues: made.values, challengerValues }));
    this.pay(by, TERMS.challengeBondWei);
    this.count('challenge');
  }

  randomLies(): Lie[] {
    const { random } = this;
    const lies: Lie[] = [
      { node: 0, byte: random.below(16) },
      { node: 1, byte: random.below(40) },
      { node: 2, byte: random.below(1024), step: random.below(9) },
      { node: 2, byte: random.below(800) },
      { node: 3, byte: random.below(16) },
      { node: 5 + random.below(3), leaf: new Uint8Array(32).fill(1 + random.below(255)) },
      { node: 4, byte: random.below(8) },
    ];
    // One kind after the other, so that each has its turn; sometimes another besides.
    const chosen = [lies[this.lied++ % lies.length]!];
    return random.chance(30) ? [...chosen, random.pick(lies)] : chosen;
  }

  /** The move that `values` lead to, or a perverse one. */
  async moveOf(match: Match, perverse: boolean): Promise<Call | undefined> {
    const { random, p } = this;
    const place = placeOf(match);
    const byClaimant = claimantMoves(place.phase);
    const values = byClaimant ? match.claimantValues : match.challengerValues;
    if (!perverse) return p.nextCall(match, values);
    if (byClaimant) {
      const other = this.scene.told(...this.randomLies());
      return place.phase === PHASE.Root && random.chance(50) ? commitTrace(other) : p.nextCall(match, other);
    }
    if (place.phase === PHASE.NodePick && random.chance(40)) {
      return { name: 'demandNode', args: [match.table.blockRoot, random.below(8)] };
    }
    const node = this.scene.model.nodes[place.nodeIndex]!;
    const range = place.phase === PHASE.Element ? 256 / node.elementBytes : 8;
    try {
      return challengerMove(place, match.table, values, { at: random.below(range) });
    } catch {
      return undefined;
    }
  }

  async play(match: Match, perverse: boolean): Promise<boolean> {
    const call = await this.moveOf(match, perverse);
    if (!call) return false;
    const by = this.p.moverOf(match);
    const before = { dispute: match.dispute, call };
    const sent = this.p.send(match, call, by, PLENTY) as Promise<ContractTransactionResponse>;
    const moved = await this.attempt(call.name, sent);
    if (moved) match.earlier = before;
    return moved;
  }

  /** One random thing that somebody of bad or no will does. */
  async adversaryActs(): Promise<void> {
    const { random, p } = this;
    const by = this.pick(this.adversaries)!;
    const made = this.pick(this.claims);
    const match = this.pick(this.matches);
    const own = this.pick(
      this.matches.filter((one) => !one.ended && this.adversaries.includes(p.moverOf(one))),
    );
    const asked = this.pick(this.requests);
    const deeds: [number, () => Promise<unknown>][] = [
      [2, () => this.ask()],
      [4, async () => asked && this.claim(asked, this.scene.told(...this.randomLies()), by)],
      [
        2,
        async () => {
          const defended = this.scene.told(...this.randomLies());
          if (asked) await this.claim(asked, this.scene.told(...this.randomLies()), by, defended);
        },
      ],
      [1, async () => asked && this.scene.right && this.claim(asked, this.scene.right, by)],
      [6, async () => made && this.challenge(made, by, this.scene.told(...this.randomLies()))],
      [6, async () => own && this.play(own, false)],
      [6, async () => own && this.play(own, true)],
      [2, async () => match && this.attempt('timeout', p.sendTimeout(match, by))],
      [2, async () => match && this.attempt('reclaim', p.sendReclaim(match, by))],
      [3, async () => made && this.attempt('finalize', p.sendFinalize(made, PLENTY))],
      [
        1,
        async () =>
          made &&
          this.attempt('finalize', p.sendFinalize({ ...made, output: this.scene.told().output() }, PLENTY)),
      ],
      [
        1,
        async () =>
          asked &&
          (await this.attempt(
            'cancel',
            p.oracle.connect(p.requester).cancel(asked.id, asked.request as never),
          )),
      ],
      [2, async () => made && this.payFee(made)],
      [1, async () => this.withdraw(by)],
      [
        1,
        async () => {
          const late = match?.earlier;
          if (!late) return;
          const stale = { ...match, dispute: late.dispute };
          const sent = p.send(stale, late.call, by, PLENTY) as Promise<ContractTransactionResponse>;
          expect(await this.attempt('stale move', sent)).to.equal(false);
        },
      ],
      [
        1,
        async () => {
          if (!match) return;
          const node = random.below(5);
          const { descriptors, tree } = this.scene.model;
          const proof = { descriptor: descriptors[node]!, siblings: tree.proof(node) };
          const call = { name: 'proveMalformed', args: [match.subject, REQUEST, node, proof] };
          const sent = p.send(match, call, random.pick([by, match.challenger]), PLENTY);
          expect(await this.attempt('false proof', sent as never)).to.equal(false);
        },
      ],
      [
        1,
        async () => {
          if (p.token) await p.token.mint(p.oracle, FORCED);
          else await p.ethers.deployContract('EtherForcer', [p.oracle], { value: FORCED });
          this.forced += FORCED;
        },
      ],
    ];
    const total = deeds.reduce((sum, [weight]) => sum + weight, 0);
    let at = random.below(total);
    for (const [weight, deed] of deeds) {
      at -= weight;
      if (at < 0) {
        await deed();
        return;
      }
    }
  }

  /** Half of them answer what they are asked, some of those perversely. */
  async adversariesPlay(): Promise<void> {
    for (const match of this.matches) {
      if (match.ended || !this.adversaries.includes(this.p.moverOf(match))) continue;
      if (this.random.chance(60)) await this.play(match, this.random.chance(15));
    }
  }

  cancel = (asked: Asked): Promise<boolean> =>
    this.attempt('cancel', this.p.oracle.connect(this.p.requester).cancel(asked.id, asked.request as never));

  payFee = ({ asked, outputs }: Made): Promise<boolean> =>
    this.attempt('payFee', this.p.oracle.payFee(asked.id, asked.request as never, outputs));

  async withdraw(by: HardhatEthersSigner): Promise<void> {
    const owed = await this.p.oracle.owed(by);
    if (await this.attempt('withdraw', this.p.oracle.connect(by).withdraw())) this.pay(by, -owed);
  }

  isFalse = (made: Made): boolean => this.scene.isFalse(made.output);

  /** The honest provider and the honest watcher do what is theirs to do. */
  async honestAct(): Promise<void> {
    const { p } = this;
    // It leaves some requests alone, so that some are cancelled.
    const { right } = this.scene;
    for (const asked of this.requests) {
      if (right && asked.id % 3n !== 0n) await this.claim(asked, right, p.honest);
    }
    for (const made of this.claims) {
      if (!this.isFalse(made) || this.matches.some((m) => m.claimed === made && m.challenger === p.watcher))
        continue;
      await this.challenge(made, p.watcher, this.scene.truthOf(made.output));
    }
    for (const match of this.matches) {
      if (match.ended) continue;
      const { status } = await p.oracle.claims(match.claimed.id);
      if (status === STATUS.Falsified) {
        if (match.challenger === p.watcher) await this.attempt('reclaim', p.sendReclaim(match));
        continue;
      }
      if (![p.honest, p.watcher].includes(p.moverOf(match))) continue;
      expect(await this.play(match, false), `the honest move in dispute ${match.id}`).to.equal(true);
    }
  }

  /** Row 33. */
  async everyWei(): Promise<void> {
    const { p } = this;
    let owed = 0n;
    for (const { address } of p.signers) owed += await p.oracle.owed(address);
    let held = 0n;
    let burned = 0n;
    for (const asked of this.requests) {
      const progress = await p.oracle.progress(asked.id);
      burned += progress.burnedWei;
      const { status, feeHeld } = progress;
      if (status === REQUEST_STATUS.Open || status === REQUEST_STATUS.Closed) held += FEE + CALLBACK_FEE;
      if (feeHeld) held += FEE;
      let open = 0n;
      for (const made of this.claims.filter((one) => one.asked === asked)) {
        const state = await p.oracle.claims(made.id);
        if (state.status === STATUS.Open) {
          held += TERMS.claimBondWei;
          open++;
        }
        const fights = this.matches.filter((one) => one.claimed === made && !one.ended);
        held += BigInt(fights.length) * TERMS.challengeBondWei;
        expect(state.openDisputes).to.equal(BigInt(fights.length));
      }
      expect(progress.openClaims).to.equal(open);
    }
    const forced = (await p.balanceOf(p.oracle)) - owed - held - burned;
    expect(forced).to.equal(this.forced);
  }

  async properties(): Promise<void> {
    const { p } = this;
    for (const made of this.claims) {
      const { status } = await p.oracle.claims(made.id);
      if (made.claimant === p.honest)
        expect(status, `honest claim ${made.id}`).to.not.equal(STATUS.Falsified);
      if (this.isFalse(made)) expect(status, `false claim ${made.id}`).to.not.equal(STATUS.Final);
    }
  }

  /** Nothing new is started; what is open comes to its end. */
  async drain(): Promise<void> {
    const { p } = this;
    for (let round = 0; round < 40; round++) {
      await this.honestAct();
      await p.at((await p.lastTimestamp()) + 60n);
      for (const match of this.matches) {
        if (match.ended) continue;
        await this.attempt('timeout', p.sendTimeout(match));
        if (!match.ended) await this.attempt('reclaim', p.sendReclaim(match));
      }
      for (const made of this.claims) await this.attempt('finalize', p.sendFinalize(made, PLENTY));
    }
    for (const asked of this.requests) await this.cancel(asked);
    for (const made of this.claims) await this.payFee(made);
  }
}

describe('many actors at random', () => {
  const done = new Map<string, number>();

  for (let seed = 1; seed <= SEEDS; seed++) {
    const scene = SCENES[Math.max(0, seed - 3) % SCENES.length]!;
    const token = seed % 2 === 0;
    it(`attack 33: every wei and both properties hold throughout, in ${token ? 'a token' : 'ether'}, seed ${seed}, claims of ${scene.name}`, async function () {
      this.timeout(600_000);
      const p = await deployProtocol({ token });
      await p.publish(scene.model);
      const world = new World(p, new Random(seed), scene);
      const { random } = world;
      await world.ask();
      for (let tick = 0; tick < TICKS; tick++) {
        const deeds = 1 + random.below(5);
        for (let i = 0; i < deeds; i++) await world.adversaryActs();
        await world.adversariesPlay();
        await world.honestAct();
        await world.everyWei();
        await world.properties();
        if (random.chance(20)) {
          await p.at((await p.lastTimestamp()) + BigInt(1 + random.below(250)));
          await p.networkHelpers.mine();
        }
      }
      await world.drain();
      await world.everyWei();
      await world.properties();
      for (const { id } of world.requests) expect((await p.oracle.progress(id)).feeHeld).to.equal(false);
      for (const made of world.claims) {
        const { status, openDisputes } = await p.oracle.claims(made.id);
        expect(openDisputes).to.equal(0n);
        if (world.isFalse(made)) expect(status, `false claim ${made.id}`).to.equal(STATUS.Falsified);
        expect(status, `claim ${made.id}`).to.not.equal(STATUS.Open);
        if (made.claimant === p.honest) expect(status).to.equal(STATUS.Final);
      }
      for (const one of [p.honest, p.watcher]) {
        await world.withdraw(one);
        expect(Number(world.spent.get(one.address) ?? 0n), `what ${one.address} lost`).to.be.at.most(0);
      }
      for (const one of [...world.adversaries, p.requester]) await world.withdraw(one);
      const put = [...world.spent.values()].reduce((sum, amount) => sum + amount, 0n);
      // The remainder was burned, or forced in.
      const left = await p.balanceOf(p.oracle);
      expect(left).to.equal(put + world.forced);
      for (const [deed, count] of world.done) done.set(deed, (done.get(deed) ?? 0) + count);
    });
  }

  it('every kind of call went through in these runs', () => {
    const deeds = 'request claim challenge timeout reclaim finalize cancel withdraw commitTrace reveal pick';
    const moves = 'pickNode revealChunk nameElement postAccumulators demandNode openNode';
    const proofs =
      'proveInterval proveElement proveConstant proveInput proveAnswer provePadding provePaddingByte'.split(
        ' ',
      );
    const howOften = (deed: string) => done.get(deed) ?? 0;
    for (const deed of [...deeds.split(' '), ...moves.split(' '), ...(LONG ? proofs : [])]) {
      expect(howOften(deed), `how often ${deed} went through`).to.be.greaterThan(0);
    }
    expect(proofs.reduce((sum, deed) => sum + howOften(deed), 0)).to.be.greaterThan(5);
  });
});
