// A feed of inferences over the mock oracle: who is paid for what, and which value is the latest. Row 58.
import { expect } from 'chai';
import { network } from 'hardhat';
import { PLAIN_TERMS, ZERO_ADDRESS } from '../../src/chain/contracts/types.ts';

const TERMS = {
  ...PLAIN_TERMS,
  claimBondWei: 1_000n,
  challengeBondWei: 500n,
  windowSeconds: 100n,
  clockSeconds: 100n,
  patienceSeconds: 1_000n,
  callbackGas: 120_000n,
  callbackFeeWei: 7n,
};
const PERIOD = 3_600n;
const FEE = 50n;
const PAY = 3n;
const COST = FEE + TERMS.callbackFeeWei + PAY;
const MODEL = `0x${'11'.repeat(32)}`;

/** The bytes of one int32. */
const int32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

async function deployFeed({ withToken = false } = {}) {
  const { ethers, networkHelpers } = await network.create();
  const token = withToken ? await ethers.deployContract('HostileToken') : undefined;
  const oracle = await ethers.deployContract('MockInferenceOracle', [token ?? ZERO_ADDRESS]);
  const feed = await ethers.deployContract('CountingFeed', [oracle, TERMS, MODEL, PERIOD, FEE, PAY]);
  const [owner, poker, stranger] = await ethers.getSigners();
  const fund = async (amount: bigint): Promise<void> => {
    if (token) {
      await token.mint(owner!, amount);
      await token.approve(feed, amount);
    }
    await feed.fund(amount, { value: token ? 0n : amount });
  };
  const held = (account: { getAddress(): Promise<string> }): Promise<bigint> =>
    token ? token.balanceOf(account) : ethers.provider.getBalance(account);
  const passPeriods = (count: number) => networkHelpers.time.increase(Number(PERIOD) * count);
  return {
    ethers,
    networkHelpers,
    oracle,
    feed,
    token,
    poker: poker!,
    stranger: stranger!,
    fund,
    held,
    passPeriods,
  };
}

