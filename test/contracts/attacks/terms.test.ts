// Rows 42, 43, 44, 46, 53, 55, 56 and 59: terms, rivals with the same output, callbacks, verifiers, data by root.
import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types';
import { expect } from 'chai';
import { AbiCoder, type ContractTransactionReceipt } from 'ethers';
import { CALLBACK_STATUS, CLAIM_STATUS } from '../../../src/chain/contracts/status.ts';
import { request, TermsError } from '../../../src/client/client.ts';
import { hexOf } from '../../../src/merkle/keccak.ts';
import { tensorRoot, tensorTree } from '../../../src/merkle/tensor.ts';
import { LIMITS } from '../../../src/program/limits.ts';
import { toyLoop, toyModel } from '../../support/toy/model.ts';
import {
  type Asked,
  type Claimed,
  deployProtocol,
  FEE,
  type Protocol,
  REASON,
  TERMS,
  type Terms,
} from '../../support/toy/protocol.ts';
import { DEEP, honestValues, INPUT, small, withFalseOutput } from '../../support/toy/small.ts';
import { valuesOf } from '../../support/toy/values.ts';

const { claimBondWei, challengeBondWei, windowSeconds } = TERMS;
const MOOD = { Accept: 0, Revert: 1, BurnGas: 2, ReturnBomb: 3, Reenter: 4 } as const;
const ETHER = 10n ** 18n;
const CALLBACK_FEE = 77n;
const coder = AbiCoder.defaultAbiCoder();

