// Many actors at random on the toy referee: whatever the others do, the honest ones lose nothing, and no wei is lost.
import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types';
import { expect } from 'chai';
import type { ContractTransactionResponse } from 'ethers';
import { CLAIM_STATUS, REQUEST_STATUS } from '../../src/chain/contracts/status.ts';
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
  type Dispute,
  deployProtocol,
  FEE,
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

const FORCED = 3n;
const PLENTY = { gasLimit: 2_000_000n };

/** A dispute with the values that each side plays by. */
interface DisputeWithValues extends Dispute {
  claimantValues: Values;
  challengerValues: Values;
  /** A state that it was in before, for moves that come too late. */
  earlier?: { fields: readonly unknown[]; call: Call };
}

interface ClaimWithValues extends Claimed {
  readonly values: Values;
}

class World {
  readonly requests: Asked[] = [];
  readonly claims: ClaimWithValues[] = [];
  readonly disputes: DisputeWithValues[] = [];
  /** Deposits of each account less its withdrawals. */
  readonly spent = new Map<string, bigint>();
  /** Number of successful calls of each kind, so that a run that does nothing is seen. */
  readonly done = new Map<string, number>();
  lied = 0;
  /** Amounts forced into the oracle. */
  forced = 0n;
  readonly protocol: Protocol;
  readonly random: Random;
  readonly scene: Scene;
  readonly adversaries: readonly HardhatEthersSigner[];

  constructor(protocol: Protocol, random: Random, scene: Scene) {
    this.scene = scene;
    this.protocol = protocol;
    this.random = random;
    this.adversaries = protocol.signers.slice(5, 10);
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
      for (const dispute of this.disputes) this.protocol.absorb(dispute, receipt);
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
    this.requests.push(
      await this.protocol.ask(this.scene.model, INPUT, { terms, from: this.protocol.requester }),
    );
    this.pay(this.protocol.requester, FEE + CALLBACK_FEE);
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
    const earlier = await this.protocol.oracle.claimOf(
      asked.id,
      this.protocol.outputsOf(this.scene.model, output),
      by,
    );
    const { status } = await this.protocol.oracle.progress(asked.id);
    if (status !== REQUEST_STATUS.open) return;
    if (earlier !== 0n && (await this.protocol.oracle.claims(earlier)).status !== CLAIM_STATUS.falsified)
      return;
    this.claims.push({ ...(await this.protocol.claim(asked, output, by)), values: defended });
    this.pay(by, TERMS.claimBondWei);
    this.count('claim');
  }

