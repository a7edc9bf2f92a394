import { expect } from 'chai';
import { network } from 'hardhat';
import { PLAIN_TERMS, ZERO_ADDRESS } from '../../src/chain/contracts/types.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { concat } from '../../src/merkle/tree.ts';
import { compileText } from '../../src/text/compile.ts';
import { inputsOf } from '../../src/text/generate.ts';
import { PADDING } from '../../src/text/options.ts';
import { tokenBytes } from '../../src/text/tokens.ts';
import { tinyGraph } from '../support/tinyText.ts';

const TERMS = {
  ...PLAIN_TERMS,
  claimBondWei: 1_000n,
  challengeBondWei: 500n,
  windowSeconds: 100n,
  clockSeconds: 100n,
  patienceSeconds: 1_000n,
  callbackGas: 200_000n,
};
const MODEL = `0x${'11'.repeat(32)}`;

async function deployKeeper(tokenBytes: number, promptTokens: number) {
  const { ethers } = await network.create();
  const oracle = await ethers.deployContract('MockInferenceOracle', [ZERO_ADDRESS]);
  const keeper = await ethers.deployContract('TextKeeper', [oracle, TERMS, tokenBytes, promptTokens]);
  return { ethers, oracle, keeper };
}

describe('a contract that asks for texts', () => {
  for (const width of [1, 2, 3, 4]) {
    it(`reads tokens of ${width} bytes up to the padding`, async () => {
      const { oracle, keeper } = await deployKeeper(width, 4);
      const token = 2 ** (8 * width - 1) - 6;
      await keeper.ask(MODEL, [7, 8]);
      const text = [3, 9, token, PADDING, PADDING];
      await oracle.answer(1, hexOf(tokenBytes(text, width)));
      expect([await keeper.count(), await keeper.first(), await keeper.last()]).to.deep.equal([
        3n,
        3n,
        BigInt(token),
      ]);
      await keeper.ask(MODEL, [7, 8]);
      await oracle.answer(2, hexOf(tokenBytes([5, 6, 0], width)));
      expect([await keeper.count(), await keeper.first(), await keeper.last()]).to.deep.equal([3n, 5n, 0n]);
    });
  }

  it('gives a prompt as the command line does', async () => {
    const model = compileText(tinyGraph(), 1000, { prompt: 6, tokens: 8 });
    const { keeper } = await deployKeeper(model.width, 6);
    for (const prompt of [[5], [5, 17, 3], [1, 2, 3, 4, 5, 39]]) {
      expect(await keeper.inputFor(prompt)).to.equal(hexOf(concat(inputsOf(model, { prompt }))));
    }
  });

  it('refuses prompts that the model does not take, and numbers that no token has', async () => {
    const { ethers, keeper } = await deployKeeper(2, 3);
    await expect(keeper.inputFor([]))
      .to.be.revertedWithCustomError(keeper, 'PromptOutOfRange')
      .withArgs(0, 3);
    await expect(keeper.inputFor([1, 2, 3, 4]))
      .to.be.revertedWithCustomError(keeper, 'PromptOutOfRange')
      .withArgs(4, 3);
    for (const token of [0xffff, 0x10000]) {
      await expect(keeper.inputFor([token]))
        .to.be.revertedWithCustomError(keeper, 'NoToken')
        .withArgs(token);
    }
    for (const width of [0, 5]) {
      const oracle = await ethers.deployContract('MockInferenceOracle', [ZERO_ADDRESS]);
      await expect(ethers.deployContract('TextKeeper', [oracle, TERMS, width, 3]))
        .to.be.revertedWithCustomError(keeper, 'TokenBytesOutOfRange')
        .withArgs(width);
    }
  });

  it('keeps the first sentence of a final text, and has none before', async () => {
    const { ethers } = await network.create();
    const oracle = await ethers.deployContract('MockInferenceOracle', [ZERO_ADDRESS]);
    const stop = 13;
    const reader = await ethers.deployContract('SentenceReader', [oracle, MODEL, TERMS, 5n, 2, 4, stop]);
    await reader.ask([7, 8], { value: 5n });
    await expect(reader.sentenceOf(1)).to.be.revertedWithCustomError(reader, 'NoSentenceYet').withArgs(1);
    await oracle.answer(1, hexOf(tokenBytes([4, 999, stop, 6, stop, PADDING], 2)));
    expect(await reader.sentenceOf(1)).to.deep.equal([4n, 999n, 13n]);
    await reader.ask([7], { value: 5n });
    // A text that ends before its sentence does.
    await oracle.answer(2, hexOf(tokenBytes([4, 5, PADDING, PADDING, PADDING, PADDING], 2)));
    expect(await reader.sentenceOf(2)).to.deep.equal([4n, 5n]);
  });
});