describe('attacks: terms', () => {
  let protocol: Protocol;
  const falseValues = withFalseOutput(DEEP);

  beforeEach(async () => {
    protocol = await deployProtocol();
    await protocol.publish(small);
  });

  async function hostile() {
    const consumer = await protocol.ethers.deployContract('HostileConsumer');
    const ask = async (terms: Partial<Terms> = {}): Promise<Asked> => {
      const whole = { ...TERMS, callbackFeeWei: CALLBACK_FEE, ...terms };
      const value = FEE + whole.callbackFeeWei;
      const sent = await consumer.ask(protocol.oracle, small.id, INPUT, whole, FEE, { value });
      return protocol.askedFrom((await sent.wait())!, small, whole);
    };
    return { consumer, ask };
  }

  const rootsOf = (bytes: Uint8Array, lengths: readonly number[]): string[] => {
    let at = 0;
    return lengths.map((length) => {
      at += length;
      return hexOf(tensorRoot(bytes.subarray(at - length, at)));
    });
  };
  const lengthsOf = (refs: readonly { byteLength: number }[]) => refs.map(({ byteLength }) => byteLength);
  const inputRoots = () => rootsOf(INPUT, lengthsOf(small.inputs));
  const outputRoots = (output = honestValues.output()) => rootsOf(output, lengthsOf(small.outputs));

  describe('bonds', () => {
    it('attack 42: a challenge bond above half of the claim bond is refused', async () => {
      for (const [bond, most] of [
        [1_000n, 500n],
        [1_001n, 500n],
      ] as const) {
        await protocol.ask(small, INPUT, { terms: { claimBondWei: bond, challengeBondWei: most } });
        await expect(
          protocol.ask(small, INPUT, { terms: { claimBondWei: bond, challengeBondWei: most + 1n } }),
        )
          .to.be.revertedWithCustomError(protocol.oracle, 'ChallengeBondTooHigh')
          .withArgs(most + 1n, most);
      }
      const priced = { ...TERMS, claimBondWei: ETHER / 100n, challengeBondWei: 100n * ETHER };
      await expect(protocol.ask(small, INPUT, { terms: priced })).to.be.revertedWithCustomError(
        protocol.oracle,
        'ChallengeBondTooHigh',
      );
      const refused = await request({} as never, hexOf(small.id), INPUT, priced, 0n).catch(
        (error: Error) => error,
      );
      expect(refused).to.be.instanceOf(TermsError);
    });

    it('attack 42: users of a consumer cannot choose its terms', async () => {
      const reader = await protocol.ethers.deployContract('DigitReader', [
        protocol.oracle,
        small.id,
        TERMS,
        FEE,
      ]);
      const { inputs } = reader.interface.getFunction('ask');
      expect(inputs.map(({ type }) => type)).to.deep.equal(['bytes']);
      await reader.ask(INPUT, { value: await reader.price() });
      await expect(reader.ask(INPUT, { value: FEE + 1n })).to.be.revertedWithCustomError(
        protocol.oracle,
        'PaymentMismatch',
      );
      const bad = { ...TERMS, answerByRoot: true };
      await expect(
        protocol.ethers.deployContract('DigitReader', [protocol.oracle, small.id, bad, FEE]),
      ).to.be.revertedWithCustomError(reader, 'WrongAnswerForm');
    });

    it('only the provider that a request names may claim', async () => {
      const asked = await protocol.ask(small, INPUT, { terms: { provider: protocol.honest.address } });
      await expect(protocol.claim(asked, honestValues.output(), protocol.liar))
        .to.be.revertedWithCustomError(protocol.oracle, 'NotProvider')
        .withArgs(asked.id, protocol.honest.address, protocol.liar.address);
      await protocol.claim(asked, honestValues.output(), protocol.honest);
    });
  });

  describe('the same output claimed by several', () => {
    it('attack 43: copies of the right answer, lost on purpose, delay nobody', async () => {
      const asked = await protocol.ask(small, INPUT);
      const copied = await protocol.claim(asked, honestValues.output(), protocol.liar); // seen in the pool, mined first
      const honest = await protocol.claim(asked, honestValues.output(), protocol.honest);
      await protocol.at(copied.claimedAt + windowSeconds); // last second of the window
      const lostDispute = await protocol.challenge(copied, protocol.stranger);
      await protocol.passWindow(honest);
      const final = await protocol.finalize(honest);
      expect((await final.getBlock())!.timestamp).to.equal(Number(honest.claimedAt + windowSeconds + 1n));
      expect(await protocol.oracle.result(asked.id)).to.equal(protocol.ethers.hexlify(honestValues.output()));
      expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei);
      expect(await protocol.oracle.isResult(asked.id, honest.outputs)).to.equal(true);
      await protocol.runOut(lostDispute);
      await protocol.timeout(lostDispute);
      // The fee alone waits for the copy that was mined first.
      await protocol.oracle.payFee(asked.id, asked.request as never, honest.outputs);
      expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei + FEE);
      expect((await protocol.oracle.claims(copied.id)).status).to.equal(CLAIM_STATUS.falsified);
      expect(await protocol.oracle.isResult(asked.id, honest.outputs)).to.equal(true);
    });

    it('attack 43: a lost copy costs half a bond; another gets it back and no fee', async () => {
      const asked = await protocol.ask(small, INPUT);
      const honest = await protocol.claim(asked, honestValues.output(), protocol.honest);
      const copy = await protocol.claim(asked, honestValues.output(), protocol.stranger);
      for (let round = 0; round < 3; round++) {
        const lost = await protocol.claim(asked, honestValues.output(), protocol.liar);
        const lostDispute = await protocol.challenge(lost, protocol.liar);
        await protocol.runOut(lostDispute);
        await protocol.timeout(lostDispute);
      }
      const spent = 3n * (claimBondWei + challengeBondWei);
      expect(spent - (await protocol.oracle.owed(protocol.liar))).to.equal(3n * ((claimBondWei + 1n) / 2n));
      await protocol.at((await protocol.lastTimestamp()) + windowSeconds);
      await protocol.finalize(honest);
      await protocol.finalize(copy);
      expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei + FEE);
      expect(await protocol.oracle.owed(protocol.stranger)).to.equal(claimBondWei);
      expect((await protocol.oracle.progress(asked.id)).answer).to.equal(1n);
      const bytes = protocol.ethers.hexlify(honestValues.output());
      expect(await protocol.oracle.result(asked.id)).to.equal(bytes);
    });

    it('attack 43: bytes that are not the claimed ones are not made final', async () => {
      const honest = await protocol.claim(
        await protocol.ask(small, INPUT),
        honestValues.output(),
        protocol.honest,
      );
      await protocol.passWindow(honest);
      await protocol.networkHelpers.mine();
      for (const output of [falseValues.output(), new Uint8Array(), new Uint8Array([...honest.output, 0])]) {
        await expect(protocol.sendFinalize({ ...honest, output })).to.be.revertedWithCustomError(
          protocol.oracle,
          'OutputMismatch',
        );
      }
      const outputs = protocol.outputsOf(small, falseValues.output());
      await expect(protocol.sendFinalize({ ...honest, outputs })).to.be.revertedWithCustomError(
        protocol.oracle,
        'OutputMismatch',
      );
    });
  });

  describe('overtaken challengers', () => {
    const terms = { claimBondWei: ETHER, challengeBondWei: ETHER / 2n };

    it("attack 44: a cheat's own dispute keeps no honest challenger from its gas", async () => {
      const claimed = await protocol.claim(
        await protocol.ask(small, INPUT, { terms }),
        falseValues.output(),
        protocol.liar,
      );
      await protocol.networkHelpers.setNextBlockBaseFeePerGas(20n * 10n ** 9n);
      const honest = await protocol.challenge(claimed, protocol.watcher);
      await protocol.step(honest, falseValues);
      await protocol.step(honest, honestValues);
      const cheatsDispute = await protocol.challenge(claimed, protocol.stranger);
      await protocol.playOut(cheatsDispute, falseValues, honestValues);
      expect(cheatsDispute.ended?.reason).to.equal(REASON.WrongWord);
      const burned = (await protocol.oracle.progress(claimed.asked.id)).burnedWei;
      expect(burned).to.equal(ETHER / 2n);
      await protocol.networkHelpers.setNextBlockBaseFeePerGas(40n * 10n ** 9n);
      await protocol.reclaim(honest);
      // By the base fee at the opening, of which the game keeps multiples of 2^16.
      const kept = ((20n * 10n ** 9n) >> 16n) << 16n;
      const repaid = (await protocol.oracle.REPAID_GAS()) * kept;
      expect(await protocol.oracle.owed(protocol.watcher)).to.equal(terms.challengeBondWei + repaid);
      expect((await protocol.oracle.progress(claimed.asked.id)).burnedWei).to.equal(burned - repaid);
    });

    it('attack 44: at most the burned part is repaid, and nothing with a token', async () => {
      const asked = await protocol.ask(small, INPUT);
      const claimed = await protocol.claim(asked, falseValues.output(), protocol.liar);
      const first = await protocol.challenge(claimed, protocol.watcher);
      const second = await protocol.challenge(claimed, protocol.honest);
      await protocol.playOut(await protocol.challenge(claimed, protocol.stranger), falseValues, honestValues);
      await protocol.reclaim(first);
      await protocol.reclaim(second);
      expect(await protocol.oracle.owed(protocol.watcher)).to.equal(
        challengeBondWei + (claimBondWei + 1n) / 2n,
      );
      expect(await protocol.oracle.owed(protocol.honest)).to.equal(challengeBondWei);
      expect((await protocol.oracle.progress(asked.id)).burnedWei).to.equal(0n);

      protocol = await deployProtocol({ token: true });
      await protocol.publish(small);
      const inTokens = await protocol.claim(
        await protocol.ask(small, INPUT),
        falseValues.output(),
        protocol.liar,
      );
      const overtaken = await protocol.challenge(inTokens, protocol.watcher);
      await protocol.playOut(
        await protocol.challenge(inTokens, protocol.stranger),
        falseValues,
        honestValues,
      );
      await protocol.reclaim(overtaken);
      expect(await protocol.oracle.owed(protocol.watcher)).to.equal(challengeBondWei);
      expect((await protocol.oracle.progress(inTokens.asked.id)).burnedWei).to.equal(
        (claimBondWei + 1n) / 2n,
      );
    });

    /** Gas of calldata by EIP-2028. */
    const calldataGas = (data: string): bigint =>
      protocol.ethers.getBytes(data).reduce((sum, byte) => sum + (byte === 0 ? 4n : 16n), 0n);

    /**
     * Gas of transactions in which a contract opens many disputes: alone, or together with the claim's end and reclaims.
     * Without the calldata of the reclaims: a contract could write it itself, as they differ in the dispute's id alone.
     */
    async function batchGas(count: number): Promise<{ opened: bigint; whole: bigint }> {
      protocol = await deployProtocol();
      await protocol.publish(small);
      const batcher = await protocol.ethers.deployContract('Batcher');
      await protocol.networkHelpers.setBalance(await batcher.getAddress(), 1_000n * ETHER);
      const claimed = await protocol.claim(
        await protocol.ask(small, INPUT, { terms }),
        falseValues.output(),
        protocol.liar,
      );
      const quitter = await protocol.challenge(claimed, protocol.liar); // its claimant never answers
      const { interface: oracle } = protocol.oracle;
      const { interface: game } = protocol.game;
      const at = (await protocol.lastTimestamp()) + TERMS.clockSeconds + 1n;
      const request_ = claimed.asked.request as never;
      const challenge = oracle.encodeFunctionData('challenge', [claimed.id, request_, claimed.outputs]);
      const state = [quitter.id, quitter.fields as never, quitter.subject] as const;
      type Call = readonly [unknown, string, bigint, number];
      const ending: Call = [protocol.game, game.encodeFunctionData('timeout', [...state]), 0n, 1];
      const opening: Call = [protocol.oracle, challenge, terms.challengeBondWei, count];
      const run = async (calls: readonly Call[]) => {
        const parts = [0, 1, 2, 3].map((i) => calls.map((call) => call[i])) as [never, never, never, never];
        await protocol.at(at);
        await protocol.networkHelpers.setNextBlockBaseFeePerGas(10n ** 9n);
        return (await (await batcher.all(...parts, { gasLimit: 16_000_000n })).wait())!;
      };
      // The states of the disputes to be opened are known beforehand: here by opening them once and going back.
      const snapshot = await protocol.networkHelpers.takeSnapshot();
      const first = await run([opening]);
      await snapshot.restore();
      const reclaims = first.logs.flatMap((log): Call[] => {
        const event = game.parseLog(log);
        if (event?.name !== 'Opened') return [];
        const { disputeId, dispute } = event.args;
        const reclaim = game.encodeFunctionData('reclaim', [
          disputeId,
          dispute.toArray(true),
          protocol.ethers.ZeroHash,
        ]);
        return [[protocol.game, reclaim, 0n, 1]];
      });
      expect(reclaims.length).to.equal(count);
      const whole = await run([opening, ending, ...reclaims]);
      const written = reclaims.reduce((sum, [, data]) => sum + calldataGas(data), 0n);
      return { opened: first.gasUsed, whole: whole.gasUsed - written };
    }

    it('attack 44: nobody gains by overtaking itself', async () => {
      const [few, many] = [await batchGas(5), await batchGas(45)];
      // Of a transaction at most a fifth is refunded (EIP-3529), whatever else it does.
      const opened = (((many.opened - few.opened) / 40n) * 4n) / 5n;
      const whole = (many.whole - few.whole) / 40n;
      const cheapest = Number(opened < whole ? opened : whole);
      const repaid = Number(await protocol.oracle.REPAID_GAS());
      // With room for a batcher that is written better than this one.
      const message = `opened for ${opened}, opened and reclaimed for ${whole}`;
      expect(repaid, message).to.be.at.most(0.975 * cheapest);
      // Not far below it either, or watchers would be repaid less than they could.
      expect(repaid, message).to.be.at.least(0.9 * cheapest);
    });
  });

  describe('callbacks', () => {
    it('attack 46: a provider need not run a callback to make its claim final', async () => {
      const { consumer, ask } = await hostile();
      await consumer.plan(MOOD.BurnGas, false, protocol.ethers.ZeroAddress, '0x');
      const claimed = await protocol.claim(
        await ask({ callbackGas: 5_000_000n, callbackFeeWei: 0n }),
        honestValues.output(),
        protocol.honest,
      );
      await protocol.passWindow(claimed);
      const receipt = (await (await protocol.sendFinalize(claimed, {}, { withCallback: false })).wait())!;
      expect(Number(receipt.gasUsed)).to.be.below(130_000);
      expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei + FEE);
      expect(await protocol.oracle.isFinal(claimed.asked.id)).to.equal(true);
    });

    it('attack 46: the first to run the callback gets its fee, once, even if it fails', async () => {
      const { consumer, ask } = await hostile();
      for (const mood of ['Accept', 'Revert'] as const) {
        await consumer.plan(MOOD[mood], false, protocol.ethers.ZeroAddress, '0x');
        const claimed = await protocol.claim(await ask(), honestValues.output(), protocol.honest);
        await protocol.passWindow(claimed);
        await (await protocol.sendFinalize(claimed, {}, { withCallback: false })).wait();
        const { id, request: request_ } = claimed.asked;
        const before = await protocol.oracle.owed(protocol.stranger);
        await protocol.oracle.connect(protocol.stranger).runCallback(id, request_ as never, claimed.output);
        expect((await protocol.oracle.owed(protocol.stranger)) - before).to.equal(CALLBACK_FEE);
        await protocol.oracle
          .connect(protocol.watcher)
          .runCallback(id, request_ as never, claimed.output)
          .catch(() => undefined);
        expect(await protocol.oracle.owed(protocol.watcher)).to.equal(0n);
      }
    });

    it('attack 46: a callback fee without gas is refused; without code it comes back', async () => {
      await expect(protocol.ask(small, INPUT, { terms: { callbackGas: 0n, callbackFeeWei: 1n } }))
        .to.be.revertedWithCustomError(protocol.oracle, 'CallbackFeeWithoutGas')
        .withArgs(1n);
      const plain = await protocol.ask(small, INPUT, { terms: { callbackFeeWei: CALLBACK_FEE } });
      const claimed = await protocol.claim(plain, honestValues.output(), protocol.honest);
      await protocol.passWindow(claimed);
      await protocol.finalize(claimed);
      expect(await protocol.oracle.owed(protocol.requester)).to.equal(CALLBACK_FEE);
      await expect(protocol.oracle.runCallback(plain.id, plain.request as never, claimed.output))
        .to.be.revertedWithCustomError(protocol.oracle, 'CallbackNotDue')
        .withArgs(plain.id, CALLBACK_STATUS.none);
      const cancelled = await protocol.ask(small, INPUT, { terms: { callbackFeeWei: CALLBACK_FEE } });
      await protocol.at(cancelled.requestedAt + TERMS.patienceSeconds + 1n);
      await protocol.oracle.connect(protocol.requester).cancel(cancelled.id, cancelled.request as never);
      expect(await protocol.oracle.owed(protocol.requester)).to.equal(2n * CALLBACK_FEE + FEE);
    });

    it('attack 46: the first run gives exactly the ordered gas, later ones no less', async () => {
      const { consumer, ask } = await hostile();
      await consumer.plan(MOOD.Revert, false, protocol.ethers.ZeroAddress, '0x');
      const claimed = await protocol.claim(
        await ask({ callbackGas: 100_000n }),
        honestValues.output(),
        protocol.honest,
      );
      await protocol.passWindow(claimed);
      await (await protocol.sendFinalize(claimed, { gasLimit: 2_000_000n })).wait();
      await consumer.plan(MOOD.Accept, false, protocol.ethers.ZeroAddress, '0x');
      const run = (gasLimit: bigint) =>
        protocol.oracle.runCallback(claimed.asked.id, claimed.asked.request as never, claimed.output, {
          gasLimit,
        });
      await expect(run(140_000n)).to.be.revertedWithCustomError(protocol.oracle, 'InsufficientCallbackGas');
      await (await run(1_000_000n)).wait();
      expect(Number(await consumer.gasSeen())).to.be.above(500_000);
    });

    it('attack 59: anyone runs a failed callback again until it succeeds once', async () => {
      const { consumer, ask } = await hostile();
      await consumer.plan(MOOD.Revert, false, protocol.ethers.ZeroAddress, '0x');
      const claimed = await protocol.claim(await ask(), honestValues.output(), protocol.honest);
      const { id, request: asked } = claimed.asked;
      const run = (output = claimed.output, by = protocol.stranger) =>
        protocol.oracle.connect(by).runCallback(id, asked as never, output);
      await expect(run()).to.be.revertedWithCustomError(protocol.oracle, 'NotFinal');
      await protocol.passWindow(claimed);
      protocol.eventOf(await protocol.finalize(claimed), 'CallbackFailed');
      protocol.eventOf((await (await run()).wait())!, 'CallbackFailed');
      await consumer.plan(MOOD.Accept, false, protocol.ethers.ZeroAddress, '0x');
      await expect(run(falseValues.output())).to.be.revertedWithCustomError(protocol.oracle, 'NotResult');
      protocol.eventOf((await (await run()).wait())!, 'CallbackRun');
      expect(await consumer.calls()).to.equal(1n);
      for (const by of [protocol.stranger, protocol.honest]) {
        await expect(run(claimed.output, by))
          .to.be.revertedWithCustomError(protocol.oracle, 'CallbackNotDue')
          .withArgs(id, CALLBACK_STATUS.done);
      }
      expect(await consumer.calls()).to.equal(1n);
      expect(await protocol.oracle.owed(protocol.stranger)).to.equal(CALLBACK_FEE);
    });

    it('attack 59: a callback that runs itself again by reentering is run once', async () => {
      const { consumer, ask } = await hostile();
      const claimed = await protocol.claim(await ask(), honestValues.output(), protocol.honest);
      const { id, request: asked } = claimed.asked;
      const again = protocol.oracle.interface.encodeFunctionData('runCallback', [
        id,
        asked as never,
        claimed.output,
      ]);
      await consumer.plan(MOOD.Reenter, false, protocol.oracle, again);
      await protocol.passWindow(claimed);
      protocol.eventOf(await protocol.finalize(claimed), 'CallbackRun');
      expect(await consumer.reentered()).to.equal(false);
      expect(await consumer.calls()).to.equal(1n);
      expect(await protocol.oracle.owed(consumer)).to.equal(0n);
    });
  });

  describe('verifiers', () => {
    const YES = 0;
    const moods = ['No', 'Revert', 'BurnGas', 'ReturnBomb', 'ReturnTwo', 'ReturnNothing', 'Reenter', 'Write'];

    async function scene() {
      const verifier = await protocol.ethers.deployContract('HostileVerifier');
      const asked = await protocol.ask(small, INPUT, { terms: { verifier: await verifier.getAddress() } });
      return { verifier, asked };
    }

    const prove = (claimed: Claimed, proof = '0x') =>
      protocol.oracle
        .connect(protocol.stranger)
        .finalizeProven(
          claimed.id,
          claimed.asked.request as never,
          claimed.outputs,
          claimed.output,
          proof,
          true,
          {
            gasLimit: 12_000_000n,
          },
        );

    it('attack 55: a verifier that refuses, fails or misbehaves ends no window', async () => {
      const { verifier, asked } = await scene();
      const claimed = await protocol.claim(asked, honestValues.output(), protocol.honest);
      const payload = protocol.oracle.interface.encodeFunctionData('withdraw');
      for (const [i] of moods.entries()) {
        await verifier.plan(i + 1, protocol.oracle, payload);
        await expect(prove(claimed))
          .to.be.revertedWithCustomError(protocol.oracle, 'NotProven')
          .withArgs(asked.id, await verifier.getAddress());
        expect((await protocol.oracle.claims(claimed.id)).status).to.equal(CLAIM_STATUS.open);
      }
      await protocol.passWindow(claimed);
      await protocol.finalize(claimed);
      expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei + FEE);
    });

    it('attack 55: a verifier that says yes ends the window; one without code does not', async () => {
      for (const verifier of [protocol.stranger.address, `0x${'00'.repeat(19)}04`]) {
        const asked = await protocol.ask(small, INPUT, { terms: { verifier } });
        const claimed = await protocol.claim(asked, honestValues.output(), protocol.honest);
        await expect(prove(claimed, `0x${'01'.repeat(64)}`)).to.be.revertedWithCustomError(
          protocol.oracle,
          'NotProven',
        );
      }
      const plain = await protocol.claim(
        await protocol.ask(small, INPUT),
        honestValues.output(),
        protocol.honest,
      );
      await expect(prove(plain)).to.be.revertedWithCustomError(protocol.oracle, 'NoVerifier');
      const { verifier, asked } = await scene();
      await verifier.plan(YES, protocol.oracle, '0x');
      const claimed = await protocol.claim(asked, honestValues.output(), protocol.honest);
      const before = await protocol.oracle.owed(protocol.honest);
      await prove(claimed);
      expect(await protocol.oracle.result(asked.id)).to.equal(protocol.ethers.hexlify(honestValues.output()));
      expect((await protocol.oracle.owed(protocol.honest)) - before).to.equal(claimBondWei + FEE);
      await expect(protocol.challenge(claimed, protocol.watcher)).to.be.revertedWithCustomError(
        protocol.oracle,
        'ClaimNotOpen',
      );
    });

    it('attack 55: a verifier that lies ends no disputed claim, and no lost one', async () => {
      const { verifier, asked } = await scene();
      await verifier.plan(YES, protocol.oracle, '0x');
      const claimed = await protocol.claim(asked, falseValues.output(), protocol.liar);
      const dispute = await protocol.challenge(claimed, protocol.watcher);
      await expect(prove(claimed)).to.be.revertedWithCustomError(protocol.oracle, 'DisputesOpen');
      await protocol.playOut(dispute, falseValues, honestValues);
      await expect(prove(claimed)).to.be.revertedWithCustomError(protocol.oracle, 'ClaimNotOpen');
      expect(await protocol.oracle.isFinal(asked.id)).to.equal(false);
    });

    it('attack 55: a verifier binds its own request only', async () => {
      const { verifier, asked } = await scene();
      await verifier.plan(YES, protocol.oracle, '0x');
      const other = await protocol.claim(
        await protocol.ask(small, INPUT),
        falseValues.output(),
        protocol.liar,
      );
      await expect(prove(other)).to.be.revertedWithCustomError(protocol.oracle, 'NoVerifier');
      const swapped = { ...other, asked: { ...other.asked, request: asked.request } };
      await expect(prove(swapped)).to.be.revertedWithCustomError(protocol.oracle, 'RequestMismatch');
    });
  });

  describe('attesters', () => {
    const TYPES = {
      Attestation: [
        { name: 'chainId', type: 'uint256' },
        { name: 'oracle', type: 'address' },
        { name: 'claimId', type: 'uint256' },
        { name: 'modelId', type: 'bytes32' },
        { name: 'claimant', type: 'address' },
        { name: 'inputHash', type: 'bytes32' },
        { name: 'outputHash', type: 'bytes32' },
      ],
    };

    /** Two of three signers must attest. */
    async function scene() {
      const sorted = protocol.signers
        .slice(10, 13)
        .sort((a, b) => (BigInt(a.address) < BigInt(b.address) ? -1 : 1));
      const addresses = sorted.map(({ address }) => address);
      const quorum = await protocol.ethers.deployContract('AttesterQuorum', [addresses, 2]);
      const { chainId } = await protocol.ethers.provider.getNetwork();
      const domain = {
        name: 'Assay attester quorum',
        version: '1',
        chainId,
        verifyingContract: await quorum.getAddress(),
      };
      const verifier = await quorum.getAddress();
      const claimed = await protocol.claim(
        await protocol.ask(small, INPUT, { terms: { verifier } }),
        honestValues.output(),
        protocol.honest,
      );
      const facts = async ({ id, asked, outputs, claimant }: Claimed) => ({
        chainId,
        oracle: await protocol.oracle.getAddress(),
        claimId: id,
        modelId: small.id,
        claimant: claimant.address,
        inputHash: asked.request[3],
        outputHash: outputs,
      });
      const sign = (signer: HardhatEthersSigner, value: object, over = {}) =>
        signer.signTypedData({ ...domain, ...over }, TYPES, value as never);
      const proofOf = (list: readonly (readonly [string, string])[]) =>
        coder.encode(['tuple(address,bytes)[]'], [list]);
      const prove = (claim: Claimed, proof: string) =>
        protocol.oracle.finalizeProven(
          claim.id,
          claim.asked.request as never,
          claim.outputs,
          claim.output,
          proof,
          true,
        );
      return { signers: sorted, addresses, quorum, domain, claimed, facts, sign, proofOf, prove };
    }

    it('attack 56: only enough attesters, once each and in order, end the window', async () => {
      const { signers, addresses, claimed, facts, sign, proofOf, prove } = await scene();
      const value = await facts(claimed);
      const [a, b, c] = await Promise.all(signers.map((signer) => sign(signer, value)));
      const entry = (i: number, signature: string) => [addresses[i]!, signature] as const;
      const stranger = [protocol.stranger.address, await sign(protocol.stranger, value)] as const;
      const withStranger = [entry(0, a!), stranger].sort((x, y) => (BigInt(x[0]) < BigInt(y[0]) ? -1 : 1));
      for (const list of [
        [],
        [entry(0, a!)],
        [entry(0, a!), entry(0, a!)],
        [entry(1, b!), entry(0, a!)],
        [entry(0, a!), entry(1, a!)],
        withStranger,
      ]) {
        await expect(prove(claimed, proofOf(list))).to.be.revertedWithCustomError(
          protocol.oracle,
          'NotProven',
        );
      }
      for (const junk of ['0x', `0x${'ff'.repeat(96)}`]) {
        await expect(prove(claimed, junk)).to.be.revertedWithCustomError(protocol.oracle, 'NotProven');
      }
      const snapshot = await protocol.networkHelpers.takeSnapshot();
      await prove(claimed, proofOf([entry(0, a!), entry(2, c!)]));
      expect(await protocol.oracle.isFinal(claimed.asked.id)).to.equal(true);
      await snapshot.restore();
      await prove(claimed, proofOf([entry(0, a!), entry(1, b!), entry(2, c!)]));
    });

    it('attack 56: signatures for anything else than this very claim are refused', async () => {
      const { signers, addresses, claimed, facts, sign, proofOf, prove } = await scene();
      const value = await facts(claimed);
      const changes: [object, object?][] = [
        [{ claimId: value.claimId + (1n << 32n) }],
        [{ claimId: value.claimId + 1n }],
        [{ oracle: protocol.stranger.address }],
        [{ chainId: value.chainId + 1n }],
        [{ modelId: small.tree.root }],
        [{ claimant: protocol.liar.address }],
        [{ inputHash: value.outputHash }],
        [{ outputHash: value.inputHash }],
        [{}, { verifyingContract: protocol.stranger.address }],
        [{}, { chainId: value.chainId + 1n }],
      ];
      for (const [change, over] of changes) {
        const list = await Promise.all(
          [0, 1].map(
            async (i) => [addresses[i]!, await sign(signers[i]!, { ...value, ...change }, over)] as const,
          ),
        );
        await expect(prove(claimed, proofOf(list))).to.be.revertedWithCustomError(
          protocol.oracle,
          'NotProven',
        );
      }
    });

    it('attack 56: a copy of the claim cannot use the signatures, nor change them', async () => {
      const { signers, addresses, claimed, facts, sign, proofOf, prove } = await scene();
      const value = await facts(claimed);
      const list = await Promise.all(
        [0, 1].map(async (i) => [addresses[i]!, await sign(signers[i]!, value)] as const),
      );
      const copy = await protocol.claim(claimed.asked, honestValues.output(), protocol.liar);
      await expect(prove(copy, proofOf(list))).to.be.revertedWithCustomError(protocol.oracle, 'NotProven');
      const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
      const { r, s, v } = protocol.ethers.Signature.from(list[0]![1]);
      const twisted = protocol.ethers.concat([
        r,
        protocol.ethers.toBeHex(order - BigInt(s), 32),
        protocol.ethers.toBeHex(v === 27 ? 28 : 27, 1),
      ]);
      const malleable = [[addresses[0]!, twisted], list[1]!] as const;
      await expect(prove(claimed, proofOf(malleable))).to.be.revertedWithCustomError(
        protocol.oracle,
        'NotProven',
      );
      await prove(claimed, proofOf(list));
    });

    it('attack 55: attestations of a falsified claim serve no later equal claim', async () => {
      const { signers, addresses, claimed: right, facts, sign, proofOf, prove } = await scene();
      const claimed = await protocol.claim(right.asked, falseValues.output(), protocol.liar);
      const value = await facts(claimed);
      const list = await Promise.all(
        [0, 1].map(async (i) => [addresses[i]!, await sign(signers[i]!, value)] as const),
      );
      await protocol.playOut(await protocol.challenge(claimed, protocol.watcher), falseValues, honestValues);
      const again = await protocol.claim(right.asked, falseValues.output(), protocol.liar);
      await expect(prove(again, proofOf(list))).to.be.revertedWithCustomError(protocol.oracle, 'NotProven');
    });

    it('attack 56: no quorum has a signer twice, zero, or too high a threshold', async () => {
      const { addresses, quorum } = await scene();
      const made = (signers: readonly string[], threshold: number) =>
        protocol.ethers.deployContract('AttesterQuorum', [signers, threshold]);
      for (const signers of [
        [addresses[0]!, addresses[0]!],
        [addresses[1]!, addresses[0]!],
        [protocol.ethers.ZeroAddress, addresses[0]!],
      ]) {
        await expect(made(signers, 1)).to.be.revertedWithCustomError(quorum, 'SignersNotAscending');
      }
      for (const threshold of [0, 4]) {
        await expect(made(addresses, threshold)).to.be.revertedWithCustomError(
          quorum,
          'ThresholdOutOfBounds',
        );
      }
      expect(await quorum.supportsInterface('0x01ffc9a7')).to.equal(true);
      expect(await quorum.proofSystem()).to.equal('attestation/multisig');
    });
  });

  describe('data by root', () => {
    const byRoot = { answerByRoot: true, callbackGas: 0n };

    async function askByRoot(terms: Partial<Terms> = {}): Promise<Asked> {
      const whole = { ...TERMS, ...terms };
      const sent = await protocol.oracle
        .connect(protocol.requester)
        .requestByRoot(small.id, inputRoots(), 'ipfs://input', whole, FEE, {
          value: FEE + whole.callbackFeeWei,
        });
      const receipt = (await sent.wait())!;
      const args = protocol.eventOf(receipt, 'RequestedByRoot');
      const { requestedAt } = args.request;
      return {
        id: args.requestId,
        model: small,
        request: args.request.toArray(true),
        requestedAt,
        terms: whole,
        receipt,
      };
    }

    async function claimByRoot(asked: Asked, output: Uint8Array, by = protocol.honest): Promise<Claimed> {
      const sent = await protocol.oracle
        .connect(by)
        .claimByRoot(asked.id, asked.request as never, outputRoots(output), 'ipfs://output', {
          value: asked.terms.claimBondWei,
        });
      const receipt = (await sent.wait())!;
      const args = protocol.eventOf(receipt, 'ClaimedByRoot');
      const claimedAt = BigInt((await receipt.getBlock())!.timestamp);
      return { id: args.claimId, asked, claimant: by, output, outputs: args.outputs, claimedAt, receipt };
    }

    const finalizeByRoot = ({ id, asked, output }: Claimed) =>
      protocol.oracle.finalizeByRoot(id, asked.request as never, outputRoots(output), true);

    it('attack 53: a request by root is disputed and answered like any other', async () => {
      const plain = await protocol.ask(small, INPUT);
      const asked = await askByRoot();
      expect(asked.request[3]).to.equal(plain.request[3]);
      const claimed = await protocol.claim(asked, falseValues.output(), protocol.liar);
      const dispute = await protocol.challenge(claimed, protocol.watcher);
      await protocol.playOut(dispute, falseValues, honestValues);
      expect(dispute.ended?.reason).to.equal(REASON.WrongWord);
      const wrongInput = withFalseOutput({ node: 0, byte: 3 });
      const other = await protocol.claim(asked, wrongInput.output(), protocol.liar);
      const second = await protocol.challenge(other, protocol.watcher);
      await protocol.playOut(second, wrongInput, honestValues);
      expect(second.ended?.reason).to.equal(REASON.WrongInput);
    });

    it('attack 53: a false claim by root loses, and a right one answers by roots', async () => {
      const asked = await askByRoot(byRoot);
      const wrong = await claimByRoot(asked, falseValues.output(), protocol.liar);
      expect(wrong.outputs).to.equal(protocol.outputsOf(small, falseValues.output()));
      await protocol.playOut(await protocol.challenge(wrong, protocol.watcher), falseValues, honestValues);
      expect((await protocol.oracle.claims(wrong.id)).status).to.equal(CLAIM_STATUS.falsified);
      const claimed = await claimByRoot(asked, honestValues.output());
      await expect(finalizeByRoot(claimed)).to.be.revertedWithCustomError(protocol.oracle, 'WindowOpen');
      await protocol.passWindow(claimed);
      await finalizeByRoot(claimed);
      expect(
        await protocol.oracle.isResult(asked.id, protocol.outputsOf(small, honestValues.output())),
      ).to.equal(true);
      expect(await protocol.oracle.isResult(asked.id, wrong.outputs)).to.equal(false);
      await expect(protocol.oracle.result(asked.id)).to.be.revertedWithCustomError(
        protocol.oracle,
        'OutputNotStored',
      );
    });

    it('attack 53: the wrong one of bytes and roots, or too few roots, are refused', async () => {
      const asked = await askByRoot(byRoot);
      await expect(protocol.claim(asked, honestValues.output(), protocol.honest))
        .to.be.revertedWithCustomError(protocol.oracle, 'WrongAnswerForm')
        .withArgs(asked.id, true);
      const plain = await protocol.ask(small, INPUT);
      await expect(claimByRoot(plain, honestValues.output()))
        .to.be.revertedWithCustomError(protocol.oracle, 'WrongAnswerForm')
        .withArgs(plain.id, false);
      const claimed = await claimByRoot(asked, honestValues.output());
      await protocol.passWindow(claimed);
      await protocol.networkHelpers.mine();
      await expect(protocol.sendFinalize(claimed)).to.be.revertedWithCustomError(
        protocol.oracle,
        'WrongAnswerForm',
      );
      for (const roots of [
        [],
        outputRoots(falseValues.output()),
        [...outputRoots(), protocol.ethers.ZeroHash],
      ]) {
        await expect(
          protocol.oracle.finalizeByRoot(claimed.id, asked.request as never, roots, true),
        ).to.be.revertedWithCustomError(protocol.oracle, 'OutputMismatch');
      }
      const { request: r } = asked;
      await expect(
        protocol.oracle.claimByRoot(asked.id, r as never, [], '', { value: claimBondWei }),
      ).to.be.revertedWithCustomError(protocol.registry, 'RootCountMismatch');
      await expect(protocol.oracle.requestByRoot(small.id, [], '', TERMS, 0n)).to.be.revertedWithCustomError(
        protocol.registry,
        'RootCountMismatch',
      );
    });

    it('attack 53, 59: a callback by root gets the roots, and may be run again', async () => {
      const consumer = await protocol.ethers.deployContract('HostileConsumer');
      await consumer.plan(MOOD.Revert, false, protocol.ethers.ZeroAddress, '0x');
      const terms = { ...TERMS, answerByRoot: true };
      const sent = await consumer.ask(protocol.oracle, small.id, INPUT, terms, FEE, { value: FEE });
      const asked = protocol.askedFrom((await sent.wait())!, small, terms);
      const claimed = await claimByRoot(asked, honestValues.output());
      await protocol.passWindow(claimed);
      protocol.eventOf((await (await finalizeByRoot(claimed)).wait())!, 'CallbackFailed');
      await consumer.plan(MOOD.Accept, false, protocol.ethers.ZeroAddress, '0x');
      const run = (roots: string[]) =>
        protocol.oracle.runCallbackByRoot(asked.id, asked.request as never, roots);
      await expect(run(outputRoots(falseValues.output()))).to.be.revertedWithCustomError(
        protocol.oracle,
        'NotResult',
      );
      await run(outputRoots());
      expect(await consumer.roots(0)).to.equal(outputRoots()[0]);
      await expect(run(outputRoots())).to.be.revertedWithCustomError(protocol.oracle, 'CallbackNotDue');
    });

    it('opens elements of a tensor against its root, and nothing else', async () => {
      const terms = { ...TERMS, answerByRoot: true };
      const reader = await protocol.ethers.deployContract('ElementReader', [protocol.oracle, terms]);
      for (const elements of [1, 64, 65, 200]) {
        const values = Array.from({ length: elements }, (_, i) => (i - 3) * 1_000_003);
        const bytes = new Uint8Array(new Int32Array(values).buffer);
        const tree = tensorTree(bytes);
        const root = hexOf(tree.root);
        const padded = new Uint8Array(256 * Math.max(1, Math.ceil(bytes.length / 256)));
        padded.set(bytes);
        const chunkAt = (chunk: number) => padded.slice(256 * chunk, 256 * (chunk + 1));
        for (const index of [0, elements >> 1, elements - 1]) {
          const chunk = index >> 6;
          const siblings = tree.proof(chunk).map(hexOf);
          expect(await reader.i32At(root, bytes.length, index, chunkAt(chunk), siblings)).to.equal(
            values[index],
          );
          const changed = chunkAt(chunk);
          changed[4 * (index & 63)]! ^= 1;
          await expect(
            reader.i32At(root, bytes.length, index, changed, siblings),
          ).to.be.revertedWithCustomError(reader, 'RootMismatch');
          await expect(
            reader.i32At(root, bytes.length, index, chunkAt(chunk).slice(1), siblings),
          ).to.be.revertedWithCustomError(reader, 'ChunkLengthMismatch');
          await expect(
            reader.i32At(root, bytes.length, index, chunkAt(chunk), [...siblings, root]),
          ).to.be.revertedWithCustomError(reader, 'ProofLengthMismatch');
        }
        await expect(
          reader.i32At(root, bytes.length, elements, chunkAt(0), []),
        ).to.be.revertedWithCustomError(reader, 'ElementOutOfRange');
      }
    });

    it('reads float32 elements as numbers with 18 decimals, rounded toward zero', async () => {
      const reader = await protocol.ethers.deployContract('ElementReader', [
        protocol.oracle,
        { ...TERMS, answerByRoot: true },
      ]);
      const cases: [number, bigint][] = [
        [0, 0n],
        [-0, 0n],
        [1, 10n ** 18n],
        [-1.5, -(15n * 10n ** 17n)],
        [0.1, 100000001490116119n],
        [-0.1, -100000001490116119n],
        [2 ** -149, 0n],
        [3.4028234663852886e38, 340282346638528859811704183484516925440n * 10n ** 18n],
        [16_777_217, 16_777_216n * 10n ** 18n],
      ];
      const bytes = new Uint8Array(new Float32Array(cases.map(([value]) => value)).buffer);
      const tree = tensorTree(bytes);
      const chunk = new Uint8Array(256);
      chunk.set(bytes);
      for (const [i, [, wad]] of cases.entries()) {
        expect(await reader.f32At(tree.root, bytes.length, i, chunk, [])).to.equal(wad);
      }
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const odd = new Uint8Array(256);
        odd.set(new Uint8Array(new Float32Array([value]).buffer));
        const { root } = tensorTree(odd.slice(0, 4));
        await expect(reader.f32At(root, 4, 0, odd, [])).to.be.revertedWithCustomError(reader, 'NotFinite');
      }
    });

    it('an answer too long for public pools is refused as bytes, and goes by root', async () => {
      const elements = LIMITS.MAX_DATA_BYTES / 4 + 1;
      const model = toyModel([toyLoop(elements)]);
      await protocol.publish(model);
      const output = valuesOf(model, new Uint8Array()).output();
      await expect(protocol.claim(await protocol.ask(model, new Uint8Array()), output, protocol.honest))
        .to.be.revertedWithCustomError(protocol.oracle, 'AnswerTooLong')
        .withArgs(LIMITS.MAX_DATA_BYTES + 4, LIMITS.MAX_DATA_BYTES);
      const asked = await protocol.ask(model, new Uint8Array(), { terms: byRoot });
      const roots = [hexOf(tensorRoot(output))];
      const value = claimBondWei;
      const receipt = (await (
        await protocol.oracle.claimByRoot(asked.id, asked.request as never, roots, '', { value })
      ).wait()) as ContractTransactionReceipt;
      expect(protocol.eventOf(receipt, 'ClaimedByRoot').outputs).to.equal(protocol.outputsOf(model, output));
    });

    it('the longest answer fits a public pool in every transaction that carries it', async () => {
      const POOL_BYTES = 131_072; // go-ethereum's txMaxSize
      const ENVELOPE_BYTES = 200;
      const model = toyModel([toyLoop(LIMITS.MAX_DATA_BYTES / 4)]);
      await protocol.publish(model);
      const output = valuesOf(model, new Uint8Array()).output();
      const asked = await protocol.ask(model, new Uint8Array());
      const claimed = await protocol.claim(asked, output, protocol.honest);
      const { interface: oracle } = protocol.oracle;
      const request_ = asked.request as never;
      for (const call of [
        oracle.encodeFunctionData('claim', [asked.id, request_, output]),
        oracle.encodeFunctionData('finalize', [claimed.id, request_, claimed.outputs, output, true]),
        oracle.encodeFunctionData('runCallback', [asked.id, request_, output]),
      ]) {
        expect(protocol.ethers.dataLength(call) + ENVELOPE_BYTES).to.be.at.most(POOL_BYTES);
      }
      await protocol.passWindow(claimed);
      const receipt = await protocol.finalize(claimed);
      expect(Number(receipt.gasUsed)).to.be.below(16_777_216);
    });
  });
});
