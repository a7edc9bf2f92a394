// Rows 11, 12 and 30 to 33, and who may call what: requests, finality, callbacks and money.
import { expect } from 'chai';
import type { ContractTransactionReceipt } from 'ethers';
import { REQUEST_STATUS } from '../../../src/chain/contracts/status.ts';
import { toyLoop, toyModel } from '../../support/toy/model.ts';
import {
  type Asked,
  type Bounds,
  type Claimed,
  deployProtocol,
  FEE,
  MAX,
  MIN,
  type Protocol,
  TERMS,
  type Terms,
} from '../../support/toy/protocol.ts';
import { DEEP, honestValues, INPUT, small, withFalseOutput } from '../../support/toy/small.ts';
import { valuesOf } from '../../support/toy/values.ts';

const { claimBondWei, challengeBondWei } = TERMS;
const MOOD = { Accept: 0, Revert: 1, BurnGas: 2, ReturnBomb: 3, Reenter: 4 } as const;

/** Some other value of a term. */
const another = (term: unknown): unknown => {
  if (typeof term === 'bigint') return term + 1n;
  return typeof term === 'boolean' ? !term : `0x${'22'.repeat(20)}`;
};

describe('attacks: money and finality', () => {
  let protocol: Protocol;
  const falseValues = withFalseOutput(DEEP);

  beforeEach(async () => {
    protocol = await deployProtocol();
    await protocol.publish(small);
  });

  const balance = () => protocol.ethers.provider.getBalance(protocol.oracle);

  async function hostile() {
    const consumer = await protocol.ethers.deployContract('HostileConsumer');
    const ask = async (terms: Partial<Terms> = {}): Promise<Asked> => {
      const whole = { ...TERMS, ...terms };
      const sent = await consumer.ask(protocol.oracle, small.id, INPUT, whole, FEE, {
        value: FEE + whole.callbackFeeWei,
      });
      return protocol.askedFrom((await sent.wait())!, small, whole);
    };
    return { consumer, ask };
  }

  async function final(claimed: Claimed): Promise<ContractTransactionReceipt> {
    await protocol.passWindow(claimed);
    return protocol.finalize(claimed);
  }

  const moods: [keyof typeof MOOD, string][] = [
    ['Revert', 'reverts'],
    ['BurnGas', 'burns all its gas'],
    ['ReturnBomb', 'returns a bomb'],
  ];
  for (const [mood, what] of moods) {
    it(`attack 11: a callback that ${what} changes nothing about the answer and the payment`, async () => {
      const { consumer, ask } = await hostile();
      await consumer.plan(MOOD[mood], false, protocol.ethers.ZeroAddress, '0x');
      const claimed = await protocol.claim(await ask(), honestValues.output(), protocol.honest);
      const receipt = await final(claimed);
      const { reason } = protocol.eventOf(receipt, 'CallbackFailed');
      if (mood === 'Revert') expect(reason).to.equal(consumer.interface.getError('Moody')?.selector);
      if (mood === 'BurnGas') expect(reason).to.equal('0x');
      if (mood === 'ReturnBomb') expect(protocol.ethers.dataLength(reason)).to.equal(128);
      expect(receipt.gasUsed).to.be.lessThan(TERMS.callbackGas + 200_000n);
      expect(await protocol.oracle.result(claimed.asked.id)).to.equal(
        protocol.ethers.hexlify(honestValues.output()),
      );
      expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei + FEE);
      await expect(protocol.sendFinalize(claimed)).to.be.revertedWithCustomError(
        protocol.oracle,
        'ClaimNotOpen',
      );
    });
  }

  it('attack 11: a callback can reenter no function of oracle and game', async () => {
    const { consumer, ask } = await hostile();
    const rival = await protocol.claim(await protocol.ask(small, INPUT), falseValues.output(), protocol.liar);
    const dispute = await protocol.challenge(rival, protocol.watcher);
    const claimed = await protocol.claim(await ask(), honestValues.output(), protocol.honest);
    const other = await protocol.claim(claimed.asked, falseValues.output(), protocol.liar);
    await protocol.runOut(dispute);
    await protocol.networkHelpers.mine();
    await protocol.passWindow(other);
    await protocol.networkHelpers.mine();
    const { interface: oracle } = protocol.oracle;
    const { request } = claimed.asked as never;
    const again = oracle.getError('ReentrancyGuardReentrantCall')!.selector;
    const calls: [typeof protocol.oracle | typeof protocol.game, string][] = [
      [protocol.oracle, oracle.encodeFunctionData('request', [small.id, INPUT, TERMS, FEE])],
      [
        protocol.oracle,
        oracle.encodeFunctionData('claim', [claimed.asked.id, request, falseValues.output()]),
      ],
      [protocol.oracle, oracle.encodeFunctionData('challenge', [other.id, request, other.outputs])],
      [
        protocol.oracle,
        oracle.encodeFunctionData('finalize', [other.id, request, other.outputs, other.output, true]),
      ],
      [
        protocol.oracle,
        oracle.encodeFunctionData('finalize', [claimed.id, request, claimed.outputs, claimed.output, false]),
      ],
      [
        protocol.oracle,
        oracle.encodeFunctionData('runCallback', [claimed.asked.id, request, claimed.output]),
      ],
      [protocol.oracle, oracle.encodeFunctionData('cancel', [claimed.asked.id, request])],
      [protocol.oracle, oracle.encodeFunctionData('payFee', [claimed.asked.id, request, claimed.outputs])],
      [protocol.oracle, oracle.encodeFunctionData('withdraw')],
      [protocol.oracle, oracle.encodeFunctionData('withdrawTo', [protocol.stranger.address])],
      [
        protocol.game,
        protocol.game.interface.encodeFunctionData('timeout', [
          dispute.id,
          dispute.fields as never,
          dispute.subject,
        ]),
      ],
    ];
    for (const [target, payload] of calls) {
      const snapshot = await protocol.networkHelpers.takeSnapshot();
      await consumer.plan(MOOD.Reenter, false, target, payload);
      const receipt = (await (await protocol.sendFinalize(claimed)).wait())!;
      protocol.eventOf(receipt, 'CallbackRun');
      expect(await consumer.reentered()).to.equal(false);
      expect(await consumer.returned()).to.equal(again);
      await snapshot.restore();
    }
  });

  it('attack 11: a callback gets the gas it was promised, or finality reverts', async () => {
    const { consumer, ask } = await hostile();
    const callbackGas = 300_000n;
    const claimed = await protocol.claim(await ask({ callbackGas }), honestValues.output(), protocol.honest);
    await protocol.passWindow(claimed);
    await protocol.networkHelpers.mine();
    let refusedAt = 0n;
    for (let gasLimit = 150_000n; gasLimit < 600_000n; gasLimit += 7_000n) {
      const snapshot = await protocol.networkHelpers.takeSnapshot();
      const receipt = await protocol.sendFinalize(claimed, { gasLimit }).then(
        (tx) => tx.wait(),
        () => undefined,
      );
      if (receipt) {
        // A little of it is gone before the first instruction that looks.
        expect(await consumer.gasSeen()).to.be.greaterThan(callbackGas - 1_000n);
        expect(await consumer.calls()).to.equal(1n);
      } else {
        refusedAt = gasLimit;
        expect(await protocol.oracle.isFinal(claimed.asked.id)).to.equal(false);
      }
      await snapshot.restore();
    }
    expect(refusedAt).to.be.within(callbackGas, callbackGas + 150_000n);
    await expect(protocol.sendFinalize(claimed, { gasLimit: refusedAt })).to.be.revertedWithCustomError(
      protocol.oracle,
      'InsufficientCallbackGas',
    );
  });

  it('attack 11: a requester without code, or that asked for none, gets no callback', async () => {
    const { ask } = await hostile();
    for (const asked of [await protocol.ask(small, INPUT), await ask({ callbackGas: 0n })]) {
      const receipt = await final(await protocol.claim(asked, honestValues.output(), protocol.honest));
      for (const name of ['CallbackRun', 'CallbackFailed'])
        expect(() => protocol.eventOf(receipt, name)).to.throw();
    }
  });

  it('attack 12: a second equal claim by one account, or after finality, is refused', async () => {
    const asked = await protocol.ask(small, INPUT);
    const first = await protocol.claim(asked, honestValues.output(), protocol.honest);
    await expect(protocol.claim(asked, honestValues.output(), protocol.honest))
      .to.be.revertedWithCustomError(protocol.oracle, 'OutputAlreadyClaimed')
      .withArgs(first.id);
    await final(first);
    for (const output of [honestValues.output(), falseValues.output()]) {
      await expect(protocol.claim(asked, output, protocol.stranger))
        .to.be.revertedWithCustomError(protocol.oracle, 'RequestNotOpen')
        .withArgs(asked.id, REQUEST_STATUS.answered);
    }
    await expect(protocol.sendFinalize(first)).to.be.revertedWithCustomError(protocol.oracle, 'ClaimNotOpen');
  });

  it('attack 12: an output lost on purpose can be claimed again, and only anew', async () => {
    const asked = await protocol.ask(small, INPUT);
    const lost = await protocol.claim(asked, honestValues.output(), protocol.liar);
    const dispute = await protocol.challenge(lost, protocol.stranger);
    await protocol.runOut(dispute);
    await protocol.timeout(dispute);
    const again = await protocol.claim(asked, honestValues.output(), protocol.honest);
    expect(again.id).to.equal(lost.id + 1n);
    await protocol.passWindow(again);
    await expect(protocol.sendFinalize(lost)).to.be.revertedWithCustomError(protocol.oracle, 'ClaimNotOpen');
    await protocol.finalize(again);
    expect((await protocol.oracle.progress(asked.id)).answer).to.equal(2n);
  });

  it('a false claim delays no honest one; an undecided rival gets its bond back', async () => {
    const asked = await protocol.ask(small, INPUT);
    const rival = await protocol.claim(asked, falseValues.output(), protocol.liar);
    const honest = await protocol.claim(asked, honestValues.output(), protocol.honest);
    const dispute = await protocol.challenge(rival, protocol.watcher);
    await protocol.step(dispute, falseValues);
    await final(honest);
    await expect(protocol.sendFinalize(rival)).to.be.revertedWithCustomError(protocol.oracle, 'DisputesOpen');
    // The challenger gives up: the rival is not proven false, but it is too late to answer.
    await protocol.runOut(dispute);
    await protocol.timeout(dispute);
    await protocol.finalize(rival);
    expect(await protocol.oracle.owed(protocol.liar)).to.equal(claimBondWei + challengeBondWei);
    expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei + FEE);
    expect(await protocol.oracle.result(asked.id)).to.equal(protocol.ethers.hexlify(honestValues.output()));
    expect(await protocol.oracle.isResult(asked.id, honest.outputs)).to.equal(true);
    expect(await protocol.oracle.isResult(asked.id, rival.outputs)).to.equal(false);
  });

  it('a result read before finality reverts', async () => {
    const asked = await protocol.ask(small, INPUT);
    const claimed = await protocol.claim(asked, honestValues.output(), protocol.honest);
    for (const read of [
      () => protocol.oracle.result(asked.id),
      () => protocol.oracle.isResult(asked.id, claimed.outputs),
    ]) {
      await expect(read()).to.be.revertedWithCustomError(protocol.oracle, 'NotFinal').withArgs(asked.id);
    }
    await expect(protocol.oracle.result(99)).to.be.revertedWithCustomError(protocol.oracle, 'NotFinal');
  });

  it('output bytes that are not the claimed ones, or not as long, do not finalise', async () => {
    const claimed = await protocol.claim(
      await protocol.ask(small, INPUT),
      honestValues.output(),
      protocol.honest,
    );
    await protocol.passWindow(claimed);
    await protocol.networkHelpers.mine();
    const wrong = claimed.output.slice();
    wrong[3]! ^= 1;
    await expect(protocol.sendFinalize({ ...claimed, output: wrong })).to.be.revertedWithCustomError(
      protocol.oracle,
      'OutputMismatch',
    );
    // Trailing zeros have the same tensor root; it is the bytes themselves that are compared.
    for (const output of [
      new Uint8Array(),
      claimed.output.slice(1),
      new Uint8Array([...claimed.output, 0]),
    ]) {
      await expect(protocol.sendFinalize({ ...claimed, output })).to.be.revertedWithCustomError(
        protocol.oracle,
        'OutputMismatch',
      );
    }
  });

  it('an answer above 1,024 bytes is not kept but can be checked; empty is one', async () => {
    for (const [elements, kept] of [
      [256, true],
      [257, false],
      [0, true],
    ] as const) {
      const model = toyModel([toyLoop(elements, { init: elements })]);
      await protocol.publish(model);
      const none = new Uint8Array();
      const output = valuesOf(model, none).output();
      const asked = await protocol.ask(model, none);
      const claimed = await protocol.claim(asked, output, protocol.honest);
      await final(claimed);
      expect(await protocol.oracle.isResult(asked.id, claimed.outputs)).to.equal(true);
      if (kept) expect(await protocol.oracle.result(asked.id)).to.equal(protocol.ethers.hexlify(output));
      else
        await expect(protocol.oracle.result(asked.id)).to.be.revertedWithCustomError(
          protocol.oracle,
          'OutputNotStored',
        );
    }
  });

  it('attack 30: while a claim runs the requester can change and take nothing', async () => {
    const asked = await protocol.ask(small, INPUT);
    const claimed = await protocol.claim(asked, honestValues.output(), protocol.honest);
    const mine = protocol.oracle.connect(protocol.requester);
    await protocol.at(asked.requestedAt + TERMS.patienceSeconds + 1n);
    await mine.cancel(asked.id, asked.request as never);
    await expect(mine.cancel(asked.id, asked.request as never)).to.be.revertedWithCustomError(
      protocol.oracle,
      'ClaimsOpen',
    );
    expect(await protocol.oracle.owed(protocol.requester)).to.equal(0n);
    const [requester, fee, modelId, inputs, at, terms] = asked.request as [unknown, bigint, ...unknown[]];
    const changes: unknown[][] = [
      [protocol.stranger.address, fee, modelId, inputs, at, terms],
      [requester, fee + 1n, modelId, inputs, at, terms],
      [requester, fee, small.tree.root, inputs, at, terms],
      [requester, fee, modelId, small.tree.root, at, terms],
      [requester, fee, modelId, inputs, 1n, terms],
      ...(terms as unknown[]).map((_, i) => {
        const changed = (terms as unknown[]).map((term, j) => (i === j ? another(term) : term));
        return [requester, fee, modelId, inputs, at, changed];
      }),
    ];
    for (const request of changes) {
      const changed = { ...claimed, asked: { ...asked, request } };
      await expect(protocol.sendFinalize(changed)).to.be.revertedWithCustomError(
        protocol.oracle,
        'RequestMismatch',
      );
      await expect(
        protocol.claim(changed.asked, falseValues.output(), protocol.liar),
      ).to.be.revertedWithCustomError(protocol.oracle, 'RequestMismatch');
      await expect(mine.cancel(asked.id, request as never)).to.be.revertedWithCustomError(
        protocol.oracle,
        'RequestMismatch',
      );
    }
  });

  it('attack 30: only the requester cancels, once, unanswered, for its fee', async () => {
    const asked = await protocol.ask(small, INPUT);
    await protocol.at(asked.requestedAt + TERMS.patienceSeconds + 1n);
    const request = asked.request as never;
    await expect(
      protocol.oracle.connect(protocol.stranger).cancel(asked.id, request),
    ).to.be.revertedWithCustomError(protocol.oracle, 'NotRequester');
    const mine = protocol.oracle.connect(protocol.requester);
    await mine.cancel(asked.id, request);
    expect(await protocol.oracle.owed(protocol.requester)).to.equal(FEE);
    await expect(mine.cancel(asked.id, request)).to.be.revertedWithCustomError(
      protocol.oracle,
      'RequestNotOpen',
    );
    await expect(protocol.claim(asked, honestValues.output(), protocol.honest)).to.be.revertedWithCustomError(
      protocol.oracle,
      'RequestNotOpen',
    );
    const answered = await protocol.ask(small, INPUT);
    await final(await protocol.claim(answered, honestValues.output(), protocol.honest));
    await protocol.at(answered.requestedAt + TERMS.patienceSeconds + 1n);
    await expect(mine.cancel(answered.id, answered.request as never)).to.be.revertedWithCustomError(
      protocol.oracle,
      'RequestNotOpen',
    );
  });

  it('attack 30: after the last claim was falsified the requester can cancel', async () => {
    const asked = await protocol.ask(small, INPUT);
    const claimed = await protocol.claim(asked, falseValues.output(), protocol.liar);
    await protocol.playOut(await protocol.challenge(claimed, protocol.watcher), falseValues, honestValues);
    expect((await protocol.oracle.progress(asked.id)).openClaims).to.equal(0n);
    await protocol.at(asked.requestedAt + TERMS.patienceSeconds + 1n);
    await protocol.oracle.connect(protocol.requester).cancel(asked.id, asked.request as never);
    expect(await protocol.oracle.owed(protocol.requester)).to.equal(FEE);
  });

  it('attack 31: every term is bounded at the request, below and above, at −1 and +1', async () => {
    // No challenge bond but the least one goes with the least claim bond.
    const low = { challengeBondWei: MIN.challengeBondWei };
    const high = { claimBondWei: MAX.claimBondWei };
    const most = { ...MAX, challengeBondWei: MAX.claimBondWei / 2n };
    for (const term of Object.keys(MIN) as (keyof Bounds)[]) {
      for (const [value, others] of [
        [MIN[term] - 1n, low],
        [MAX[term] + 1n, high],
      ] as const) {
        if (value < 0n) continue;
        await expect(protocol.ask(small, INPUT, { terms: { ...others, [term]: value } }))
          .to.be.revertedWithCustomError(protocol.oracle, 'TermOutOfBounds')
          .withArgs(term, value, MIN[term], MAX[term]);
      }
      await protocol.ask(small, INPUT, { terms: { ...low, [term]: MIN[term] } });
      await protocol.ask(small, INPUT, { terms: { ...high, [term]: most[term] } });
    }
  });

  it('attack 31: no oracle is made with bounds that allow zeros, or nothing', async () => {
    const refused = async (term: keyof Bounds, min: bigint, max: bigint) => {
      const bounds = [
        { ...MIN, [term]: min },
        { ...MAX, [term]: max },
      ];
      const parameters = [protocol.registry, protocol.referee, protocol.ethers.ZeroAddress, ...bounds];
      await expect(protocol.ethers.deployContract('InferenceOracle', parameters))
        .to.be.revertedWithCustomError(protocol.oracle, 'BoundsUnsafe')
        .withArgs(term);
    };
    for (const term of ['claimBondWei', 'challengeBondWei', 'windowSeconds', 'clockSeconds'] as const) {
      await refused(term, 0n, MAX[term]);
    }
    for (const term of Object.keys(MIN) as (keyof Bounds)[]) await refused(term, 5n, 4n);
    await refused('clockSeconds', 1n, 2n ** 28n);
    await refused('claimBondWei', 1n, 2n ** 80n);
    await refused('challengeBondWei', 1n, 2n ** 80n);
  });

  it('attack 31: highest bonds, window and clock run through a whole dispute', async () => {
    const max: Bounds = { ...MAX, claimBondWei: 2n ** 80n - 1n, challengeBondWei: 2n ** 79n - 1n };
    const top = {
      ...max,
      windowSeconds: 2n ** 32n - 1n,
      clockSeconds: 2n ** 28n - 1n,
      patienceSeconds: 2n ** 32n - 1n,
    };
    protocol = await deployProtocol({ max: top });
    await protocol.publish(small);
    for (const one of [protocol.liar, protocol.watcher])
      await protocol.networkHelpers.setBalance(one.address, 2n ** 90n);
    const asked = await protocol.ask(small, INPUT, { terms: top });
    const claimed = await protocol.claim(asked, falseValues.output(), protocol.liar);
    await protocol.at(claimed.claimedAt + top.windowSeconds);
    const dispute = await protocol.challenge(claimed, protocol.watcher);
    // All but what the blocks of the other moves take.
    await protocol.at((await protocol.lastTimestamp()) + top.clockSeconds - 50n);
    await protocol.playOut(dispute, falseValues, honestValues);
    expect(await protocol.oracle.owed(protocol.watcher)).to.equal(
      top.claimBondWei / 2n + top.challengeBondWei,
    );
  });

  it('attack 31: a bond or fee that is not exact and an unknown model are refused', async () => {
    const asked = await protocol.ask(small, INPUT);
    for (const value of [0n, claimBondWei - 1n, claimBondWei + 1n]) {
      await expect(protocol.oracle.claim(asked.id, asked.request as never, honestValues.output(), { value }))
        .to.be.revertedWithCustomError(protocol.oracle, 'PaymentMismatch')
        .withArgs(claimBondWei, value);
    }
    const claimed = await protocol.claim(asked, honestValues.output(), protocol.honest);
    for (const value of [0n, challengeBondWei - 1n, challengeBondWei + 1n]) {
      await expect(
        protocol.oracle.challenge(claimed.id, asked.request as never, claimed.outputs, { value }),
      ).to.be.revertedWithCustomError(protocol.oracle, 'PaymentMismatch');
    }
    for (const value of [0n, FEE - 1n, FEE + 1n]) {
      await expect(protocol.oracle.request(small.id, INPUT, TERMS, FEE, { value }))
        .to.be.revertedWithCustomError(protocol.oracle, 'PaymentMismatch')
        .withArgs(FEE, value);
    }
    await expect(protocol.ask(toyModel([toyLoop(9)]), new Uint8Array())).to.be.revertedWithCustomError(
      protocol.registry,
      'UnknownModel',
    );
    for (const length of [0, 15, 17]) {
      await expect(protocol.ask(small, new Uint8Array(length)))
        .to.be.revertedWithCustomError(protocol.registry, 'InputLengthMismatch')
        .withArgs(16, length);
    }
  });

  it('attack 32: ether forced in upsets no account; ether sent plainly is refused', async () => {
    const refused = await protocol.requester.sendTransaction({ to: protocol.oracle, value: 1n }).then(
      () => false,
      () => true,
    );
    expect(refused).to.equal(true);
    const claimed = await protocol.claim(
      await protocol.ask(small, INPUT),
      honestValues.output(),
      protocol.honest,
    );
    const before = await balance();
    await protocol.ethers.deployContract('EtherForcer', [protocol.oracle], { value: 10n ** 18n });
    await protocol.networkHelpers.setBalance(await protocol.game.getAddress(), 10n ** 18n);
    expect((await balance()) - before).to.equal(10n ** 18n);
    await final(claimed);
    expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei + FEE);
    await protocol.oracle.connect(protocol.honest).withdraw();
    expect(await balance()).to.equal(10n ** 18n);
    await expect(protocol.oracle.connect(protocol.honest).withdraw()).to.be.revertedWithCustomError(
      protocol.oracle,
      'NothingOwed',
    );
  });

  it('attack 33: what is owed, held and burned is what the oracle has, at each end', async () => {
    await protocol.ethers.deployContract('EtherForcer', [protocol.oracle], { value: 777n });
    const forced = 777n;
    const asked = await protocol.ask(small, INPUT);
    const honest = await protocol.claim(asked, honestValues.output(), protocol.honest);
    const rival = await protocol.claim(asked, falseValues.output(), protocol.liar);
    const lost = await protocol.challenge(honest, protocol.stranger);
    const won = await protocol.challenge(rival, protocol.watcher);
    const returned = await protocol.challenge(rival, protocol.stranger);
    await protocol.playOut(won, falseValues, honestValues);
    await protocol.reclaim(returned);
    await protocol.step(lost, honestValues);
    await protocol.runOut(lost);
    await protocol.timeout(lost);
    await protocol.at((await protocol.lastTimestamp()) + TERMS.windowSeconds);
    await protocol.finalize(honest);
    let owed = 0n;
    for (const { address } of protocol.signers) owed += await protocol.oracle.owed(address);
    const { burnedWei } = await protocol.oracle.progress(asked.id);
    expect(await balance()).to.equal(owed + burnedWei + forced);
    for (const one of [protocol.honest, protocol.watcher, protocol.stranger]) {
      await protocol.oracle.connect(one).withdrawTo(one.address);
      await expect(protocol.oracle.connect(one).withdraw()).to.be.revertedWithCustomError(
        protocol.oracle,
        'NothingOwed',
      );
    }
    expect(await balance()).to.equal(burnedWei + forced);
  });

  it('a receiver that refuses ether blocks nobody; one that reenters gains nothing', async () => {
    const { consumer, ask } = await hostile();
    const asked = await ask();
    await protocol.at(asked.requestedAt + TERMS.patienceSeconds + 1n);
    const { interface: oracle } = protocol.oracle;
    await consumer.act(
      protocol.oracle,
      oracle.encodeFunctionData('cancel', [asked.id, asked.request as never]),
    );
    const withdraw = oracle.encodeFunctionData('withdraw');
    await consumer.plan(MOOD.Accept, true, protocol.oracle, '0x');
    await expect(consumer.act(protocol.oracle, withdraw)).to.be.revertedWithCustomError(
      protocol.oracle,
      'WithdrawalRefused',
    );
    expect(await protocol.oracle.owed(consumer)).to.equal(FEE);
    await consumer.plan(MOOD.Accept, false, protocol.oracle, withdraw);
    await consumer.act(protocol.oracle, withdraw);
    expect(await consumer.reentered()).to.equal(false);
    expect(await protocol.ethers.provider.getBalance(consumer)).to.equal(FEE);
    const again = await ask();
    await protocol.at(again.requestedAt + TERMS.patienceSeconds + 1n);
    await consumer.act(
      protocol.oracle,
      oracle.encodeFunctionData('cancel', [again.id, again.request as never]),
    );
    const before = await protocol.ethers.provider.getBalance(protocol.stranger);
    await consumer.act(protocol.oracle, oracle.encodeFunctionData('withdrawTo', [protocol.stranger.address]));
    expect((await protocol.ethers.provider.getBalance(protocol.stranger)) - before).to.equal(FEE);
  });

  it('only the game reports outcomes, and only the oracle opens disputes', async () => {
    const claimed = await protocol.claim(
      await protocol.ask(small, INPUT),
      honestValues.output(),
      protocol.honest,
    );
    const { id, asked } = claimed;
    for (const call of [
      () => protocol.oracle.falsifyByDispute(id, protocol.liar, 1n, 1n),
      () => protocol.oracle.failChallenge(id, 1n),
      () => protocol.oracle.returnChallenge(id, protocol.liar, 1n, 1n),
    ]) {
      await expect(call())
        .to.be.revertedWithCustomError(protocol.oracle, 'NotGame')
        .withArgs(protocol.requester.address);
    }
    await expect(
      protocol.game.open(protocol.honest, id, protocol.liar, asked.model.id, claimed.outputs, 1n, 1n, 1n),
    ).to.be.revertedWithCustomError(protocol.game, 'NotOracle');
  });
});
