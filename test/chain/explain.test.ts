import { expect } from 'chai';
import { type ErrorFragment, Interface, type ParamType } from 'ethers';
import {
  IDisputeGame__factory,
  IInferenceOracle__factory,
  IModelRegistry__factory,
  IReferee__factory,
} from '#typechain';
import { explain } from '../../src/chain/messages/explain.ts';
import { SENTENCES } from '../../src/chain/messages/sentences.ts';
import { badTextIn, LETTERS } from '../support/badText.ts';

/** The greatest value of each type. */
const MOST: Readonly<Record<string, bigint>> = Object.fromEntries(
  [8, 16, 32, 64, 96, 128, 256].map((bits) => [`uint${bits}`, 2n ** BigInt(bits) - 1n]),
);

const sample = ({ type }: Pick<ParamType, 'type'>): unknown => {
  if (type === 'address') return `0x${'11'.repeat(20)}`;
  if (type === 'bytes32') return `0x${'ab'.repeat(32)}`;
  if (type === 'string') return 'windowSeconds';
  return 3n;
};

const interfaces = [
  IInferenceOracle__factory,
  IDisputeGame__factory,
  IModelRegistry__factory,
  IReferee__factory,
].map(({ abi }) => new Interface(abi));

const errors = interfaces.flatMap((contract) =>
  contract.fragments
    .filter((fragment): fragment is ErrorFragment => fragment.type === 'error')
    .map((error) => ({ contract, error })),
);

describe('explaining a refusal', () => {
  for (const { contract, error } of errors) {
    it(`says ${error.name} in one sentence with its values`, () => {
      const data = contract.encodeErrorResult(error, error.inputs.map(sample));
      const sentence = explain({ code: 'CALL_EXCEPTION', data });
      expect(sentence).to.match(/^[^\n]{15,}$/);
      expect(sentence).to.not.match(/undefined|\[object|the contract refused it with/);
    });
  }

  it('has no sentence for an error that no contract has', () => {
    const names = new Set(errors.map(({ error }) => error.name));
    expect(Object.keys(SENTENCES).filter((name) => !names.has(name))).to.deep.equal([]);
  });

  it('says one line, whatever a contract puts into its revert data', () => {
    const all = errors.map(({ contract, error }) => {
      const huge = error.inputs.map(({ type }) => (type.startsWith('uint') ? MOST[type] : sample({ type })));
      return contract.encodeErrorResult(error, huge);
    });
    const text = new Interface(['error Error(string)', 'error BoundsUnsafe(string)']);
    const texts = ['Error', 'BoundsUnsafe'].flatMap((name) => [
      badTextIn(text.encodeErrorResult(name, [LETTERS])),
      text.encodeErrorResult(name, ['\n\u001b[2J'.repeat(50)]),
      text.encodeErrorResult(name, ['x'.repeat(100_000)]),
    ]);
    const cut = [...all, ...texts].flatMap((data) => [data.slice(0, 12), data.slice(0, -2), `${data}00`]);
    const long = `${all[0]!.slice(0, 10)}${'ff'.repeat(2 ** 23)}`;
    for (const data of [
      ...all,
      ...texts,
      ...cut,
      long,
      '0x',
      '0x0',
      '0xzz',
      `0x${'0'.repeat(2 ** 24 + 1)}`,
    ]) {
      const sentence = explain({ code: 'CALL_EXCEPTION', data });
      expect(sentence, data.slice(0, 80)).to.match(/^[^\p{Cc}]{10,700}$/u);
    }
    for (const failure of [Object.create(null), Symbol('x'), new Error(''), undefined, { message: 7n }])
      expect(explain(failure)).to.match(/^[^\n]{1,700}$/);
  });

  it('finds the data wherever a node nests it', () => {
    const [oracle] = interfaces as [Interface];
    const data = oracle.encodeErrorResult('NotFinal', [7n]);
    const nestings = [
      { data },
      { info: { error: { code: 3, data } } },
      { error: { data: { data, message: 'reverted' } } },
      Object.assign(new Error('x'), { cause: { data: { value: { data } } } }),
    ];
    for (const failure of nestings) {
      expect(explain(failure)).to.equal('request 7 has no final answer yet');
    }
  });

  it('gives the words of the node, wherever ethers keeps them, not its own', () => {
    const error = { code: -32000, message: 'replacement transaction\nunderpriced' };
    const wrapped = (extra: object) => Object.assign(new Error('could not coalesce error (x)'), extra);
    const failures = [
      wrapped({ shortMessage: 'could not coalesce error', error }),
      wrapped({ shortMessage: 'missing revert data', info: { error } }),
      wrapped({ shortMessage: 'server response 400', info: { responseBody: JSON.stringify({ error }) } }),
    ];
    for (const failure of failures) {
      expect(explain(failure)).to.equal('the node says: replacement transaction underpriced');
    }
  });

  it('says what to do where a node has dropped old blocks', () => {
    const error = { code: 4444, message: 'pruned history unavailable' };
    expect(explain(Object.assign(new Error('x'), { error }))).to.match(/pruned .* a later --from-block$/);
  });

  it('lets no node move the cursor or write a second line', () => {
    const message = `a\u001b[2Jb\r\nc\u202ed${'e'.repeat(500)}`;
    const sentence = explain(Object.assign(new Error('x'), { error: { code: 1, message } }));
    expect(sentence)
      .to.match(/^the node says: a \[2Jb c de+…$/)
      .and.to.have.length.below(230);
  });

  it("cuts no sentence of this program's own, such as one that begins with a long path", () => {
    const sentence = `program/${'a'.repeat(64)} in /${'b'.repeat(200)} is missing`;
    expect(explain(new Error(sentence))).to.equal(sentence);
    expect(explain(new Error('c'.repeat(5000)))).to.have.length(601);
  });

  it('falls back to the plain reason', () => {
    expect(explain({ data: '0x' })).to.match(/without a reason/);
    expect(explain({ data: '0xdeadbeef' })).to.equal(
      'the contract refused it with the unknown error 0xdeadbeef',
    );
    expect(explain(new Error('socket hang up\n at x'))).to.equal('socket hang up');
  });
});