  async challenge(
    claimed: ClaimWithValues,
    by: HardhatEthersSigner,
    challengerValues: Values,
  ): Promise<void> {
    if ((await this.protocol.oracle.claims(claimed.id)).status !== CLAIM_STATUS.open) return;
    if ((await this.protocol.lastTimestamp()) >= claimed.claimedAt + claimed.asked.terms.windowSeconds)
      return;
    const dispute = await this.protocol.challenge(claimed, by);
    this.disputes.push(Object.assign(dispute, { claimantValues: claimed.values, challengerValues }));
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
  async moveOf(dispute: DisputeWithValues, perverse: boolean): Promise<Call | undefined> {
    const { random, protocol } = this;
    const place = placeOf(dispute);
    const byClaimant = claimantMoves(place.phase);
    const values = byClaimant ? dispute.claimantValues : dispute.challengerValues;
    if (!perverse) return protocol.nextCall(dispute, values);
    if (byClaimant) {
      const other = this.scene.withLies(...this.randomLies());
      return place.phase === PHASE.Root && random.chance(50)
        ? commitTrace(other)
        : protocol.nextCall(dispute, other);
    }
    if (place.phase === PHASE.NodePick && random.chance(40)) {
      return { name: 'demandNode', args: [dispute.table.blockRoot, random.below(8)] };
    }
    const node = this.scene.model.nodes[place.nodeIndex]!;
    const range = place.phase === PHASE.Element ? 256 / node.elementBytes : 8;
    try {
      return challengerMove(place, dispute.table, values, { at: random.below(range) });
    } catch {
      return undefined;
    }
  }

  async play(dispute: DisputeWithValues, perverse: boolean): Promise<boolean> {
    const call = await this.moveOf(dispute, perverse);
    if (!call) return false;
    const by = this.protocol.moverOf(dispute);
    const before = { fields: dispute.fields, call };
    const sent = this.protocol.send(dispute, call, by, PLENTY) as Promise<ContractTransactionResponse>;
    const moved = await this.attempt(call.name, sent);
    if (moved) dispute.earlier = before;
    return moved;
  }

  /** One random thing that somebody of bad or no will does. */
  async adversaryActs(): Promise<void> {
    const { random, protocol } = this;
    const by = this.pick(this.adversaries)!;
    const claimed = this.pick(this.claims);
    const dispute = this.pick(this.disputes);
    const ownDispute = this.pick(
      this.disputes.filter((one) => !one.ended && this.adversaries.includes(protocol.moverOf(one))),
    );
    const asked = this.pick(this.requests);
    const deeds: [number, () => Promise<unknown>][] = [
      [2, () => this.ask()],
      [4, async () => asked && this.claim(asked, this.scene.withLies(...this.randomLies()), by)],
      [
        2,
        async () => {
          const defended = this.scene.withLies(...this.randomLies());
          if (asked) await this.claim(asked, this.scene.withLies(...this.randomLies()), by, defended);
        },
      ],
      [1, async () => asked && this.scene.right && this.claim(asked, this.scene.right, by)],
      [6, async () => claimed && this.challenge(claimed, by, this.scene.withLies(...this.randomLies()))],
      [6, async () => ownDispute && this.play(ownDispute, false)],
      [6, async () => ownDispute && this.play(ownDispute, true)],
      [2, async () => dispute && this.attempt('timeout', protocol.sendTimeout(dispute, by))],
      [2, async () => dispute && this.attempt('reclaim', protocol.sendReclaim(dispute, by))],
      [3, async () => claimed && this.attempt('finalize', protocol.sendFinalize(claimed, PLENTY))],
      [
        1,
        async () =>
          claimed &&
          this.attempt(
            'finalize',
            protocol.sendFinalize({ ...claimed, output: this.scene.withLies().output() }, PLENTY),
          ),
      ],
      [
        1,
        async () =>
          asked &&
          (await this.attempt(
            'cancel',
            protocol.oracle.connect(protocol.requester).cancel(asked.id, asked.request as never),
          )),
      ],
      [2, async () => claimed && this.payFee(claimed)],
      [1, async () => this.withdraw(by)],
      [
        1,
        async () => {
          const late = dispute?.earlier;
          if (!late) return;
          const stale = { ...dispute, fields: late.fields };
          const sent = protocol.send(stale, late.call, by, PLENTY) as Promise<ContractTransactionResponse>;
          expect(await this.attempt('stale move', sent)).to.equal(false);
        },
      ],
      [
        1,
        async () => {
          if (!dispute) return;
          const node = random.below(5);
          const { descriptors, tree } = this.scene.model;
          const proof = { descriptor: descriptors[node]!, siblings: tree.proof(node) };
          const call = { name: 'proveMalformed', args: [dispute.subject, REQUEST, node, proof] };
          const sent = protocol.send(dispute, call, random.pick([by, dispute.challenger]), PLENTY);
          expect(await this.attempt('false proof', sent as never)).to.equal(false);
        },
      ],
      [
        1,
        async () => {
          if (protocol.token) await protocol.token.mint(protocol.oracle, FORCED);
          else await protocol.ethers.deployContract('EtherForcer', [protocol.oracle], { value: FORCED });
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
    for (const dispute of this.disputes) {
      if (dispute.ended || !this.adversaries.includes(this.protocol.moverOf(dispute))) continue;
      if (this.random.chance(60)) await this.play(dispute, this.random.chance(15));
    }
  }

  cancel = (asked: Asked): Promise<boolean> =>
    this.attempt(
      'cancel',
      this.protocol.oracle.connect(this.protocol.requester).cancel(asked.id, asked.request as never),
    );

  payFee = ({ asked, outputs }: ClaimWithValues): Promise<boolean> =>
    this.attempt('payFee', this.protocol.oracle.payFee(asked.id, asked.request as never, outputs));

  async withdraw(by: HardhatEthersSigner): Promise<void> {
    const owed = await this.protocol.oracle.owed(by);
    if (await this.attempt('withdraw', this.protocol.oracle.connect(by).withdraw())) this.pay(by, -owed);
  }

  isFalse = (claimed: ClaimWithValues): boolean => this.scene.isFalse(claimed.output);

  /** The honest provider and the honest watcher do what is theirs to do. */
  async honestAct(): Promise<void> {
    const { protocol } = this;
    // It leaves some requests alone, so that some are cancelled.
    const { right } = this.scene;
    for (const asked of this.requests) {
      if (right && asked.id % 3n !== 0n) await this.claim(asked, right, protocol.honest);
    }
    for (const claimed of this.claims) {
      if (
        !this.isFalse(claimed) ||
        this.disputes.some((m) => m.claimed === claimed && m.challenger === protocol.watcher)
      )
        continue;
      await this.challenge(claimed, protocol.watcher, this.scene.honestValuesFor(claimed.output));
    }
    for (const dispute of this.disputes) {
      if (dispute.ended) continue;
      const { status } = await protocol.oracle.claims(dispute.claimed.id);
      if (status === CLAIM_STATUS.falsified) {
        if (dispute.challenger === protocol.watcher)
          await this.attempt('reclaim', protocol.sendReclaim(dispute));
        continue;
      }
      if (![protocol.honest, protocol.watcher].includes(protocol.moverOf(dispute))) continue;
      expect(await this.play(dispute, false), `the honest move in dispute ${dispute.id}`).to.equal(true);
    }
  }

  /** Row 33. */
  async everyWei(): Promise<void> {
    const { protocol } = this;
    let owed = 0n;
    for (const { address } of protocol.signers) owed += await protocol.oracle.owed(address);
    let held = 0n;
    let burned = 0n;
    for (const asked of this.requests) {
      const progress = await protocol.oracle.progress(asked.id);
      burned += progress.burnedWei;
      const { status, feeHeld } = progress;
      if (status === REQUEST_STATUS.open || status === REQUEST_STATUS.closed) held += FEE + CALLBACK_FEE;
      if (feeHeld) held += FEE;
      let open = 0n;
      for (const claimed of this.claims.filter((one) => one.asked === asked)) {
        const state = await protocol.oracle.claims(claimed.id);
        if (state.status === CLAIM_STATUS.open) {
          held += TERMS.claimBondWei;
          open++;
        }
        const disputes = this.disputes.filter((one) => one.claimed === claimed && !one.ended);
        held += BigInt(disputes.length) * TERMS.challengeBondWei;
        expect(state.openDisputes).to.equal(BigInt(disputes.length));
      }
      expect(progress.openClaims).to.equal(open);
    }
    const forced = (await protocol.balanceOf(protocol.oracle)) - owed - held - burned;
    expect(forced).to.equal(this.forced);
  }

  async properties(): Promise<void> {
    const { protocol } = this;
    for (const claimed of this.claims) {
      const { status } = await protocol.oracle.claims(claimed.id);
      if (claimed.claimant === protocol.honest)
        expect(status, `honest claim ${claimed.id}`).to.not.equal(CLAIM_STATUS.falsified);
      if (this.isFalse(claimed)) expect(status, `false claim ${claimed.id}`).to.not.equal(CLAIM_STATUS.final);
    }
  }

  /** Nothing new is started; what is open comes to its end. */
  async drain(): Promise<void> {
    const { protocol } = this;
    for (let round = 0; round < 40; round++) {
      await this.honestAct();
      await protocol.at((await protocol.lastTimestamp()) + 60n);
      for (const dispute of this.disputes) {
        if (dispute.ended) continue;
        await this.attempt('timeout', protocol.sendTimeout(dispute));
        if (!dispute.ended) await this.attempt('reclaim', protocol.sendReclaim(dispute));
      }
      for (const claimed of this.claims)
        await this.attempt('finalize', protocol.sendFinalize(claimed, PLENTY));
    }
    for (const asked of this.requests) await this.cancel(asked);
    for (const claimed of this.claims) await this.payFee(claimed);
  }
}

describe('many actors at random', () => {
  const done = new Map<string, number>();

  for (let seed = 1; seed <= SEEDS; seed++) {
    const scene = SCENES[Math.max(0, seed - 3) % SCENES.length]!;
    const token = seed % 2 === 0;
    it(`attack 33: every wei and both properties hold throughout, in ${token ? 'a token' : 'ether'}, seed ${seed}, claims of ${scene.name}`, async function () {
      this.timeout(600_000);
      const protocol = await deployProtocol({ token });
      await protocol.publish(scene.model);
      const world = new World(protocol, new Random(seed), scene);
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
          await protocol.at((await protocol.lastTimestamp()) + BigInt(1 + random.below(250)));
          await protocol.networkHelpers.mine();
        }
      }
      await world.drain();
      await world.everyWei();
      await world.properties();
      for (const { id } of world.requests)
        expect((await protocol.oracle.progress(id)).feeHeld).to.equal(false);
      for (const claimed of world.claims) {
        const { status, openDisputes } = await protocol.oracle.claims(claimed.id);
        expect(openDisputes).to.equal(0n);
        if (world.isFalse(claimed))
          expect(status, `false claim ${claimed.id}`).to.equal(CLAIM_STATUS.falsified);
        expect(status, `claim ${claimed.id}`).to.not.equal(CLAIM_STATUS.open);
        if (claimed.claimant === protocol.honest) expect(status).to.equal(CLAIM_STATUS.final);
      }
      for (const one of [protocol.honest, protocol.watcher]) {
        await world.withdraw(one);
        expect(Number(world.spent.get(one.address) ?? 0n), `what ${one.address} lost`).to.be.at.most(0);
      }
      for (const one of [...world.adversaries, protocol.requester]) await world.withdraw(one);
      const put = [...world.spent.values()].reduce((sum, amount) => sum + amount, 0n);
      // The remainder was burned, or forced in.
      const left = await protocol.balanceOf(protocol.oracle);
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
