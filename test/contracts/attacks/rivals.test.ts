// Rows 1 to 4 of what the protocol must survive: several parties on one claim.
import { expect } from 'chai';
import { EMPTY_TABLE } from '../../support/toy/moves.ts';
import {
  BURNED,
  deployProtocol,
  type Fight,
  type Protocol,
  REASON,
  TERMS,
} from '../../support/toy/protocol.ts';
import { DEEP, INPUT, small, tale, truth } from '../../support/toy/small.ts';

const { claimBondWei, challengeBondWei, windowSeconds, clockSeconds } = TERMS;
const REWARD = claimBondWei / 2n;

describe('attacks: several parties on one claim', () => {
  let p: Protocol;
  const lie = tale(DEEP);

  beforeEach(async () => {
    p = await deployProtocol();
    await p.publish(small);
  });

  const falseClaim = async () => p.claim(await p.ask(small, INPUT), lie.output(), p.liar);

  it('attack 1: a friend challenges first and loses; one honest challenger is enough', async () => {
    const claimed = await falseClaim();
    const friendly = await p.challenge(claimed, p.stranger);
    const honest = await p.challenge(claimed, p.watcher);
    await p.playOut(honest, lie, truth);
    // Had the friend lost earlier, it would have changed nothing: each dispute is on its own.
    expect(honest.ended).to.deep.equal({ winner: p.watcher.address, reason: REASON.WrongWord });
    await p.reclaim(friendly);
    expect(await p.oracle.owed(p.watcher)).to.equal(REWARD + challengeBondWei);
  });

  it('attack 1: a friend that has lost already does not shield the claim', async () => {
    const claimed = await falseClaim();
    const friendly = await p.challenge(claimed, p.stranger);
    await p.step(friendly, lie);
    const honest = await p.challenge(claimed, p.watcher);
    await p.runOut(friendly);
    await p.timeout(friendly);
    expect(friendly.ended?.winner).to.equal(p.liar.address);
    // The honest dispute waited as long for the claimant, who is out of time in it.
    await p.timeout(honest);
    expect(honest.ended).to.deep.equal({ winner: p.watcher.address, reason: REASON.ClaimantTimeout });
    expect((await p.oracle.claims(claimed.id)).status).to.equal(3n);
  });

  for (const bond of [10n, 11n, 1_001n]) {
    it(`attack 2: a claimant that challenges itself loses half of ${bond} wei in every order`, async () => {
      const terms = { claimBondWei: bond, challengeBondWei: bond / 2n };
      const spent = bond + bond / 2n;
      // It wins against itself, by not answering or by the leaf.
      for (const play of ['timeout', 'leaf']) {
        const before = await p.oracle.owed(p.liar);
        const asked = await p.ask(small, INPUT, { terms });
        const fight = await p.challenge(await p.claim(asked, lie.output(), p.liar), p.liar);
        if (play === 'leaf') {
          await p.playOut(fight, lie, truth);
        } else {
          await p.runOut(fight);
          await p.timeout(fight);
        }
        const back = (await p.oracle.owed(p.liar)) - before;
        expect(spent - back).to.equal((bond + 1n) / 2n);
      }
    });
  }

  it('attack 2: a claimant that falsifies itself first loses half, the honest nothing', async () => {
    const claimed = await falseClaim();
    const own = await p.challenge(claimed, p.liar);
    const honest = await p.challenge(claimed, p.watcher);
    await p.step(honest, lie);
    await p.playOut(own, lie, truth);
    await p.reclaim(honest);
    expect(await p.oracle.owed(p.liar)).to.equal(REWARD + challengeBondWei);
    expect(await p.oracle.owed(p.watcher)).to.equal(challengeBondWei + BURNED);
  });

  it('attack 3: a copycat of every move gets nothing from the honest dispute', async () => {
    const claimed = await falseClaim();
    const copy = await p.challenge(claimed, p.stranger);
    const honest = await p.challenge(claimed, p.watcher);
    for (;;) {
      const call = await p.nextCall(honest, p.moverOf(honest) === p.liar ? lie : truth);
      if (call!.name.startsWith('prove')) break;
      for (const fight of [copy, honest]) {
        await p.step(fight, p.moverOf(fight) === p.liar ? lie : truth);
      }
    }
    await p.step(honest, truth);
    expect(honest.ended?.reason).to.equal(REASON.WrongWord);
    // The copy's last move comes too late, and is no loss.
    const late = await p.nextCall(copy, truth);
    await expect(p.send(copy, late!, p.stranger)).to.be.revertedWithCustomError(p.oracle, 'ClaimNotOpen');
    await p.reclaim(copy);
    expect(await p.oracle.owed(p.watcher)).to.equal(REWARD + challengeBondWei);
    expect(await p.oracle.owed(p.stranger)).to.equal(challengeBondWei + BURNED);
  });

  it('attack 3: a friend that stalls neither delays nor costs the honest challenger', async () => {
    const claimed = await falseClaim();
    const stalling = await p.challenge(claimed, p.stranger);
    await p.step(stalling, lie);
    const honest = await p.challenge(claimed, p.watcher);
    await p.playOut(honest, lie, truth);
    expect(honest.ended?.winner).to.equal(p.watcher.address);
    // After the claim is falsified nobody can take the bond of who has stopped playing.
    await p.runOut(stalling);
    await expect(p.sendTimeout(stalling)).to.be.revertedWithCustomError(p.oracle, 'ClaimNotOpen');
    await p.reclaim(stalling);
    expect(await p.oracle.owed(p.liar)).to.equal(0n);
  });

  it('attack 4: many paid challengers delay a claim by both clocks at most', async () => {
    const claimed = await p.claim(await p.ask(small, INPUT), truth.output(), p.honest);
    const fights: Fight[] = [];
    const paid = p.signers.slice(6, 16);
    // All in the last second of the window, automatic mining off so that they share it.
    await p.networkHelpers.mine();
    await p.ethers.provider.send('evm_setAutomine', [false]);
    const sent = [];
    for (const one of paid) {
      sent.push(
        await p.oracle.connect(one).challenge(claimed.id, claimed.asked.request as never, claimed.outputs, {
          value: challengeBondWei,
          gasLimit: 300_000n,
        }),
      );
    }
    await p.at(claimed.claimedAt + windowSeconds);
    await p.networkHelpers.mine();
    await p.ethers.provider.send('evm_setAutomine', [true]);
    for (const [i, tx] of sent.entries()) {
      const receipt = (await tx.wait())!;
      const { disputeId, dispute } = p.eventOf(receipt, 'Opened');
      const subject = p.ethers.ZeroHash;
      const state = { id: disputeId, claimed, challenger: paid[i]!, dispute: dispute.toArray(true) };
      fights.push({ ...state, subject, table: EMPTY_TABLE, moves: [] });
    }
    for (const fight of fights) await p.step(fight, truth);
    const opened = claimed.claimedAt + windowSeconds;
    for (const [i, fight] of fights.entries()) {
      // They stall to the last second of their clocks; the claimant had answered within a minute.
      if (i === 0) await p.at(opened + clockSeconds + 60n);
      await p.timeout(fight);
    }
    await p.finalize(claimed);
    expect(await p.lastTimestamp()).to.be.at.most(claimed.claimedAt + windowSeconds + 2n * clockSeconds);
    expect(await p.oracle.owed(p.honest)).to.equal(
      claimBondWei + 5_000n + BigInt(paid.length) * challengeBondWei,
    );
  });
});
