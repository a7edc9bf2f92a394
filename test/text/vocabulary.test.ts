import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { toUtf8String } from 'ethers';
import { network } from 'hardhat';
import { glassTokenizer } from '../../examples/text/glass.ts';
import { PLAIN_TERMS, ZERO_ADDRESS } from '../../src/chain/contracts/types.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { tokenizerOf } from '../../src/text/tokenizer.ts';
import { tokenBytes } from '../../src/text/tokens.ts';
import { tokenTexts, type VocabularyPages, vocabularyPages } from '../../src/text/vocabulary.ts';
import { availableOrSkip } from '../support/available.ts';

const MODEL = `0x${'11'.repeat(32)}`;
const TERMS = {
  ...PLAIN_TERMS,
  claimBondWei: 1_000n,
  challengeBondWei: 500n,
  windowSeconds: 100n,
  clockSeconds: 100n,
  patienceSeconds: 1_000n,
  callbackGas: 200_000n,
};
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A byte-level tokenizer of the 256 bytes and some pairs, as GPT-2 writes bytes; Ġ is a space. */
const byteLevel = () => {
  const printable = (byte: number) =>
    (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte < 0x100 && byte !== 0xad);
  let others = 256;
  const characters = Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(printable(byte) ? byte : others++),
  );
  const tokens = [...characters, 'Ġt', 'he', 'Ãł', '<end>'];
  return {
    version: '1.0',
    added_tokens: [
      {
        id: 259,
        content: '<end>',
        special: true,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
      },
    ],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: ['Ġ t', 'h e', 'Ã ł'],
    },
  };
};

async function deployVocabulary({ tokens, pageTokens, pages, hashes }: VocabularyPages) {
  const { ethers } = await network.create();
  const vocabulary = await ethers.deployContract('Vocabulary', [tokens, pageTokens, hashes.map(hexOf)]);
  const add = async (page: number) => (await vocabulary.addPage(page, pages[page]!)).wait();
  return { ethers, vocabulary, add };
}

describe('a vocabulary on chain', () => {
  it('gives the texts that the language model of glassllm writes, in UTF-8', async function () {
    const json = await availableOrSkip(this, glassTokenizer);
    const texts: readonly { readonly tokens: readonly number[]; readonly text: string }[] = JSON.parse(
      readFileSync(new URL('../snapshots/glassTexts.json', import.meta.url), 'utf8'),
    );
    const pages = vocabularyPages(tokenTexts(json));
    expect([pages.tokens, pages.pages.length]).to.deep.equal([1024, 1]);
    const { ethers, vocabulary, add } = await deployVocabulary(pages);
    await add(0);
    const tokenizer = tokenizerOf(json);
    for (const { tokens } of texts) {
      const text = toUtf8String(await vocabulary.textOf([...tokens]));
      expect(text).to.equal(tokenizer.decode(tokens));
    }
    const oracle = await ethers.deployContract('MockInferenceOracle', [ZERO_ADDRESS]);
    const keeper = await ethers.deployContract('LineKeeper', [oracle, TERMS, 2, 8, vocabulary]);
    await keeper.ask(MODEL, [483, 211, 464]);
    const { tokens } = texts[0]!;
    await expect(oracle.answer(1, tokenBytes(tokens, 2)))
      .to.emit(keeper, 'Written')
      .withArgs(1, tokenizer.decode(tokens));
    const gas = await vocabulary.textOf.estimateGas([...tokens]);
    expect(Number(gas)).to.be.below(120_000);
  });

  it('gives every byte of a byte-level vocabulary, and no special token', async () => {
    const json = byteLevel();
    const { vocabulary, add } = await deployVocabulary(vocabularyPages(tokenTexts(json)));
    await add(0);
    const text = 'to the café – 日本 🙂\n\u00a0\u00ad';
    const tokens = tokenizerOf(json).encode(text);
    expect(toUtf8String(await vocabulary.textOf([...tokens, 259]))).to.equal(text);
    // The first byte of a character of two: a text may end there.
    expect(await vocabulary.textOf([0xc3])).to.equal('0xc3');
    expect(await vocabulary.textOf([])).to.equal('0x');
  });

  it('has as many pages as it takes, which anybody adds in any order', async () => {
    const words = Array.from({ length: 3_000 }, (_, i) => bytesOf(`${'ab'.repeat(i % 9)}${i} `));
    const pages = vocabularyPages(words);
    expect([pages.pageTokens, pages.pages.length]).to.deep.equal([1024, 3]);
    const { vocabulary, add } = await deployVocabulary(pages);
    await add(2);
    await expect(vocabulary.textOf([2_999, 1]))
      .to.be.revertedWithCustomError(vocabulary, 'PageMissing')
      .withArgs(0);
    await add(0);
    await add(1);
    const kept = await vocabulary.pageOf(1);
    await add(1);
    expect(await vocabulary.pageOf(1)).to.equal(kept);
    const tokens = [0, 1_023, 1_024, 2_047, 2_048, 2_999, 8, 8];
    const expected = tokens.map((token) => Buffer.from(words[token]!).toString()).join('');
    expect(toUtf8String(await vocabulary.textOf([...tokens]))).to.equal(expected);
  });

  it('takes no other page, and has no other token', async () => {
    const pages = vocabularyPages([bytesOf('a'), bytesOf('b'), bytesOf('c')]);
    const { ethers, vocabulary, add } = await deployVocabulary(pages);
    for (const page of [0, 1]) {
      await expect(vocabulary.addPage(page, '0x00')).to.be.revertedWithCustomError(
        vocabulary,
        'PageMismatch',
      );
    }
    await add(0);
    await expect(vocabulary.textOf([3]))
      .to.be.revertedWithCustomError(vocabulary, 'TokenUnknown')
      .withArgs(3, 3);
    for (const [tokens, pageTokens] of [
      [3, 0],
      [3, 2],
      [0, 4],
    ]) {
      await expect(
        ethers.deployContract('Vocabulary', [tokens, pageTokens, [ethers.ZeroHash]]),
      ).to.be.revertedWithCustomError(vocabulary, 'PageCountMismatch');
    }
  });

  it('has as many tokens as there are, and refuses numbers that are none', () => {
    const vocab = Object.fromEntries(Array.from({ length: 256_000 }, (_, id) => [`t${id}`, id]));
    const texts = tokenTexts({ model: { vocab }, added_tokens: null });
    expect([texts.length, Buffer.from(texts[255_999]!).toString()]).to.deep.equal([256_000, 't255999']);
    for (const id of [5e9, 5e7, -1, 1.5, '3', null])
      expect(() => tokenTexts({ model: { vocab: { a: id } } })).to.throw(
        `its token "a" is number ${id}; known`,
      );
    let decoder: object = { type: 'Fuse' };
    for (let i = 0; i < 20_000; i++) decoder = { type: 'Sequence', decoders: [decoder] };
    expect(() => tokenTexts({ model: { vocab: {} }, decoder })).to.throw(
      'its decoders are more than 30 deep',
    );
    expect(() => tokenTexts(null)).to.throw('it has no list of tokens by name');
  });

  it('is refused where the text of a token depends on its neighbours', () => {
    const json = { ...byteLevel(), decoder: { type: 'WordPiece' } };
    expect(() => tokenTexts(json)).to.throw("a token's text depends on its neighbours");
    expect(() => tokenTexts({})).to.throw('it has no list of tokens by name');
    expect(() => vocabularyPages([new Uint8Array(24_574)])).to.throw('more than the 24575 bytes of a page');
  });
});
