// Row 48 of what the protocol must survive: a crowd of disputes, against one who answers many in one transaction.
import { expect } from 'chai';
import type { Result } from 'ethers';
import { expectGas } from '../../support/gas.ts';
import { type Call, EMPTY_TABLE } from '../../support/toy/moves.ts';
import {
  type Claimed,
  deployProtocol,
  type Fight,
  type Protocol,
  TERMS,
} from '../../support/toy/protocol.ts';
import { DEEP, INPUT, small, tale, truth } from '../../support/toy/small.ts';

const { claimBondWei, challengeBondWei } = TERMS;

/** Moves that one transaction holds: of 16,777,216 gas (EIP-7825) and, in public pools, 131,072 bytes. */
const AT_ONCE = 200;
const CROWD = 1_000;
const MOST_GAS = 16_777_216n;
const MOST_BYTES = 130_000;

describe('attacks: a crowd', () => {
  let p: Protocol;

  beforeEach(async () => {
    p = await deployProtocol();
    await p.publish(small);
  });

  const encode = ({ id, dispute }: Fight, { name, args }: Call): string =>
    p.game.interface.encodeFunctionData(name as 'reveal', [id, dispute, ...args] as never);

  /** Many disputes on one claim, by ten accounts, in few blocks. */
  async function crowd({ id, asked, outputs, ...rest }: Claimed, count: number): Promise<Fight[]> {
    const claimed = { id, asked, outputs, ...rest };
    await p.ethers.provider.send('evm_setAutomine', [false]);
    for (let i = 0; i < count; i++) {
      const overrides = { value: challengeBondWei, gasLimit: 200_000n, gasPrice: 10n ** 11n };
      await p.oracle
        .connect(p.signers[5 + (i % 10)]!)
        .challenge(id, asked.request as never, outputs, overrides);
      if (i % 100 === 99) await p.networkHelpers.mine();
    }
    await p.ethers.provider.send('evm_setAutomine', [true]);
    const opened = await p.game.queryFilter(p.game.filters.Opened());
    expect(opened).to.have.length(count);
    return opened.map(({ args }) => {
      const challenger = p.signers.find(({ address }) => address === args.challenger)!;
      const dispute = (args.dispute as unknown as Result).toArray(true);
      const subject = p.ethers.ZeroHash;
      return { id: args.disputeId, claimed, challenger, dispute, subject, table: EMPTY_TABLE, moves: [] };
    });
  }

  const timeoutOf = (fight: Fight): Call => ({ name: 'timeout', args: [fight.subject] });

  /** Sends moves together and brings each fight up to date. */
  async function together(calls: readonly (readonly [Fight, Call])[], by = p.honest) {
    const data = calls.map(([fight, call]) => encode(fight, call));
    const sent = await p.game.connect(by).multicall(data, { gasLimit: MOST_GAS });
    const receipt = (await sent.wait())!;
    const moved = new Map(calls.map(([fight]) => [fight.id, fight]));
    for (const log of receipt.logs) {
      const { args } = p.game.interface.parseLog(log) ?? {};
      const fight = args && moved.get(args['disputeId']);
      if (fight) p.absorb(fight, { logs: [log] } as never);
    }
    return { gas: receipt.gasUsed, bytes: (sent.data.length - 2) / 2 };
  }

  it('attack 48: 5 transactions answer 1,000 disputes on one claim, and 5 end them', async function () {
    this.timeout(300_000);
    const terms = { clockSeconds: 100_000n, windowSeconds: 100_000n };
    const claimed = await p.claim(await p.ask(small, INPUT, { terms }), truth.output(), p.honest);
    const fights = await crowd(claimed, CROWD);
    // The first answer fixes the trace, all others reveal it.
    const first = (await p.nextCall(fights[0]!, truth))!;
    const others = { name: 'reveal', args: [first.args.at(-1)] };
    const batches = Array.from({ length: CROWD / AT_ONCE }, (_, i) =>
      fights.slice(i * AT_ONCE, (i + 1) * AT_ONCE),
    );
    const most = { answers: 0n, ends: 0n };
    for (const batch of batches) {
      const { gas, bytes } = await together(
        batch.map((fight) => [fight, fight === fights[0] ? first : others]),
      );
      expect(gas).to.be.at.most(MOST_GAS);
      expect(bytes).to.be.at.most(MOST_BYTES);
      if (gas > most.answers) most.answers = gas;
    }
    expectGas('200 first answers to a trace of 8 tensors, together, most', most.answers);
    await p.at((await p.lastTimestamp()) + terms.clockSeconds + 1n);
    for (const batch of batches) {
      const { gas, bytes } = await together(batch.map((fight) => [fight, timeoutOf(fight)]));
      expect(gas).to.be.at.most(MOST_GAS);
      expect(bytes).to.be.at.most(MOST_BYTES);
      if (gas > most.ends) most.ends = gas;
    }
    expectGas('200 ends by the clock, together, most', most.ends);
    expect((await p.oracle.claims(claimed.id)).openDisputes).to.equal(0n);
    expect(await p.oracle.owed(p.honest)).to.equal(BigInt(CROWD) * challengeBondWei);
    await p.finalize(claimed);
    expect((await p.oracle.claims(claimed.id)).status).to.equal(2n);
  });

  it('attack 48: one watcher moves in disputes on many false claims at once', async () => {
    const lie = tale(DEEP);
    const fights: Fight[] = [];
    for (let i = 0; i < 10; i++) {
      const claimed = await p.claim(await p.ask(small, INPUT), lie.output(), p.liar);
      fights.push(await p.challenge(claimed, p.watcher));
    }
    while (fights.some(({ ended }) => !ended)) {
      const calls: [Fight, Call][] = [];
      const mover = p.moverOf(fights[0]!);
      for (const fight of fights) {
        calls.push([fight, (await p.nextCall(fight, mover === p.liar ? lie : truth))!]);
      }
      // The last moves, each with a leaf, pay out too: all within one transaction.
      await together(calls, mover);
    }
    for (const { ended } of fights) expect(ended?.winner).to.equal(p.watcher.address);
    expect(await p.oracle.owed(p.watcher)).to.equal(10n * (claimBondWei / 2n + challengeBondWei));
  });

  it('attack 48: moves sent together succeed or fail together, and take no ether', async () => {
    const claimed = await p.claim(await p.ask(small, INPUT), truth.output(), p.honest);
    const fights = [await p.challenge(claimed, p.watcher), await p.challenge(claimed, p.stranger)];
    const calls: [Fight, Call][] = [];
    for (const fight of fights) calls.push([fight, (await p.nextCall(fight, truth))!]);
    const data = calls.map(([fight, call]) => encode(fight, call));
    const states = async () => Promise.all(fights.map(({ id }) => p.game.disputes(id)));
    const before = await states();
    // Both commit to the trace; the second comes too late, so the first has not happened either.
    await expect(p.game.connect(p.honest).multicall(data)).to.be.revertedWithCustomError(
      p.game,
      'TraceAlreadyCommitted',
    );
    await expect(p.game.connect(p.watcher).multicall(data.slice(0, 1))).to.be.revertedWithCustomError(
      p.game,
      'NotMover',
    );
    // One call within another, and a call for the oracle alone.
    const nested = p.game.interface.encodeFunctionData('multicall', [data.slice(0, 1)]);
    await expect(p.game.connect(p.watcher).multicall([nested])).to.be.revertedWithCustomError(
      p.game,
      'NotMover',
    );
    const opening = p.game.interface.encodeFunctionData('open', [
      p.honest.address,
      claimed.id,
      p.watcher.address,
      small.id,
      claimed.outputs,
      1n,
      1n,
      1n,
    ]);
    await expect(p.game.connect(p.watcher).multicall([opening])).to.be.revertedWithCustomError(
      p.game,
      'NotOracle',
    );
    expect(await states()).to.deep.equal(before);
    const call = p.game.interface.encodeFunctionData('multicall', [data.slice(0, 1)]);
    const paying = p.honest.sendTransaction({ to: p.game, data: call, value: 1n, gasLimit: 1_000_000n });
    expect(
      await paying
        .then((sent) => sent.wait())
        .then(
          () => 'taken',
          () => 'refused',
        ),
    ).to.equal('refused');
    expect(await p.ethers.provider.getBalance(p.game)).to.equal(0n);
    await p.game.connect(p.honest).multicall([nested]);
    expect((await states())[0]).to.not.equal(before[0]);
  });
});
