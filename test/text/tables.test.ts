import { expect } from 'chai';
import { ImportError, readGraph } from '../../src/onnx/index.ts';
import { compileText } from '../../src/text/compile.ts';
import { modelBytes, node, noise, value } from '../support/onnx.ts';

/** A model with learned positions: the table of its tokens plus that of its positions, of which the first is skipped. */
function learned(positions: number) {
  const graph = readGraph(
    modelBytes({
      nodes: [
        node('Gather', ['tokens', 'input_ids'], ['x']),
        node('Add', ['position_ids', 'one'], ['places']),
        node('Gather', ['positions', 'places'], ['p']),
        node('Add', ['x', 'p'], ['sum']),
        node('MatMul', ['sum', 'head'], ['logits']),
      ],
      inputs: { input_ids: value('int64', [1, 12], []), position_ids: value('int64', [1, 12], []) },
      open: { input_ids: [1, 'sequence'], position_ids: [1, 'sequence'] },
      constants: {
        tokens: noise([40, 8]),
        positions: noise([positions, 8], 2),
        head: noise([8, 40], 3),
        one: value('int64', [], [1]),
      },
      outputs: ['logits'],
    }),
  );
  return (prompt: number, tokens: number) => compileText(graph, 1000, { prompt, tokens });
}

describe('a language model with a table of positions', () => {
  it('takes as many positions as its table has', () => {
    expect(learned(13)(4, 8).vocabulary).to.equal(40);
  });

  it('is refused with more positions, and the most that it takes is named', () => {
    expect(() => learned(13)(5, 8)).to.throw(
      ImportError,
      /^node .*\(Gather\): it reads row 13 of "positions", a table of 13; --prompt and --tokens may be at most 12 together$/,
    );
    expect(() => learned(9)(4, 16)).to.throw(
      /a table of 9; --prompt and --tokens may be at most 8 together$/,
    );
  });
});
