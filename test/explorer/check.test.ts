import { expect } from 'chai';
import type { Request } from '../../src/chain/contracts/types.ts';
import { requestHash as hashOfRecord } from '../../src/chain/index/facts.ts';
import { floatText } from '../../src/explorer/floatText.ts';
import { amountIn } from '../../src/explorer/page/ask/amount.ts';
import { NotValues, pictureIn, tensorOf } from '../../src/explorer/page/ask/values.ts';
import { requestHash } from '../../src/explorer/page/check/chain.ts';
import { readModel } from '../../src/explorer/page/check/model.ts';
import { Unavailable } from '../../src/explorer/page/check/unavailable.ts';
import { requestRow } from '../../src/explorer/records/rows.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { f32OfWord } from '../../src/scalar/machine.ts';
import { encodeProgram } from '../../src/store/programFile.ts';
import { layers } from '../support/layers.ts';
import { TERMS } from '../support/protocol.ts';

const counts = { claims: 0, falsified: 0, disputes: 0, openDisputes: 0 };

describe('what a page checks before it runs a claim', () => {
  const request: Request = {
    requester: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
    feeWei: 7n,
    modelId: `0x${'ab'.repeat(32)}`,
    inputs: `0x${'0c'.repeat(32)}`,
    requestedAt: 1_800_000_000n,
    terms: TERMS,
  };
  const rowOf = (one: Request) =>
    requestRow(
      {
        requestId: 1n,
        request: one,
        input: { kind: 'bytes', bytes: '0x' },
        status: 'open',
        callback: 'notRun',
        feeHeld: false,
      },
      counts,
    );

  it('hashes a request as the oracle does', () => {
    expect(requestHash(rowOf(request))).to.equal(hashOfRecord(request));
    const other = { ...TERMS, provider: request.requester, answerByRoot: true, callbackFeeWei: 3n };
    const named = { ...request, terms: other };
    expect(requestHash(rowOf(named))).to.equal(hashOfRecord(named));
    expect(requestHash(rowOf(named))).not.to.equal(hashOfRecord(request));
  });

  it('takes amounts as they are typed, in a currency of any decimals', () => {
    expect(amountIn('0.25', 18)).to.equal(25n * 10n ** 16n);
    expect([amountIn('3', 0), amountIn('1.5', 6), amountIn('0.0000001', 6)]).to.deep.equal([
      3n,
      1500000n,
      undefined,
    ]);
    for (const text of ['a lot', '', '-1', '1e3', '1.', '.5'])
      expect(amountIn(text, 18), text).to.equal(undefined);
  });

  it('takes numbers as they are typed, and says what is wrong with others', () => {
    expect([...tensorOf('1, 2\n255', 'u8', [3])]).to.deep.equal([1, 2, 255]);
    expect([...tensorOf('-1', 'i32', [1])]).to.deep.equal([255, 255, 255, 255]);
    expect([...tensorOf('1 -0.5', 'f32', [1, 2])]).to.deep.equal([0, 0, 128, 63, 0, 0, 0, 191]);
    expect(() => tensorOf('1 2', 'u8', [3])).to.throw(
      NotValues,
      'There are 2 numbers, and the input takes 3.',
    );
    expect(() => tensorOf('256', 'u8', [1])).to.throw(NotValues, '256 is no whole number from 0 to 255.');
    expect(() => tensorOf('1e', 'f32', [1])).to.throw(NotValues, '“1e” is no number.');
    expect(pictureIn('u8', [1, 28, 28])).to.deep.equal([28, 28]);
    expect([pictureIn('f32', [28, 28]), pictureIn('u8', [3, 28, 28])]).to.deep.equal([undefined, undefined]);
  });

  it('writes a float in as few digits as tell it apart', () => {
    const texts = [
      0.1,
      -0.5367612242698669,
      1 / 3,
      3.4028234663852886e38,
      1e-45,
      -0,
      Number.NaN,
      Infinity,
    ].map((value) => floatText(Math.fround(value)));
    expect(texts).to.deep.equal([
      '0.1',
      '-0.5367612',
      '0.33333334',
      '3.4028235e+38',
      '1e-45',
      '-0',
      'NaN',
      'Infinity',
    ]);
    for (let word = 0x3f80_0000; word < 0x3f80_4000; word += 7) {
      const value = f32OfWord(word);
      expect(Math.fround(Number(floatText(value)))).to.equal(value);
    }
  });

  describe('of a model', () => {
    const { program, weights } = layers();
    const model = modelOf(program);
    const id = hexOf(model.id);
    const blobs =
      (change: (name: string, bytes: Uint8Array) => Uint8Array | undefined) => async (name: string) =>
        change(name, name.startsWith('program') ? encodeProgram(program) : (weights.get(1) as Uint8Array));

    const refusal = async (change: Parameters<typeof blobs>[0], asked = id): Promise<string> => {
      try {
        await readModel(asked, blobs(change), () => undefined);
        return 'none';
      } catch (failure) {
        expect(failure).to.be.instanceOf(Unavailable);
        return (failure as Error).message;
      }
    };

    it('takes every byte that the id commits to', async () => {
      const got = await readModel(
        id,
        blobs((_, bytes) => bytes),
        () => undefined,
      );
      expect(hexOf(got.model.id)).to.equal(id);
      expect(got.weights.get(1)).to.deep.equal(weights.get(1));
    });

    it('refuses everything else', async () => {
      const flipped = (bytes: Uint8Array): Uint8Array => bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1);
      expect(await refusal((_, bytes) => bytes, `0x${'11'.repeat(32)}`)).to.match(/another model/);
      expect(await refusal((name, bytes) => (name.startsWith('tensor') ? flipped(bytes) : bytes))).to.match(
        /weights of node 1 is something else/,
      );
      expect(
        await refusal((name, bytes) => (name.startsWith('tensor') ? bytes.subarray(4) : bytes)),
      ).to.match(/something else/);
      expect(await refusal((name, bytes) => (name.startsWith('tensor') ? undefined : bytes))).to.match(
        /nobody/,
      );
      expect(
        await refusal((name, bytes) => (name.startsWith('program') ? Uint8Array.of(1) : bytes)),
      ).to.match(/no program/);
      expect(await refusal(() => undefined)).to.match(/nobody here has the program/);
    });
  });
});
