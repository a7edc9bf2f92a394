// Rows 1 to 4 of what the protocol must survive: several parties on one claim.
import { expect } from 'chai';
import { CLAIM_STATUS } from '../../../src/chain/contracts/status.ts';
import { EMPTY_TABLE } from '../../support/toy/moves.ts';
import {
  BURNED,
  type Dispute,
  deployProtocol,
  type Protocol,
  REASON,
  TERMS,
} from '../../support/toy/protocol.ts';
import { DEEP, honestValues, INPUT, small, withFalseOutput } from '../../support/toy/small.ts';

const { claimBondWei, challengeBondWei, windowSeconds, clockSeconds } = TERMS;
const REWARD = claimBondWei / 2n;

describe('attacks: several parties on one claim', () => {
  let protocol: Protocol;
  const falseValues = withFalseOutput(DEEP);

  beforeEach(async () => {
    protocol = await deployProtocol();
    await protocol.publish(small);
  });

  const falseClaim = async () =>
    protocol.claim(await protocol.ask(small, INPUT), falseValues.output(), protocol.liar);

  it('attack 1: a friend challenges first and loses; one honest challenger is enough', async () => {
    const claimed = await falseClaim();
    const friendly = await protocol.challenge(claimed, protocol.stranger);
    const honest = await protocol.challenge(claimed, protocol.watcher);
    await protocol.playOut(honest, falseValues, honestValues);
    // Had the friend lost earlier, it would have changed nothing: each dispute is on its own.
    expect(honest.ended).to.deep.equal({ winner: protocol.watcher.address, reason: REASON.WrongWord });
    await protocol.reclaim(friendly);
    expect(await protocol.oracle.owed(protocol.watcher)).to.equal(REWARD + challengeBondWei);
  });

  it('attack 1: a friend that has lost already does not shield the claim', async () => {
    const claimed = await falseClaim();
    const friendly = await protocol.challenge(claimed, protocol.stranger);
    await protocol.step(friendly, falseValues);
    const honest = await protocol.challenge(claimed, protocol.watcher);
    await protocol.runOut(friendly);
    await protocol.timeout(friendly);
    expect(friendly.ended?.winner).to.equal(protocol.liar.address);
    // The honest dispute waited as long for the claimant, who is out of time in it.
    await protocol.timeout(honest);
    expect(honest.ended).to.deep.equal({ winner: protocol.watcher.address, reason: REASON.ClaimantTimeout });
    expect((await protocol.oracle.claims(claimed.id)).status).to.equal(CLAIM_STATUS.falsified);
  });

  for (const bond of [10n, 11n, 1_001n]) {
    it(`attack 2: a claimant that challenges itself loses half of ${bond} wei in every order`, async () => {
      const terms = { claimBondWei: bond, challengeBondWei: bond / 2n };
      const spent = bond + bond / 2n;
      // It wins against itself, by not answering or by the leaf.
      for (const play of ['timeout', 'leaf']) {
        const before = await protocol.oracle.owed(protocol.liar);
        const asked = await protocol.ask(small, INPUT, { terms });
        const dispute = await protocol.challenge(
          await protocol.claim(asked, falseValues.output(), protocol.liar),
          protocol.liar,
        );
        if (play === 'leaf') {
          await protocol.playOut(dispute, falseValues, honestValues);
        } else {
          await protocol.runOut(dispute);
          await protocol.timeout(dispute);
        }
        const back = (await protocol.oracle.owed(protocol.liar)) - before;
        expect(spent - back).to.equal((bond + 1n) / 2n);
      }
    });
  }

  it('attack 2: a claimant that falsifies itself first loses half, the honest nothing', async () => {
    const claimed = await falseClaim();
    const ownDispute = await protocol.challenge(claimed, protocol.liar);
    const honest = await protocol.challenge(claimed, protocol.watcher);
    await protocol.step(honest, falseValues);
    await protocol.playOut(ownDispute, falseValues, honestValues);
    await protocol.reclaim(honest);
    expect(await protocol.oracle.owed(protocol.liar)).to.equal(REWARD + challengeBondWei);
    expect(await protocol.oracle.owed(protocol.watcher)).to.equal(challengeBondWei + BURNED);
  });

  it('attack 3: a copycat of every move gets nothing from the honest dispute', async () => {
    const claimed = await falseClaim();
    const copy = await protocol.challenge(claimed, protocol.stranger);
    const honest = await protocol.challenge(claimed, protocol.watcher);
    for (;;) {
      const call = await protocol.nextCall(
        honest,
        protocol.moverOf(honest) === protocol.liar ? falseValues : honestValues,
      );
      if (call!.name.startsWith('prove')) break;
      for (const dispute of [copy, honest]) {
        await protocol.step(
          dispute,
          protocol.moverOf(dispute) === protocol.liar ? falseValues : honestValues,
        );
      }
    }
    await protocol.step(honest, honestValues);
    expect(honest.ended?.reason).to.equal(REASON.WrongWord);
    // The copy's last move comes too late, and is no loss.
    const late = await protocol.nextCall(copy, honestValues);
    await expect(protocol.send(copy, late!, protocol.stranger)).to.be.revertedWithCustomError(
      protocol.oracle,
      'ClaimNotOpen',
    );
    await protocol.reclaim(copy);
    expect(await protocol.oracle.owed(protocol.watcher)).to.equal(REWARD + challengeBondWei);
    expect(await protocol.oracle.owed(protocol.stranger)).to.equal(challengeBondWei + BURNED);
  });

  it('attack 3: a friend that stalls neither delays nor costs the honest challenger', async () => {
    const claimed = await falseClaim();
    const stalling = await protocol.challenge(claimed, protocol.stranger);
    await protocol.step(stalling, falseValues);
    const honest = await protocol.challenge(claimed, protocol.watcher);
    await protocol.playOut(honest, falseValues, honestValues);
    expect(honest.ended?.winner).to.equal(protocol.watcher.address);
    // After the claim is falsified nobody can take the bond of who has stopped playing.
    await protocol.runOut(stalling);
    await expect(protocol.sendTimeout(stalling)).to.be.revertedWithCustomError(
      protocol.oracle,
      'ClaimNotOpen',
    );
    await protocol.reclaim(stalling);
    expect(await protocol.oracle.owed(protocol.liar)).to.equal(0n);
  });

  it('attack 4: many paid challengers delay a claim by both clocks at most', async () => {
    const claimed = await protocol.claim(
      await protocol.ask(small, INPUT),
      honestValues.output(),
      protocol.honest,
    );
    const disputes: Dispute[] = [];
    const paid = protocol.signers.slice(6, 16);
    // All in the last second of the window, automatic mining off so that they share it.
    await protocol.networkHelpers.mine();
    await protocol.ethers.provider.send('evm_setAutomine', [false]);
    const sent = [];
    for (const one of paid) {
      sent.push(
        await protocol.oracle
          .connect(one)
          .challenge(claimed.id, claimed.asked.request as never, claimed.outputs, {
            value: challengeBondWei,
            gasLimit: 300_000n,
          }),
      );
    }
    await protocol.at(claimed.claimedAt + windowSeconds);
    await protocol.networkHelpers.mine();
    await protocol.ethers.provider.send('evm_setAutomine', [true]);
    for (const [i, tx] of sent.entries()) {
      const receipt = (await tx.wait())!;
      const { disputeId, dispute } = protocol.eventOf(receipt, 'Opened');
      const subject = protocol.ethers.ZeroHash;
      const state = { id: disputeId, claimed, challenger: paid[i]!, fields: dispute.toArray(true) };
      disputes.push({ ...state, subject, table: EMPTY_TABLE, moves: [] });
    }
    for (const dispute of disputes) await protocol.step(dispute, honestValues);
    const opened = claimed.claimedAt + windowSeconds;
    for (const [i, dispute] of disputes.entries()) {
      // They stall to the last second of their clocks; the claimant had answered within a minute.
      if (i === 0) await protocol.at(opened + clockSeconds + 60n);
      await protocol.timeout(dispute);
    }
    await protocol.finalize(claimed);
    expect(await protocol.lastTimestamp()).to.be.at.most(
      claimed.claimedAt + windowSeconds + 2n * clockSeconds,
    );
    expect(await protocol.oracle.owed(protocol.honest)).to.equal(
      claimBondWei + 5_000n + BigInt(paid.length) * challengeBondWei,
    );
  });
});