describe('a feed of inferences', () => {
  for (const currency of ['ether', 'a token']) {
    it(`asks once a period, pays the poker, and reads like a price feed, in ${currency}`, async () => {
      const { feed, oracle, poker, fund, held, passPeriods } = await deployFeed({
        withToken: currency === 'a token',
      });
      await fund(10n * COST);
      expect(await feed.roundCostWei()).to.equal(COST);
      await expect(feed.latestRoundData()).to.be.revertedWithCustomError(feed, 'NoAnswer').withArgs(0);
      await expect(feed.connect(poker).poke()).to.emit(feed, 'RoundAsked').withArgs(1, 1, poker);
      await expect(feed.getRoundData(1)).to.be.revertedWithCustomError(feed, 'NoAnswer').withArgs(1);
      await oracle.answer(1, int32(41));
      await passPeriods(1);
      await feed.connect(poker).poke();
      await oracle.answer(2, int32(42));

      const latest = await feed.latestRoundData();
      expect(latest.roundId).to.equal(2);
      expect(latest.answer).to.equal(42);
      expect(latest.startedAt).to.be.at.most(latest.updatedAt);
      expect(latest.answeredInRound).to.equal(2);
      expect((await feed.getRoundData(1)).answer).to.equal(41);
      expect(await feed.purseWei()).to.equal(8n * COST);
      expect(await held(oracle)).to.equal(2n * (FEE + TERMS.callbackFeeWei));

      expect(await feed.earned(poker)).to.equal(2n * PAY);
      await expect(feed.connect(poker).collect())
        .to.emit(feed, 'Collected')
        .withArgs(poker, 2n * PAY);
      await expect(feed.connect(poker).collect())
        .to.be.revertedWithCustomError(feed, 'NothingEarned')
        .withArgs(poker);
      expect(await held(feed)).to.equal(8n * COST);
    });
  }

  it('attack 58: is poked twice, late, or to drain its purse', async () => {
    const { feed, networkHelpers, fund, passPeriods } = await deployFeed();
    await expect(feed.poke()).to.be.revertedWithCustomError(feed, 'PurseTooSmall').withArgs(COST, 0);
    await fund(3n * COST - 1n);
    const start = BigInt(await networkHelpers.time.latest());
    await feed.poke();
    await expect(feed.poke()).to.be.revertedWithCustomError(feed, 'TooEarly');
    // Periods that nobody poked pay nobody.
    await passPeriods(50);
    await feed.poke();
    await expect(feed.poke()).to.be.revertedWithCustomError(feed, 'TooEarly');
    await passPeriods(1);
    await expect(feed.poke())
      .to.be.revertedWithCustomError(feed, 'PurseTooSmall')
      .withArgs(COST, COST - 1n);
    expect(await feed.lastAsked()).to.equal(2);
    expect(start).to.be.above(0n);
  });

  it('attack 58: is poked in the last second of a period and in the first of the next', async () => {
    const { feed, networkHelpers, fund } = await deployFeed();
    await fund(10n * COST);
    const deployedAt = (await feed.rounds(0)).startedAt; // no round: zero
    expect(deployedAt).to.equal(0);
    await feed.poke();
    const refusal = await feed.poke.staticCall().catch((error: Error) => error.message);
    const next = BigInt(/TooEarly\((\d+)\)/.exec(String(refusal))![1]!);
    await networkHelpers.time.setNextBlockTimestamp(next - 1n);
    await expect(feed.poke()).to.be.revertedWithCustomError(feed, 'TooEarly').withArgs(next);
    await networkHelpers.time.setNextBlockTimestamp(next);
    await feed.poke();
    await networkHelpers.time.setNextBlockTimestamp(next + PERIOD - 1n);
    await expect(feed.poke())
      .to.be.revertedWithCustomError(feed, 'TooEarly')
      .withArgs(next + PERIOD);
  });

  it('keeps a late answer in its history, and not as the latest', async () => {
    const { feed, oracle, fund, passPeriods } = await deployFeed();
    await fund(10n * COST);
    await feed.poke();
    await passPeriods(1);
    await feed.poke();
    await oracle.answer(2, int32(20));
    await oracle.answer(1, int32(10));
    expect((await feed.latestRoundData()).answer).to.equal(20);
    expect((await feed.getRoundData(1)).answer).to.equal(10);
  });

  it('lets a callback fail that its subclass refuses, and keeps the last value', async () => {
    const { feed, oracle, fund, passPeriods } = await deployFeed();
    await fund(10n * COST);
    await feed.poke();
    await oracle.answer(1, int32(5));
    await passPeriods(1);
    await feed.poke();
    await expect(oracle.answer(2, int32(-1))).to.emit(oracle, 'CallbackFailed');
    expect((await feed.latestRoundData()).answer).to.equal(5);
  });

  for (const currency of ['ether', 'a token']) {
    it(`takes back what nobody answered, for the purse, in ${currency}`, async () => {
      const { feed, oracle, stranger, networkHelpers, fund, held } = await deployFeed({
        withToken: currency === 'a token',
      });
      await fund(COST);
      await feed.poke();
      const request = await oracle.requests(1).then((kept) => [...kept.slice(0, -1), [...kept.terms]]);
      await expect(feed.takeBack(2, request as never))
        .to.be.revertedWithCustomError(feed, 'NotARound')
        .withArgs(2);
      await expect(feed.takeBack(1, request as never)).to.be.revertedWithCustomError(oracle, 'PatienceLasts');
      await networkHelpers.time.increase(Number(TERMS.patienceSeconds) + 1);
      await expect(feed.connect(stranger).takeBack(1, request as never))
        .to.emit(feed, 'RoundTakenBack')
        .withArgs(1, COST - PAY);
      expect(await feed.purseWei()).to.equal(COST - PAY);
      expect(await held(feed)).to.equal(COST);
      await expect(oracle.answer(1, int32(1))).to.be.revertedWithCustomError(oracle, 'RequestNotOpen');
    });
  }

  it('takes ether from the oracle and from nobody else, and has a period', async () => {
    const { ethers, feed, oracle, stranger } = await deployFeed();
    await expect(stranger.sendTransaction({ to: feed, value: 1n }))
      .to.be.revertedWithCustomError(feed, 'NotOracle')
      .withArgs(stranger);
    await expect(feed.connect(stranger).onInference(1, '0x'))
      .to.be.revertedWithCustomError(feed, 'NotOracle')
      .withArgs(stranger);
    await expect(
      ethers.deployContract('CountingFeed', [oracle, TERMS, MODEL, 0, FEE, PAY]),
    ).to.be.revertedWithCustomError(feed, 'PeriodZero');
    const silent = { ...TERMS, callbackGas: 0n, callbackFeeWei: 0n };
    await expect(
      ethers.deployContract('CountingFeed', [oracle, silent, MODEL, PERIOD, FEE, PAY]),
    ).to.be.revertedWithCustomError(feed, 'NoCallback');
  });
});
