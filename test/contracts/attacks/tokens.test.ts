// Row 54: an oracle whose currency is a token, and tokens that do what tokens should not.
import { expect } from 'chai';
import { deployProtocol, FEE, MAX, MIN, type Protocol, TERMS } from '../../support/toy/protocol.ts';
import { DEEP, INPUT, small, tale, truth } from '../../support/toy/small.ts';

const { claimBondWei, challengeBondWei } = TERMS;
const MOOD = {
  Behave: 0,
  TakeFee: 1,
  ReturnNothing: 2,
  ReturnFalse: 3,
  MoveNothing: 4,
  LieAboutBalances: 5,
  Reenter: 6,
  ReturnBomb: 7,
  BurnGas: 8,
} as const;

describe('attacks: tokens', () => {
  let p: Protocol;
  let token: NonNullable<Protocol['token']>;
  const lie = tale(DEEP);

  beforeEach(async () => {
    p = await deployProtocol({ token: true });
    token = p.token!;
    await p.publish(small);
  });

  const plan = (mood: keyof typeof MOOD, target: unknown = p.oracle, payload = '0x') =>
    token.plan(MOOD[mood], target as never, payload);

  /** The total that the oracle owes or holds, by its own books. */
  async function booked(): Promise<bigint> {
    let sum = 0n;
    for (const { address } of p.signers) sum += await p.oracle.owed(address);
    return sum;
  }

  it('attack 54: fees, bonds and rewards are paid in the token alone, to the last unit', async () => {
    expect(await p.oracle.currency()).to.equal(await token.getAddress());
    const start = new Map<string, bigint>();
    for (const { address } of p.signers) start.set(address, await token.balanceOf(address));
    const asked = await p.ask(small, INPUT);
    const wrong = await p.claim(asked, lie.output(), p.liar);
    await p.playOut(await p.challenge(wrong, p.watcher), lie, truth);
    const right = await p.claim(asked, truth.output(), p.honest);
    await p.passWindow(right);
    await p.finalize(right);
    for (const by of [p.honest, p.watcher]) await p.oracle.connect(by).withdraw();
    const gained = async (who: { address: string }) =>
      (await token.balanceOf(who.address)) - start.get(who.address)!;
    expect(await gained(p.honest)).to.equal(FEE);
    expect(await gained(p.requester)).to.equal(-FEE);
    expect(await gained(p.watcher)).to.equal(claimBondWei / 2n);
    expect(await gained(p.liar)).to.equal(-claimBondWei);
    expect(await token.balanceOf(p.oracle)).to.equal((await p.oracle.progress(asked.id)).burnedWei);
    expect(await p.ethers.provider.getBalance(p.oracle)).to.equal(0n);
  });

  it('attack 54: ether sent along to an oracle with a token is refused', async () => {
    await expect(p.oracle.connect(p.requester).request(small.id, INPUT, TERMS, FEE, { value: FEE }))
      .to.be.revertedWithCustomError(p.oracle, 'PaymentMismatch')
      .withArgs(0, FEE);
    const asked = await p.ask(small, INPUT);
    await expect(
      p.oracle.connect(p.liar).claim(asked.id, asked.request as never, truth.output(), { value: 1n }),
    ).to.be.revertedWithCustomError(p.oracle, 'PaymentMismatch');
  });

  it('attack 54: a currency that is no contract is refused at deployment', async () => {
    await expect(
      p.ethers.deployContract('InferenceOracle', [p.registry, p.referee, p.stranger.address, MIN, MAX]),
    )
      .to.be.revertedWithCustomError(p.oracle, 'NotCurrency')
      .withArgs(p.stranger.address);
  });

  for (const [mood, error] of [
    ['TakeFee', 'PaymentInexact'],
    ['MoveNothing', 'PaymentInexact'],
    ['LieAboutBalances', 'PaymentInexact'],
    ['ReturnFalse', 'PaymentRefused'],
    ['ReturnBomb', 'PaymentRefused'],
  ] as const) {
    it(`attack 54: a token in the mood ${mood} pays no fee, claim bond or challenge bond`, async () => {
      const asked = await p.ask(small, INPUT);
      const claimed = await p.claim(asked, lie.output(), p.liar);
      const held = await token.balanceOf(p.oracle);
      await plan(mood);
      await expect(p.ask(small, INPUT)).to.be.revertedWithCustomError(p.oracle, error);
      await expect(p.claim(asked, truth.output(), p.honest)).to.be.revertedWithCustomError(p.oracle, error);
      await expect(p.challenge(claimed, p.watcher)).to.be.revertedWithCustomError(p.oracle, error);
      await plan('Behave');
      expect(await token.balanceOf(p.oracle)).to.equal(held);
      expect(await booked()).to.equal(0n);
      expect((await p.oracle.progress(asked.id)).claims).to.equal(1n);
      // Whoever paid before loses nothing by it.
      await p.playOut(await p.challenge(claimed, p.watcher), lie, truth);
      await p.oracle.connect(p.watcher).withdraw();
    });
  }

  it('attack 54: a token that returns nothing works; too little balance is told', async () => {
    await plan('ReturnNothing');
    const claimed = await p.claim(await p.ask(small, INPUT), truth.output(), p.honest);
    await p.passWindow(claimed);
    await p.finalize(claimed);
    await p.oracle.connect(p.honest).withdraw();
    await token.connect(p.requester).approve(p.oracle, FEE - 1n);
    await expect(p.ask(small, INPUT))
      .to.be.revertedWithCustomError(p.oracle, 'PaymentRefused')
      .withArgs(await token.getAddress(), p.requester.address, FEE);
  });

  it('attack 54: an account that a token bars withdraws elsewhere, blocks nobody', async () => {
    const asked = await p.ask(small, INPUT);
    const claimed = await p.claim(asked, truth.output(), p.honest);
    const quitter = await p.challenge(claimed, p.watcher);
    await token.block_(p.honest, true);
    await token.block_(p.watcher, true);
    await p.step(quitter, truth);
    await p.runOut(quitter);
    await p.timeout(quitter);
    await p.at((await p.lastTimestamp()) + TERMS.windowSeconds);
    await p.finalize(claimed);
    const owed = claimBondWei + challengeBondWei + FEE;
    await expect(p.oracle.connect(p.honest).withdraw())
      .to.be.revertedWithCustomError(p.oracle, 'WithdrawalRefused')
      .withArgs(p.honest.address, owed);
    expect(await p.oracle.owed(p.honest)).to.equal(owed);
    const before = await token.balanceOf(p.stranger);
    await p.oracle.connect(p.honest).withdrawTo(p.stranger);
    expect((await token.balanceOf(p.stranger)) - before).to.equal(owed);
  });

  it('attack 54: a withdrawal that the token refuses takes nothing off the debt', async () => {
    const claimed = await p.claim(await p.ask(small, INPUT), truth.output(), p.honest);
    await p.passWindow(claimed);
    await p.finalize(claimed);
    for (const mood of ['ReturnFalse', 'ReturnBomb'] as const) {
      await plan(mood);
      await expect(p.oracle.connect(p.honest).withdraw()).to.be.revertedWithCustomError(
        p.oracle,
        'WithdrawalRefused',
      );
      expect(await p.oracle.owed(p.honest)).to.equal(claimBondWei + FEE);
    }
    await plan('Behave');
    await p.oracle.connect(p.honest).withdraw();
    await expect(p.oracle.connect(p.honest).withdraw()).to.be.revertedWithCustomError(
      p.oracle,
      'NothingOwed',
    );
  });

  it('attack 54: a token that calls back in a payment reenters no function', async () => {
    const asked = await p.ask(small, INPUT);
    const claimed = await p.claim(asked, lie.output(), p.liar);
    const fight = await p.challenge(claimed, p.stranger);
    await p.runOut(fight);
    const { interface: oracle } = p.oracle;
    const request = asked.request as never;
    const calls: [typeof p.oracle | typeof p.game, string][] = [
      [p.oracle, oracle.encodeFunctionData('request', [small.id, INPUT, TERMS, FEE])],
      [p.oracle, oracle.encodeFunctionData('claim', [asked.id, request, truth.output()])],
      [p.oracle, oracle.encodeFunctionData('challenge', [claimed.id, request, claimed.outputs])],
      [p.oracle, oracle.encodeFunctionData('cancel', [asked.id, request])],
      [p.oracle, oracle.encodeFunctionData('withdraw')],
      [
        p.oracle,
        oracle.encodeFunctionData('finalize', [claimed.id, request, claimed.outputs, claimed.output, true]),
      ],
      [
        p.game,
        p.game.interface.encodeFunctionData('timeout', [fight.id, fight.dispute as never, fight.subject]),
      ],
    ];
    const again = oracle.getError('ReentrancyGuardReentrantCall')!.selector;
    for (const [target, payload] of calls) {
      const snapshot = await p.networkHelpers.takeSnapshot();
      await plan('Reenter', target, payload);
      await p.ask(small, INPUT);
      expect(await token.reentered()).to.equal(false);
      expect(await token.returned()).to.equal(again);
      await snapshot.restore();
    }
    await p.timeout(fight);
    await plan('Reenter', p.oracle, oracle.encodeFunctionData('withdraw'));
    await p.oracle.connect(p.stranger).withdraw();
    expect(await token.reentered()).to.equal(false);
    expect(await p.oracle.owed(p.stranger)).to.equal(0n);
  });

  it('attack 54: a token that rebases costs its own users only', async () => {
    const other = await deployProtocol();
    const claimed = await p.claim(await p.ask(small, INPUT), truth.output(), p.honest);
    await p.passWindow(claimed);
    await p.finalize(claimed);
    await token.rebase(9);
    // The books stay as they are; the last to withdraw finds too little.
    expect(await p.oracle.owed(p.honest)).to.equal(claimBondWei + FEE);
    await expect(p.oracle.connect(p.honest).withdraw()).to.be.revertedWithCustomError(
      p.oracle,
      'WithdrawalRefused',
    );
    await token.rebase(10);
    await p.oracle.connect(p.honest).withdraw();
    expect(await other.balanceOf(other.oracle)).to.equal(0n);
  });

  it('attack 54: a consumer pays in the token, hands a fee back in it, and keeps none', async () => {
    const terms = { ...TERMS, callbackFeeWei: 7n };
    const reader = await p.ethers.deployContract('DigitReader', [p.oracle, small.id, terms, FEE]);
    await token.connect(p.requester).approve(reader, p.ethers.MaxUint256);
    const before = await token.balanceOf(p.requester);
    const sent = await reader.connect(p.requester).ask(INPUT);
    const asked = p.askedFrom((await sent.wait())!, small, terms);
    expect(before - (await token.balanceOf(p.requester))).to.equal(FEE + 7n);
    expect(await token.balanceOf(reader)).to.equal(0n);
    await p.at(asked.requestedAt + terms.patienceSeconds + 1n);
    await reader.connect(p.requester).takeBack(asked.id, asked.request as never);
    expect(await token.balanceOf(p.requester)).to.equal(before);
    expect(await token.balanceOf(reader)).to.equal(0n);
  });
});
