import { expect } from 'chai';
import { readGraph } from '../../src/onnx/index.ts';
import { TYPES } from '../../src/onnx/types.ts';
import { compileText } from '../../src/text/compile.ts';
import { type GraphSpec, modelBytes, node, noise, value } from '../support/onnx.ts';
import { tinyGraph } from '../support/tinyText.ts';

const SIZES = { prompt: 4, tokens: 8 };

/** A model of a table of 40 tokens, with outputs of these names and widths. */
function model(outputs: readonly (readonly [name: string, width: number])[]) {
  const spec: GraphSpec = {
    nodes: [
      node('Gather', ['tokens', 'input_ids'], ['x']),
      ...outputs.map(([name]) => node('MatMul', ['x', `head of ${name}`], [name])),
    ],
    inputs: { input_ids: value('int64', [1, 12], []) },
    constants: {
      tokens: noise([40, 8]),
      ...Object.fromEntries(outputs.map(([name, width], i) => [`head of ${name}`, noise([8, width], i + 2)])),
    },
    outputs: outputs.map(([name]) => name),
  };
  return () => compileText(readGraph(modelBytes(spec)), 1000, SIZES);
}

describe('the logits of a language model', () => {
  it('are the output of that name, wherever it is', () => {
    const plain = model([['logits', 40]])();
    // The nodes before it are the same, so the same head was taken.
    for (const other of ['router_logits', 'hidden']) {
      const { program, vocabulary } = model([
        ['logits', 40],
        [other, 24],
      ])();
      expect([vocabulary, program]).to.deep.equal([40, plain.program]);
      expect(
        model([
          [other, 24],
          ['logits', 40],
        ])().vocabulary,
      ).to.equal(40);
    }
  });

  it('are else the output with as many columns as the table of tokens has rows', () => {
    const { vocabulary } = model([
      ['router_logits', 24],
      ['lm_logits', 40],
    ])();
    expect(vocabulary).to.equal(40);
    expect(model([['scores', 40]])().vocabulary).to.equal(40);
  });

  it('may be fewer than the table has rows, if their name says what they are', () => {
    expect(model([['logits', 38]])().vocabulary).to.equal(38);
  });

  it('are refused if tokens have no rows, or if they are something else', () => {
    const sentence = (name: string, width: number) =>
      `output "${name}": it is float [1,12,${width}], and the table of tokens has 40 rows, so they are no logits`;
    expect(model([['logits', 48]])).to.throw(sentence('logits', 48));
    expect(model([['last_hidden_state', 32]])).to.throw(sentence('last_hidden_state', 32));
    expect(model([['router_logits', 8]])).to.throw(sentence('router_logits', 8));
  });
});

describe('the inputs of a language model', () => {
  const withInput = (name: string, type: keyof typeof TYPES, shape: readonly (number | string)[]) => () => {
    const graph = tinyGraph();
    const input = { name, type: TYPES[type], shape };
    return compileText({ ...graph, inputs: [...graph.inputs, input] }, 1000, SIZES);
  };

  it('are refused in other ranks and types, which the message names', () => {
    for (const [name, type, shape, sentence] of [
      [
        'attention_mask',
        'float',
        [1, 1, 's', 't'],
        'a mask of type float and rank 4 cannot be fed; export with rank 2, [batch, positions]',
      ],
      [
        'position_ids',
        'int64',
        [3, 1, 's'],
        'positions of type int64 and rank 3 cannot be fed; export with rank 1',
      ],
      [
        'past_key_values.0.key',
        'float',
        ['h', 4, 'past'],
        'a past of type float and rank 3 cannot be fed; export with floats of rank 4',
      ],
      ['past_key_values.0.key', 'int8', [1, 2, 'past', 4], 'a past of type int8 and rank 4 cannot be fed'],
      [
        'past_key_values.0.key',
        'float',
        [1, 2, 6, 4],
        'there is always a past; export with the length of the past left open, or without a past',
      ],
      ['padding_mask', 'int64', [1, 's'], 'its name does not say whether 1 marks a token or padding'],
    ] as const) {
      expect(withInput(name, type, shape), `${name} ${shape}`).to.throw(`input "${name}": `);
      expect(withInput(name, type, shape), `${name} ${shape}`).to.throw(sentence);
    }
  });

  it('have no padding, in a mask of tokens and in one of padding', () => {
    const masked = (mask: string) => {
      const spec: GraphSpec = {
        nodes: [
          node('Cast', [mask], ['numbers'], { to: TYPES.float.code }),
          node('Unsqueeze', ['numbers', 'last'], ['column']),
          node('Gather', ['tokens', 'input_ids'], ['x']),
          node('Add', ['x', 'column'], ['logits']),
        ],
        inputs: { input_ids: value('int64', [1, 12], []), [mask]: value('bool', [1, 12], []) },
        constants: { tokens: noise([40, 40]), last: value('int64', [1], [2]) },
        outputs: ['logits'],
      };
      return [...compileText(readGraph(modelBytes(spec)), 1000, SIZES).weights.values()].map((bytes) =>
        Buffer.from(bytes).toString('hex'),
      );
    };
    expect(masked('src_key_padding_mask')).to.not.deep.equal(masked('attention_mask'));
  });
});
