import { expect } from 'chai';
import { readGraph } from '../../src/onnx/index.ts';
import { compileText } from '../../src/text/compile.ts';
import { floats, modelBytes, node, noise, value } from '../support/onnx.ts';

/** A model that scales its logits by another number from so many positions on. */
function scaledFrom(length: number) {
  const branch = (name: string) => ({
    graph: { nodes: [node('Identity', [name], [`is ${name}`])], outputs: [`is ${name}`] },
  });
  return readGraph(
    modelBytes({
      nodes: [
        node('Gather', ['tokens', 'input_ids'], ['x']),
        node('Shape', ['input_ids'], ['shape']),
        node('Gather', ['shape', 'one'], ['positions']),
        node('Less', ['positions', 'length'], ['is short']),
        node('If', ['is short'], ['scale'], { then_branch: branch('short'), else_branch: branch('long') }),
        node('Mul', ['x', 'scale'], ['logits']),
      ],
      inputs: { input_ids: value('int64', [1, 12], []) },
      open: { input_ids: [1, 'sequence'] },
      constants: {
        tokens: noise([40, 40]),
        one: value('int64', [], [1]),
        length: value('int64', [], [length]),
        short: floats([], [1]),
        long: floats([], [0.5]),
      },
      outputs: ['logits'],
    }),
  );
}

describe('a branch that the number of positions decides', () => {
  it('is told to the publisher, if a short sequence takes another one', () => {
    const { notes } = compileText(scaledFrom(10), 1000, { prompt: 4, tokens: 8 });
    expect(notes).to.have.length(1);
    expect(notes[0]).to.match(
      /^node scale \(If\): it takes another branch for a few positions than for 12, as which prompt and text always count/,
    );
  });

  it('is not told if all texts take it', () => {
    expect(compileText(scaledFrom(100), 1000, { prompt: 4, tokens: 8 }).notes).to.deep.equal([]);
  });
});
