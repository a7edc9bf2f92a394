import { expect } from 'chai';
import { network } from 'hardhat';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { commitmentsOf } from '../support/disputes.ts';
import { modelBytes, node, value } from '../support/onnx.ts';
import { i32Bytes, i32Values } from '../support/programs.ts';

describe('calldata outside the range of an input', () => {
  it('has the answer of the nearest value inside, on chain as in the engines', async () => {
    const { ethers } = await network.create();
    const referee = await ethers.deployContract('Referee');
    const bytes = modelBytes({
      inputs: { x: value('int64', [4], [0, 0, 0, 0]) },
      nodes: [node('Mul', ['x', 'x'], ['y'])],
      outputs: ['y'],
    });
    const { program, weights } = importOnnx(bytes, { ranges: { x: { low: -3, high: 100 } } });
    const session = await referenceEngine.load(program, weights);
    const input = i32Bytes([-(2 ** 31), 2 ** 31 - 1, 101, -3]);
    const trace = new RunTrace(modelOf(program), await session.runAll([input]));
    const output = program.outputs[0]!;
    expect(i32Values(trace.tensors[output]!)).to.deep.equal([9, 10_000, 10_000, 9]);
    for (const [index, one] of program.nodes.entries()) {
      if (one.kind !== 'loop') continue;
      for (let element = 0; element < 4; element++) {
        const word = await referee.run(
          trace.model.descriptors[index]!,
          element,
          0,
          1,
          one.init,
          commitmentsOf(trace, index),
          trace.witness(index, element, 0, 1),
        );
        expect(Number(word), `node ${index}, element ${element}`).to.equal(trace.word(index, element));
      }
    }
  });
});
