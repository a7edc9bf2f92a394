import { expect } from 'chai';
import { encodeModel } from '../../examples/sentences/model.ts';
import { similarity } from '../../examples/sentences/similarity.ts';
import { tokenizer } from '../../examples/sentences/tokens.ts';
import { availableOrSkip } from '../support/available.ts';
import { expectNear } from '../support/near.ts';
import { value } from '../support/onnx.ts';
import { expectAgreement, outputsOf } from '../support/realModel.ts';

/** Tokens and first components as @energetic-ai/embeddings 0.2.0 gives them for these texts, on TensorFlow.js. */
const FROM_PACKAGE = [
  {
    text: 'How old are you?',
    tokens: [728, 446, 31, 19, 54],
    first: [0.03868532, 0.05044371, -0.04552362, 0.05607943, -0.06007658, -0.0550972, 0.06218659, 0.0622829],
  },
  {
    text: 'What is your age?',
    tokens: [379, 18, 37, 735, 54],
    first: [
      0.008934946, -0.03506745, -0.04346363, 0.04687196, -0.05560878, -0.04894535, 0.0556756, 0.0557337,
    ],
  },
  {
    text: 'naïve café №5 ☃☃ x',
    tokens: [1216, 0, 105, 976, 209, 1133, 262, 411, 30, 0, 649],
    first: [
      0.04868953, 0.01908152, -0.03797261, -0.02644637, -0.0485234, 0.01260047, 0.03439495, -0.06244996,
    ],
  },
];

describe('the sentences example', function () {
  this.timeout(120_000);
  let file: Uint8Array;
  let tokensOf: (text: string) => number[];

  before(async function () {
    file = await availableOrSkip(this, encodeModel);
    tokensOf = tokenizer();
  });

  async function embedded(text: string): Promise<number[]> {
    const tokens = tokensOf(text);
    const input = value('int32', [tokens.length], tokens);
    const outputs = await outputsOf(file, { dims: { tokens: tokens.length } }, { tokens: input });
    return outputs.get('embedding')!.values;
  }

  it('gives texts the tokens and vectors that the package gives them', async () => {
    for (const { text, tokens, first } of FROM_PACKAGE) {
      expect(tokensOf(text)).to.deep.equal(tokens);
      const vector = await embedded(text);
      first.forEach((component, i) => {
        expectNear(vector[i] as number, component, 1e-6, `component ${i} of "${text}"`);
      });
    }
  });

  it('agrees with onnxruntime', async () => {
    const tokens = tokensOf('The cat sleeps on the warm roof.');
    const input = value('int32', [tokens.length], tokens);
    await expectAgreement(file, { dims: { tokens: tokens.length } }, { tokens: input });
  });

  it('finds sentences of one meaning closer than others', async () => {
    const [question, same, other] = (await Promise.all(
      ['How old are you?', 'What is your age?', 'The cat sleeps on the warm roof.'].map(embedded),
    )) as [number[], number[], number[]];
    expectNear(similarity(question, question), 1, 1e-5);
    expect(similarity(question, same)).to.be.above(0.7);
    expect(similarity(question, other)).to.be.below(0.4);
  });
});
