// Rows 11, 12 and 30 to 33, and who may call what: requests, finality, callbacks and money.
import { expect } from 'chai';
import type { ContractTransactionReceipt } from 'ethers';
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
import { DEEP, INPUT, small, tale, truth } from '../../support/toy/small.ts';
import { valuesOf } from '../../support/toy/values.ts';

const { claimBondWei, challengeBondWei } = TERMS;
const MOOD = { Accept: 0, Revert: 1, BurnGas: 2, ReturnBomb: 3, Reenter: 4 } as const;

/** Some other value of a term. */
const another = (term: unknown): unknown => {
  if (typeof term === 'bigint') return term + 1n;
  return typeof term === 'boolean' ? !term : `0x${'22'.repeat(20)}`;
};

describe('attacks: money and finality', () => {
  let p: Protocol;
  const lie = tale(DEEP);

  beforeEach(async () => {
    p = await deployProtocol();
    await p.publish(small);
  });

  const balance = () => p.ethers.provider.getBalance(p.oracle);

  async function hostile() {
    const consumer = await p.ethers.deployContract('HostileConsumer');
    const ask = async (terms: Partial<Terms> = {}): Promise<Asked> => {
      const whole = { ...TERMS, ...terms };
      const sent = await consumer.ask(p.oracle, small.id, INPUT, whole, FEE, {
        value: FEE + whole.callbackFeeWei,
      });
      return p.askedFrom((await sent.wait())!, small, whole);
    };
    return { consumer, ask };
  }

  async function final(claimed: Claimed): Promise<ContractTransactionReceipt> {
    await p.passWindow(claimed);
    return p.finalize(claimed);
  }

  const moods: [keyof typeof MOOD, string][] = [
    ['Revert', 'reverts'],
    ['BurnGas', 'burns all its gas'],
    ['ReturnBomb', 'returns a bomb'],
  ];
  for (const [mood, what] of moods) {
    it(`attack 11: a callback that ${what} changes nothing about the answer and the payment`, async () => {
      const { consumer, ask } = await hostile();
      await consumer.plan(MOOD[mood], false, p.ethers.ZeroAddress, '0x');
      const claimed = await p.claim(await ask(), truth.output(), p.honest);
      const receipt = await final(claimed);
      const { reason } = p.eventOf(receipt, 'CallbackFailed');
      if (mood === 'Revert') expect(reason).to.equal(consumer.interface.getError('Moody')?.selector);
      if (mood === 'BurnGas') expect(reason).to.equal('0x');
      if (mood === 'ReturnBomb') expect(p.ethers.dataLength(reason)).to.equal(128);
      expect(receipt.gasUsed).to.be.lessThan(TERMS.callbackGas + 200_000n);
      expect(await p.oracle.result(claimed.asked.id)).to.equal(p.ethers.hexlify(truth.output()));
      expect(await p.oracle.owed(p.honest)).to.equal(claimBondWei + FEE);
      await expect(p.sendFinalize(claimed)).to.be.revertedWithCustomError(p.oracle, 'ClaimNotOpen');
    });
  }

  it('attack 11: a callback can reenter no function of oracle and game', async () => {
    const { consumer, ask } = await hostile();
    const rival = await p.claim(await p.ask(small, INPUT), lie.output(), p.liar);
    const fight = await p.challenge(rival, p.watcher);
    const claimed = await p.claim(await ask(), truth.output(), p.honest);
    const other = await p.claim(claimed.asked, lie.output(), p.liar);
    await p.runOut(fight);
    await p.networkHelpers.mine();
    await p.passWindow(other);
    await p.networkHelpers.mine();
    const { interface: oracle } = p.oracle;
    const { request } = claimed.asked as never;
    const again = oracle.getError('ReentrancyGuardReentrantCall')!.selector;
    const calls: [typeof p.oracle | typeof p.game, string][] = [
      [p.oracle, oracle.encodeFunctionData('request', [small.id, INPUT, TERMS, FEE])],
      [p.oracle, oracle.encodeFunctionData('claim', [claimed.asked.id, request, lie.output()])],
      [p.oracle, oracle.encodeFunctionData('challenge', [other.id, request, other.outputs])],
      [
        p.oracle,
        oracle.encodeFunctionData('finalize', [other.id, request, other.outputs, other.output, true]),
      ],
      [
        p.oracle,
        oracle.encodeFunctionData('finalize', [claimed.id, request, claimed.outputs, claimed.output, false]),
      ],
      [p.oracle, oracle.encodeFunctionData('runCallback', [claimed.asked.id, request, claimed.output])],
      [p.oracle, oracle.encodeFunctionData('cancel', [claimed.asked.id, request])],
      [p.oracle, oracle.encodeFunctionData('payFee', [claimed.asked.id, request, claimed.outputs])],
      [p.oracle, oracle.encodeFunctionData('withdraw')],
      [p.oracle, oracle.encodeFunctionData('withdrawTo', [p.stranger.address])],
      [
        p.game,
        p.game.interface.encodeFunctionData('timeout', [fight.id, fight.dispute as never, fight.subject]),
      ],
    ];
    for (const [target, payload] of calls) {
      const snapshot = await p.networkHelpers.takeSnapshot();
      await consumer.plan(MOOD.Reenter, false, target, payload);
      const receipt = (await (await p.sendFinalize(claimed)).wait())!;
      p.eventOf(receipt, 'CallbackRun');
      expect(await consumer.reentered()).to.equal(false);
      expect(await consumer.returned()).to.equal(again);
      await snapshot.restore();
    }
  });

  it('attack 11: a callback gets the gas it was promised, or finality reverts', async () => {
    const { consumer, ask } = await hostile();
    const callbackGas = 300_000n;
    const claimed = await p.claim(await ask({ callbackGas }), truth.output(), p.honest);
    await p.passWindow(claimed);
    await p.networkHelpers.mine();
    let refusedAt = 0n;
    for (let gasLimit = 150_000n; gasLimit < 600_000n; gasLimit += 7_000n) {
      const snapshot = await p.networkHelpers.takeSnapshot();
      const receipt = await p.sendFinalize(claimed, { gasLimit }).then(
        (tx) => tx.wait(),
        () => undefined,
      );
      if (receipt) {
        // A little of it is gone before the first instruction that looks.
        expect(await consumer.gasSeen()).to.be.greaterThan(callbackGas - 1_000n);
        expect(await consumer.calls()).to.equal(1n);
      } else {
        refusedAt = gasLimit;
        expect(await p.oracle.isFinal(claimed.asked.id)).to.equal(false);
      }
      await snapshot.restore();
    }
    expect(refusedAt).to.be.within(callbackGas, callbackGas + 150_000n);
    await expect(p.sendFinalize(claimed, { gasLimit: refusedAt })).to.be.revertedWithCustomError(
      p.oracle,
      'InsufficientCallbackGas',
    );
  });

  it('attack 11: no callback for a requester without code, nor for none asked', async () => {
    const { ask } = await hostile();
    for (const asked of [await p.ask(small, INPUT), await ask({ callbackGas: 0n })]) {
      const receipt = await final(await p.claim(asked, truth.output(), p.honest));
      for (const name of ['CallbackRun', 'CallbackFailed']) expect(() => p.eventOf(receipt, name)).to.throw();
    }
  });

  it('attack 12: a second equal claim by one account, or after finality, is refused', async () => {
    const asked = await p.ask(small, INPUT);
    const first = await p.claim(asked, truth.output(), p.honest);
    await expect(p.claim(asked, truth.output(), p.honest))
      .to.be.revertedWithCustomError(p.oracle, 'OutputAlreadyClaimed')
      .withArgs(first.id);
    await final(first);
    for (const output of [truth.output(), lie.output()]) {
      await expect(p.claim(asked, output, p.stranger))
        .to.be.revertedWithCustomError(p.oracle, 'RequestNotOpen')
        .withArgs(asked.id, 2);
    }
    await expect(p.sendFinalize(first)).to.be.revertedWithCustomError(p.oracle, 'ClaimNotOpen');
  });

  it('attack 12: an output lost on purpose can be claimed again, and only anew', async () => {
    const asked = await p.ask(small, INPUT);
    const lost = await p.claim(asked, truth.output(), p.liar);
    const fight = await p.challenge(lost, p.stranger);
    await p.runOut(fight);
    await p.timeout(fight);
    const again = await p.claim(asked, truth.output(), p.honest);
    expect(again.id).to.equal(lost.id + 1n);
    await p.passWindow(again);
    await expect(p.sendFinalize(lost)).to.be.revertedWithCustomError(p.oracle, 'ClaimNotOpen');
    await p.finalize(again);
    expect((await p.oracle.progress(asked.id)).answer).to.equal(2n);
  });

  it('a false claim delays no honest one; an undecided rival gets its bond back', async () => {
    const asked = await p.ask(small, INPUT);
    const rival = await p.claim(asked, lie.output(), p.liar);
    const honest = await p.claim(asked, truth.output(), p.honest);
    const fight = await p.challenge(rival, p.watcher);
    await p.step(fight, lie);
    await final(honest);
    await expect(p.sendFinalize(rival)).to.be.revertedWithCustomError(p.oracle, 'DisputesOpen');
    // The challenger gives up: the rival is not proven false, but it is too late to answer.
    await p.runOut(fight);
    await p.timeout(fight);
    await p.finalize(rival);
    expect(await p.oracle.owed(p.liar)).to.equal(claimBondWei + challengeBondWei);
    expect(await p.oracle.owed(p.honest)).to.equal(claimBondWei + FEE);
    expect(await p.oracle.result(asked.id)).to.equal(p.ethers.hexlify(truth.output()));
    expect(await p.oracle.isResult(asked.id, honest.outputs)).to.equal(true);
    expect(await p.oracle.isResult(asked.id, rival.outputs)).to.equal(false);
  });

  it('a result read before finality reverts', async () => {
    const asked = await p.ask(small, INPUT);
    const claimed = await p.claim(asked, truth.output(), p.honest);
    for (const read of [
      () => p.oracle.result(asked.id),
      () => p.oracle.isResult(asked.id, claimed.outputs),
    ]) {
      await expect(read()).to.be.revertedWithCustomError(p.oracle, 'NotFinal').withArgs(asked.id);
    }
    await expect(p.oracle.result(99)).to.be.revertedWithCustomError(p.oracle, 'NotFinal');
  });

  it('output bytes that are not the claimed ones, or not as long, do not finalise', async () => {
    const claimed = await p.claim(await p.ask(small, INPUT), truth.output(), p.honest);
    await p.passWindow(claimed);
    await p.networkHelpers.mine();
    const wrong = claimed.output.slice();
    wrong[3]! ^= 1;
    await expect(p.sendFinalize({ ...claimed, output: wrong })).to.be.revertedWithCustomError(
      p.oracle,
      'OutputMismatch',
    );
    // Trailing zeros have the same tensor root; it is the bytes themselves that are compared.
    for (const output of [
      new Uint8Array(),
      claimed.output.slice(1),
      new Uint8Array([...claimed.output, 0]),
    ]) {
      await expect(p.sendFinalize({ ...claimed, output })).to.be.revertedWithCustomError(
        p.oracle,
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
      await p.publish(model);
      const none = new Uint8Array();
      const output = valuesOf(model, none).output();
      const asked = await p.ask(model, none);
      const claimed = await p.claim(asked, output, p.honest);
      await final(claimed);
      expect(await p.oracle.isResult(asked.id, claimed.outputs)).to.equal(true);
      if (kept) expect(await p.oracle.result(asked.id)).to.equal(p.ethers.hexlify(output));
      else await expect(p.oracle.result(asked.id)).to.be.revertedWithCustomError(p.oracle, 'OutputNotStored');
    }
  });

  it('attack 30: while a claim runs the requester can change and take nothing', async () => {
    const asked = await p.ask(small, INPUT);
    const claimed = await p.claim(asked, truth.output(), p.honest);
    const mine = p.oracle.connect(p.requester);
    await p.at(asked.requestedAt + TERMS.patienceSeconds + 1n);
    await mine.cancel(asked.id, asked.request as never);
    await expect(mine.cancel(asked.id, asked.request as never)).to.be.revertedWithCustomError(
      p.oracle,
      'ClaimsOpen',
    );
    expect(await p.oracle.owed(p.requester)).to.equal(0n);
    const [requester, fee, modelId, inputs, at, terms] = asked.request as [unknown, bigint, ...unknown[]];
    const changes: unknown[][] = [
      [p.stranger.address, fee, modelId, inputs, at, terms],
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
      await expect(p.sendFinalize(changed)).to.be.revertedWithCustomError(p.oracle, 'RequestMismatch');
      await expect(p.claim(changed.asked, lie.output(), p.liar)).to.be.revertedWithCustomError(
        p.oracle,
        'RequestMismatch',
      );
      await expect(mine.cancel(asked.id, request as never)).to.be.revertedWithCustomError(
        p.oracle,
        'RequestMismatch',
      );
    }
  });

  it('attack 30: only the requester cancels, once, unanswered, for its fee', async () => {
    const asked = await p.ask(small, INPUT);
    await p.at(asked.requestedAt + TERMS.patienceSeconds + 1n);
    const request = asked.request as never;
    await expect(p.oracle.connect(p.stranger).cancel(asked.id, request)).to.be.revertedWithCustomError(
      p.oracle,
      'NotRequester',
    );
    const mine = p.oracle.connect(p.requester);
    await mine.cancel(asked.id, request);
    expect(await p.oracle.owed(p.requester)).to.equal(FEE);
    await expect(mine.cancel(asked.id, request)).to.be.revertedWithCustomError(p.oracle, 'RequestNotOpen');
    await expect(p.claim(asked, truth.output(), p.honest)).to.be.revertedWithCustomError(
      p.oracle,
      'RequestNotOpen',
    );
    const answered = await p.ask(small, INPUT);
    await final(await p.claim(answered, truth.output(), p.honest));
    await p.at(answered.requestedAt + TERMS.patienceSeconds + 1n);
    await expect(mine.cancel(answered.id, answered.request as never)).to.be.revertedWithCustomError(
      p.oracle,
      'RequestNotOpen',
    );
  });

  it('attack 30: after the last claim was falsified the requester can cancel', async () => {
    const asked = await p.ask(small, INPUT);
    const claimed = await p.claim(asked, lie.output(), p.liar);
    await p.playOut(await p.challenge(claimed, p.watcher), lie, truth);
    expect((await p.oracle.progress(asked.id)).openClaims).to.equal(0n);
    await p.at(asked.requestedAt + TERMS.patienceSeconds + 1n);
    await p.oracle.connect(p.requester).cancel(asked.id, asked.request as never);
    expect(await p.oracle.owed(p.requester)).to.equal(FEE);
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
        await expect(p.ask(small, INPUT, { terms: { ...others, [term]: value } }))
          .to.be.revertedWithCustomError(p.oracle, 'TermOutOfBounds')
          .withArgs(term, value, MIN[term], MAX[term]);
      }
      await p.ask(small, INPUT, { terms: { ...low, [term]: MIN[term] } });
      await p.ask(small, INPUT, { terms: { ...high, [term]: most[term] } });
    }
  });

  it('attack 31: no oracle is made with bounds that allow zeros, or nothing', async () => {
    const refused = async (term: keyof Bounds, min: bigint, max: bigint) => {
      const bounds = [
        { ...MIN, [term]: min },
        { ...MAX, [term]: max },
      ];
      const made = [p.registry, p.referee, p.ethers.ZeroAddress, ...bounds];
      await expect(p.ethers.deployContract('InferenceOracle', made))
        .to.be.revertedWithCustomError(p.oracle, 'BoundsUnsafe')
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
    p = await deployProtocol({ max: top });
    await p.publish(small);
    for (const one of [p.liar, p.watcher]) await p.networkHelpers.setBalance(one.address, 2n ** 90n);
    const asked = await p.ask(small, INPUT, { terms: top });
    const claimed = await p.claim(asked, lie.output(), p.liar);
    await p.at(claimed.claimedAt + top.windowSeconds);
    const fight = await p.challenge(claimed, p.watcher);
    // All but what the blocks of the other moves take.
    await p.at((await p.lastTimestamp()) + top.clockSeconds - 50n);
    await p.playOut(fight, lie, truth);
    expect(await p.oracle.owed(p.watcher)).to.equal(top.claimBondWei / 2n + top.challengeBondWei);
  });

  it('attack 31: a bond or fee that is not exact and an unknown model are refused', async () => {
    const asked = await p.ask(small, INPUT);
    for (const value of [0n, claimBondWei - 1n, claimBondWei + 1n]) {
      await expect(p.oracle.claim(asked.id, asked.request as never, truth.output(), { value }))
        .to.be.revertedWithCustomError(p.oracle, 'PaymentMismatch')
        .withArgs(claimBondWei, value);
    }
    const claimed = await p.claim(asked, truth.output(), p.honest);
    for (const value of [0n, challengeBondWei - 1n, challengeBondWei + 1n]) {
      await expect(
        p.oracle.challenge(claimed.id, asked.request as never, claimed.outputs, { value }),
      ).to.be.revertedWithCustomError(p.oracle, 'PaymentMismatch');
    }
    for (const value of [0n, FEE - 1n, FEE + 1n]) {
      await expect(p.oracle.request(small.id, INPUT, TERMS, FEE, { value }))
        .to.be.revertedWithCustomError(p.oracle, 'PaymentMismatch')
        .withArgs(FEE, value);
    }
    await expect(p.ask(toyModel([toyLoop(9)]), new Uint8Array())).to.be.revertedWithCustomError(
      p.registry,
      'UnknownModel',
    );
    for (const length of [0, 15, 17]) {
      await expect(p.ask(small, new Uint8Array(length)))
        .to.be.revertedWithCustomError(p.registry, 'InputLengthMismatch')
        .withArgs(16, length);
    }
  });

  it('attack 32: ether forced in upsets no account; ether sent plainly is refused', async () => {
    const refused = await p.requester.sendTransaction({ to: p.oracle, value: 1n }).then(
      () => false,
      () => true,
    );
    expect(refused).to.equal(true);
    const claimed = await p.claim(await p.ask(small, INPUT), truth.output(), p.honest);
    const before = await balance();
    await p.ethers.deployContract('EtherForcer', [p.oracle], { value: 10n ** 18n });
    await p.networkHelpers.setBalance(await p.game.getAddress(), 10n ** 18n);
    expect((await balance()) - before).to.equal(10n ** 18n);
    await final(claimed);
    expect(await p.oracle.owed(p.honest)).to.equal(claimBondWei + FEE);
    await p.oracle.connect(p.honest).withdraw();
    expect(await balance()).to.equal(10n ** 18n);
    await expect(p.oracle.connect(p.honest).withdraw()).to.be.revertedWithCustomError(
      p.oracle,
      'NothingOwed',
    );
  });

  it('attack 33: what is owed, held and burned is what the oracle has, at each end', async () => {
    await p.ethers.deployContract('EtherForcer', [p.oracle], { value: 777n });
    const forced = 777n;
    const asked = await p.ask(small, INPUT);
    const honest = await p.claim(asked, truth.output(), p.honest);
    const rival = await p.claim(asked, lie.output(), p.liar);
    const lost = await p.challenge(honest, p.stranger);
    const won = await p.challenge(rival, p.watcher);
    const returned = await p.challenge(rival, p.stranger);
    await p.playOut(won, lie, truth);
    await p.reclaim(returned);
    await p.step(lost, truth);
    await p.runOut(lost);
    await p.timeout(lost);
    await p.at((await p.lastTimestamp()) + TERMS.windowSeconds);
    await p.finalize(honest);
    let owed = 0n;
    for (const { address } of p.signers) owed += await p.oracle.owed(address);
    const { burnedWei } = await p.oracle.progress(asked.id);
    expect(await balance()).to.equal(owed + burnedWei + forced);
    for (const one of [p.honest, p.watcher, p.stranger]) {
      await p.oracle.connect(one).withdrawTo(one.address);
      await expect(p.oracle.connect(one).withdraw()).to.be.revertedWithCustomError(p.oracle, 'NothingOwed');
    }
    expect(await balance()).to.equal(burnedWei + forced);
  });

  it('a receiver that refuses ether blocks nobody; one that reenters gains nothing', async () => {
    const { consumer, ask } = await hostile();
    const asked = await ask();
    await p.at(asked.requestedAt + TERMS.patienceSeconds + 1n);
    const { interface: oracle } = p.oracle;
    await consumer.act(p.oracle, oracle.encodeFunctionData('cancel', [asked.id, asked.request as never]));
    const withdraw = oracle.encodeFunctionData('withdraw');
    await consumer.plan(MOOD.Accept, true, p.oracle, '0x');
    await expect(consumer.act(p.oracle, withdraw)).to.be.revertedWithCustomError(
      p.oracle,
      'WithdrawalRefused',
    );
    expect(await p.oracle.owed(consumer)).to.equal(FEE);
    await consumer.plan(MOOD.Accept, false, p.oracle, withdraw);
    await consumer.act(p.oracle, withdraw);
    expect(await consumer.reentered()).to.equal(false);
    expect(await p.ethers.provider.getBalance(consumer)).to.equal(FEE);
    const again = await ask();
    await p.at(again.requestedAt + TERMS.patienceSeconds + 1n);
    await consumer.act(p.oracle, oracle.encodeFunctionData('cancel', [again.id, again.request as never]));
    const before = await p.ethers.provider.getBalance(p.stranger);
    await consumer.act(p.oracle, oracle.encodeFunctionData('withdrawTo', [p.stranger.address]));
    expect((await p.ethers.provider.getBalance(p.stranger)) - before).to.equal(FEE);
  });

  it('only the game reports outcomes, and only the oracle opens disputes', async () => {
    const claimed = await p.claim(await p.ask(small, INPUT), truth.output(), p.honest);
    const { id, asked } = claimed;
    for (const call of [
      () => p.oracle.falsifyByDispute(id, p.liar, 1n, 1n),
      () => p.oracle.failChallenge(id, 1n),
      () => p.oracle.returnChallenge(id, p.liar, 1n, 1n),
    ]) {
      await expect(call()).to.be.revertedWithCustomError(p.oracle, 'NotGame').withArgs(p.requester.address);
    }
    await expect(
      p.game.open(p.honest, id, p.liar, asked.model.id, claimed.outputs, 1n, 1n, 1n),
    ).to.be.revertedWithCustomError(p.game, 'NotOracle');
  });
});
