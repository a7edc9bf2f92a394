// Row 48 of what the protocol must survive: a crowd of disputes, against one who answers many in one transaction.
import { expect } from 'chai';
import type { Result } from 'ethers';
import { CLAIM_STATUS } from '../../../src/chain/contracts/status.ts';
import { expectGas } from '../../support/gas.ts';
import { type Call, EMPTY_TABLE } from '../../support/toy/moves.ts';
import {
  type Claimed,
  type Dispute,
  deployProtocol,
  type Protocol,
  TERMS,
} from '../../support/toy/protocol.ts';
import { DEEP, honestValues, INPUT, small, withFalseOutput } from '../../support/toy/small.ts';

const { claimBondWei, challengeBondWei } = TERMS;

/** Moves that one transaction holds: of 16,777,216 gas (EIP-7825) and, in public pools, 131,072 bytes. */
const AT_ONCE = 200;
const CROWD = 1_000;
const MOST_GAS = 16_777_216n;
const MOST_BYTES = 130_000;

describe('attacks: a crowd', () => {
  let protocol: Protocol;

  beforeEach(async () => {
    protocol = await deployProtocol();
    await protocol.publish(small);
  });

  const encode = ({ id, fields }: Dispute, { name, args }: Call): string =>
    protocol.game.interface.encodeFunctionData(name as 'reveal', [id, fields, ...args] as never);

  /** Many disputes on one claim, by ten accounts, in few blocks. */
  async function crowd({ id, asked, outputs, ...rest }: Claimed, count: number): Promise<Dispute[]> {
    const claimed = { id, asked, outputs, ...rest };
    await protocol.ethers.provider.send('evm_setAutomine', [false]);
    for (let i = 0; i < count; i++) {
      const overrides = { value: challengeBondWei, gasLimit: 200_000n, gasPrice: 10n ** 11n };
      await protocol.oracle
        .connect(protocol.signers[5 + (i % 10)]!)
        .challenge(id, asked.request as never, outputs, overrides);
      if (i % 100 === 99) await protocol.networkHelpers.mine();
    }
    await protocol.ethers.provider.send('evm_setAutomine', [true]);
    const opened = await protocol.game.queryFilter(protocol.game.filters.Opened());
    expect(opened).to.have.length(count);
    return opened.map(({ args }) => {
      const challenger = protocol.signers.find(({ address }) => address === args.challenger)!;
      const fields = (args.dispute as unknown as Result).toArray(true);
      const subject = protocol.ethers.ZeroHash;
      return { id: args.disputeId, claimed, challenger, fields, subject, table: EMPTY_TABLE, moves: [] };
    });
  }

  const timeoutOf = (dispute: Dispute): Call => ({ name: 'timeout', args: [dispute.subject] });

  /** Sends moves together and brings each dispute up to date. */
  async function together(calls: readonly (readonly [Dispute, Call])[], by = protocol.honest) {
    const data = calls.map(([dispute, call]) => encode(dispute, call));
    const sent = await protocol.game.connect(by).multicall(data, { gasLimit: MOST_GAS });
    const receipt = (await sent.wait())!;
    const moved = new Map(calls.map(([dispute]) => [dispute.id, dispute]));
    for (const log of receipt.logs) {
      const { args } = protocol.game.interface.parseLog(log) ?? {};
      const dispute = args && moved.get(args['disputeId']);
      if (dispute) protocol.absorb(dispute, { logs: [log] } as never);
    }
    return { gas: receipt.gasUsed, bytes: (sent.data.length - 2) / 2 };
  }

  it('attack 48: 5 transactions answer 1,000 disputes on one claim, and 5 end them', async function () {
    this.timeout(300_000);
    const terms = { clockSeconds: 100_000n, windowSeconds: 100_000n };
    const claimed = await protocol.claim(
      await protocol.ask(small, INPUT, { terms }),
      honestValues.output(),
      protocol.honest,
    );
    const disputes = await crowd(claimed, CROWD);
    // The first answer fixes the trace, all others reveal it.
    const first = (await protocol.nextCall(disputes[0]!, honestValues))!;
    const others = { name: 'reveal', args: [first.args.at(-1)] };
    const batches = Array.from({ length: CROWD / AT_ONCE }, (_, i) =>
      disputes.slice(i * AT_ONCE, (i + 1) * AT_ONCE),
    );
    const most = { answers: 0n, ends: 0n };
    for (const batch of batches) {
      const { gas, bytes } = await together(
        batch.map((dispute) => [dispute, dispute === disputes[0] ? first : others]),
      );
      expect(gas).to.be.at.most(MOST_GAS);
      expect(bytes).to.be.at.most(MOST_BYTES);
      if (gas > most.answers) most.answers = gas;
    }
    expectGas('200 first answers to a trace of 8 tensors, together, most', most.answers);
    await protocol.at((await protocol.lastTimestamp()) + terms.clockSeconds + 1n);
    for (const batch of batches) {
      const { gas, bytes } = await together(batch.map((dispute) => [dispute, timeoutOf(dispute)]));
      expect(gas).to.be.at.most(MOST_GAS);
      expect(bytes).to.be.at.most(MOST_BYTES);
      if (gas > most.ends) most.ends = gas;
    }
    expectGas('200 ends by the clock, together, most', most.ends);
    expect((await protocol.oracle.claims(claimed.id)).openDisputes).to.equal(0n);
    expect(await protocol.oracle.owed(protocol.honest)).to.equal(BigInt(CROWD) * challengeBondWei);
    await protocol.finalize(claimed);
    expect((await protocol.oracle.claims(claimed.id)).status).to.equal(CLAIM_STATUS.final);
  });

  it('attack 48: one watcher moves in disputes on many false claims at once', async () => {
    const falseValues = withFalseOutput(DEEP);
    const disputes: Dispute[] = [];
    for (let i = 0; i < 10; i++) {
      const claimed = await protocol.claim(
        await protocol.ask(small, INPUT),
        falseValues.output(),
        protocol.liar,
      );
      disputes.push(await protocol.challenge(claimed, protocol.watcher));
    }
    while (disputes.some(({ ended }) => !ended)) {
      const calls: [Dispute, Call][] = [];
      const mover = protocol.moverOf(disputes[0]!);
      for (const dispute of disputes) {
        calls.push([
          dispute,
          (await protocol.nextCall(dispute, mover === protocol.liar ? falseValues : honestValues))!,
        ]);
      }
      // The last moves, each with a leaf, pay out too: all within one transaction.
      await together(calls, mover);
    }
    for (const { ended } of disputes) expect(ended?.winner).to.equal(protocol.watcher.address);
    expect(await protocol.oracle.owed(protocol.watcher)).to.equal(
      10n * (claimBondWei / 2n + challengeBondWei),
    );
  });

  it('attack 48: moves sent together succeed or fail together, and take no ether', async () => {
    const claimed = await protocol.claim(
      await protocol.ask(small, INPUT),
      honestValues.output(),
      protocol.honest,
    );
    const disputes = [
      await protocol.challenge(claimed, protocol.watcher),
      await protocol.challenge(claimed, protocol.stranger),
    ];
    const calls: [Dispute, Call][] = [];
    for (const dispute of disputes) calls.push([dispute, (await protocol.nextCall(dispute, honestValues))!]);
    const data = calls.map(([dispute, call]) => encode(dispute, call));
    const states = async () => Promise.all(disputes.map(({ id }) => protocol.game.disputes(id)));
    const before = await states();
    // Both commit to the trace; the second comes too late, so the first has not happened either.
    await expect(protocol.game.connect(protocol.honest).multicall(data)).to.be.revertedWithCustomError(
      protocol.game,
      'TraceAlreadyCommitted',
    );
    await expect(
      protocol.game.connect(protocol.watcher).multicall(data.slice(0, 1)),
    ).to.be.revertedWithCustomError(protocol.game, 'NotMover');
    // One call within another, and a call for the oracle alone.
    const nested = protocol.game.interface.encodeFunctionData('multicall', [data.slice(0, 1)]);
    await expect(protocol.game.connect(protocol.watcher).multicall([nested])).to.be.revertedWithCustomError(
      protocol.game,
      'NotMover',
    );
    const opening = protocol.game.interface.encodeFunctionData('open', [
      protocol.honest.address,
      claimed.id,
      protocol.watcher.address,
      small.id,
      claimed.outputs,
      1n,
      1n,
      1n,
    ]);
    await expect(protocol.game.connect(protocol.watcher).multicall([opening])).to.be.revertedWithCustomError(
      protocol.game,
      'NotOracle',
    );
    expect(await states()).to.deep.equal(before);
    const call = protocol.game.interface.encodeFunctionData('multicall', [data.slice(0, 1)]);
    const paying = protocol.honest.sendTransaction({
      to: protocol.game,
      data: call,
      value: 1n,
      gasLimit: 1_000_000n,
    });
    expect(
      await paying
        .then((sent) => sent.wait())
        .then(
          () => 'taken',
          () => 'refused',
        ),
    ).to.equal('refused');
    expect(await protocol.ethers.provider.getBalance(protocol.game)).to.equal(0n);
    await protocol.game.connect(protocol.honest).multicall([nested]);
    expect((await states())[0]).to.not.equal(before[0]);
  });
});
