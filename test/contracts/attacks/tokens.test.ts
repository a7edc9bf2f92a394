// Row 54: an oracle whose currency is a token, and tokens that do what tokens should not.
import { expect } from 'chai';
import { deployProtocol, FEE, MAX, MIN, type Protocol, TERMS } from '../../support/toy/protocol.ts';
import { DEEP, honestValues, INPUT, small, withFalseOutput } from '../../support/toy/small.ts';

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
  let protocol: Protocol;
  let token: NonNullable<Protocol['token']>;
  const falseValues = withFalseOutput(DEEP);

  beforeEach(async () => {
    protocol = await deployProtocol({ token: true });
    token = protocol.token!;
    await protocol.publish(small);
  });

  const plan = (mood: keyof typeof MOOD, target: unknown = protocol.oracle, payload = '0x') =>
    token.plan(MOOD[mood], target as never, payload);

  /** Has a request answered, and the answer made final. */
  async function answered(): Promise<void> {
    const claimed = await protocol.claim(
      await protocol.ask(small, INPUT),
      honestValues.output(),
      protocol.honest,
    );
    await protocol.passWindow(claimed);
    await protocol.finalize(claimed);
  }

  /** The total that the oracle owes or holds, by its own books. */
  async function booked(): Promise<bigint> {
    let sum = 0n;
    for (const { address } of protocol.signers) sum += await protocol.oracle.owed(address);
    return sum;
  }

  it('attack 54: fees, bonds and rewards are paid in the token alone, to the last unit', async () => {
    expect(await protocol.oracle.currency()).to.equal(await token.getAddress());
    const start = new Map<string, bigint>();
    for (const { address } of protocol.signers) start.set(address, await token.balanceOf(address));
    const asked = await protocol.ask(small, INPUT);
    const wrong = await protocol.claim(asked, falseValues.output(), protocol.liar);
    await protocol.playOut(await protocol.challenge(wrong, protocol.watcher), falseValues, honestValues);
    const right = await protocol.claim(asked, honestValues.output(), protocol.honest);
    await protocol.passWindow(right);
    await protocol.finalize(right);
    for (const by of [protocol.honest, protocol.watcher]) await protocol.oracle.connect(by).withdraw();
    const gained = async (who: { address: string }) =>
      (await token.balanceOf(who.address)) - start.get(who.address)!;
    expect(await gained(protocol.honest)).to.equal(FEE);
    expect(await gained(protocol.requester)).to.equal(-FEE);
    expect(await gained(protocol.watcher)).to.equal(claimBondWei / 2n);
    expect(await gained(protocol.liar)).to.equal(-claimBondWei);
    expect(await token.balanceOf(protocol.oracle)).to.equal(
      (await protocol.oracle.progress(asked.id)).burnedWei,
    );
    expect(await protocol.ethers.provider.getBalance(protocol.oracle)).to.equal(0n);
  });

  it('attack 54: ether sent along to an oracle with a token is refused', async () => {
    await expect(
      protocol.oracle.connect(protocol.requester).request(small.id, INPUT, TERMS, FEE, { value: FEE }),
    )
      .to.be.revertedWithCustomError(protocol.oracle, 'PaymentMismatch')
      .withArgs(0, FEE);
    const asked = await protocol.ask(small, INPUT);
    await expect(
      protocol.oracle
        .connect(protocol.liar)
        .claim(asked.id, asked.request as never, honestValues.output(), { value: 1n }),
    ).to.be.revertedWithCustomError(protocol.oracle, 'PaymentMismatch');
  });

  it('attack 54: a currency that is no contract is refused at deployment', async () => {
    await expect(
      protocol.ethers.deployContract('InferenceOracle', [
        protocol.registry,
        protocol.referee,
        protocol.stranger.address,
        MIN,
        MAX,
      ]),
    )
      .to.be.revertedWithCustomError(protocol.oracle, 'NotCurrency')
      .withArgs(protocol.stranger.address);
  });

  for (const [mood, error] of [
    ['TakeFee', 'PaymentInexact'],
    ['MoveNothing', 'PaymentInexact'],
    ['LieAboutBalances', 'PaymentInexact'],
    ['ReturnFalse', 'PaymentRefused'],
    ['ReturnBomb', 'PaymentRefused'],
  ] as const) {
    it(`attack 54: a token in the mood ${mood} pays no fee, claim bond or challenge bond`, async () => {
      const asked = await protocol.ask(small, INPUT);
      const claimed = await protocol.claim(asked, falseValues.output(), protocol.liar);
      const held = await token.balanceOf(protocol.oracle);
      await plan(mood);
      await expect(protocol.ask(small, INPUT)).to.be.revertedWithCustomError(protocol.oracle, error);
      await expect(
        protocol.claim(asked, honestValues.output(), protocol.honest),
      ).to.be.revertedWithCustomError(protocol.oracle, error);
      await expect(protocol.challenge(claimed, protocol.watcher)).to.be.revertedWithCustomError(
        protocol.oracle,
        error,
      );
      await plan('Behave');
      expect(await token.balanceOf(protocol.oracle)).to.equal(held);
      expect(await booked()).to.equal(0n);
      expect((await protocol.oracle.progress(asked.id)).claims).to.equal(1n);
      // Whoever paid before loses nothing by it.
      await protocol.playOut(await protocol.challenge(claimed, protocol.watcher), falseValues, honestValues);
      await protocol.oracle.connect(protocol.watcher).withdraw();
    });
  }

  it('attack 54: a token that returns nothing works; too little balance is told', async () => {
    await plan('ReturnNothing');
    await answered();
    await protocol.oracle.connect(protocol.honest).withdraw();
    await token.connect(protocol.requester).approve(protocol.oracle, FEE - 1n);
    await expect(protocol.ask(small, INPUT))
      .to.be.revertedWithCustomError(protocol.oracle, 'PaymentRefused')
      .withArgs(await token.getAddress(), protocol.requester.address, FEE);
  });

  it('attack 54: an account that a token bars withdraws elsewhere, blocks nobody', async () => {
    const asked = await protocol.ask(small, INPUT);
    const claimed = await protocol.claim(asked, honestValues.output(), protocol.honest);
    const quitter = await protocol.challenge(claimed, protocol.watcher);
    await token.block_(protocol.honest, true);
    await token.block_(protocol.watcher, true);
    await protocol.step(quitter, honestValues);
    await protocol.runOut(quitter);
    await protocol.timeout(quitter);
    await protocol.at((await protocol.lastTimestamp()) + TERMS.windowSeconds);
    await protocol.finalize(claimed);
    const owed = claimBondWei + challengeBondWei + FEE;
    await expect(protocol.oracle.connect(protocol.honest).withdraw())
      .to.be.revertedWithCustomError(protocol.oracle, 'WithdrawalRefused')
      .withArgs(protocol.honest.address, owed);
    expect(await protocol.oracle.owed(protocol.honest)).to.equal(owed);
    const before = await token.balanceOf(protocol.stranger);
    await protocol.oracle.connect(protocol.honest).withdrawTo(protocol.stranger);
    expect((await token.balanceOf(protocol.stranger)) - before).to.equal(owed);
  });

  it('attack 54: a withdrawal that the token refuses takes nothing off the debt', async () => {
    await answered();
    for (const mood of ['ReturnFalse', 'ReturnBomb'] as const) {
      await plan(mood);
      await expect(protocol.oracle.connect(protocol.honest).withdraw()).to.be.revertedWithCustomError(
        protocol.oracle,
        'WithdrawalRefused',
      );
      expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei + FEE);
    }
    await plan('Behave');
    await protocol.oracle.connect(protocol.honest).withdraw();
    await expect(protocol.oracle.connect(protocol.honest).withdraw()).to.be.revertedWithCustomError(
      protocol.oracle,
      'NothingOwed',
    );
  });

  it('attack 54: a token that calls back in a payment reenters no function', async () => {
    const asked = await protocol.ask(small, INPUT);
    const claimed = await protocol.claim(asked, falseValues.output(), protocol.liar);
    const dispute = await protocol.challenge(claimed, protocol.stranger);
    await protocol.runOut(dispute);
    const { interface: oracle } = protocol.oracle;
    const request = asked.request as never;
    const calls: [typeof protocol.oracle | typeof protocol.game, string][] = [
      [protocol.oracle, oracle.encodeFunctionData('request', [small.id, INPUT, TERMS, FEE])],
      [protocol.oracle, oracle.encodeFunctionData('claim', [asked.id, request, honestValues.output()])],
      [protocol.oracle, oracle.encodeFunctionData('challenge', [claimed.id, request, claimed.outputs])],
      [protocol.oracle, oracle.encodeFunctionData('cancel', [asked.id, request])],
      [protocol.oracle, oracle.encodeFunctionData('withdraw')],
      [
        protocol.oracle,
        oracle.encodeFunctionData('finalize', [claimed.id, request, claimed.outputs, claimed.output, true]),
      ],
      [
        protocol.game,
        protocol.game.interface.encodeFunctionData('timeout', [
          dispute.id,
          dispute.fields as never,
          dispute.subject,
        ]),
      ],
    ];
    const again = oracle.getError('ReentrancyGuardReentrantCall')!.selector;
    for (const [target, payload] of calls) {
      const snapshot = await protocol.networkHelpers.takeSnapshot();
      await plan('Reenter', target, payload);
      await protocol.ask(small, INPUT);
      expect(await token.reentered()).to.equal(false);
      expect(await token.returned()).to.equal(again);
      await snapshot.restore();
    }
    await protocol.timeout(dispute);
    await plan('Reenter', protocol.oracle, oracle.encodeFunctionData('withdraw'));
    await protocol.oracle.connect(protocol.stranger).withdraw();
    expect(await token.reentered()).to.equal(false);
    expect(await protocol.oracle.owed(protocol.stranger)).to.equal(0n);
  });

  it('attack 54: a token that rebases costs its own users only', async () => {
    const other = await deployProtocol();
    await answered();
    await token.rebase(9);
    // The books stay as they are; the last to withdraw finds too little.
    expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei + FEE);
    await expect(protocol.oracle.connect(protocol.honest).withdraw()).to.be.revertedWithCustomError(
      protocol.oracle,
      'WithdrawalRefused',
    );
    await token.rebase(10);
    await protocol.oracle.connect(protocol.honest).withdraw();
    expect(await other.balanceOf(other.oracle)).to.equal(0n);
  });

  it('attack 54: a consumer pays in the token, hands a fee back in it, and keeps none', async () => {
    const terms = { ...TERMS, callbackFeeWei: 7n };
    const reader = await protocol.ethers.deployContract('DigitReader', [
      protocol.oracle,
      small.id,
      terms,
      FEE,
    ]);
    await token.connect(protocol.requester).approve(reader, protocol.ethers.MaxUint256);
    const before = await token.balanceOf(protocol.requester);
    const sent = await reader.connect(protocol.requester).ask(INPUT);
    const asked = protocol.askedFrom((await sent.wait())!, small, terms);
    expect(before - (await token.balanceOf(protocol.requester))).to.equal(FEE + 7n);
    expect(await token.balanceOf(reader)).to.equal(0n);
    await protocol.at(asked.requestedAt + terms.patienceSeconds + 1n);
    await reader.connect(protocol.requester).takeBack(asked.id, asked.request as never);
    expect(await token.balanceOf(protocol.requester)).to.equal(before);
    expect(await token.balanceOf(reader)).to.equal(0n);
  });
});
