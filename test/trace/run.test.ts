import { expect } from 'chai';
import { RunTrace } from '../../src/trace/run.ts';
import { honestTrace } from '../support/disputes.ts';
import { boundaryProgram, Random } from '../support/randomProgram.ts';

describe('traces of one model', () => {
  it('hash a constant that they open once', async () => {
    const { program, weights, inputs } = boundaryProgram(new Random(5));
    const one = await honestTrace(program, weights, inputs);
    const other = new RunTrace(one.model, one.tensors);
    const constant = program.nodes.findIndex(({ kind }) => kind === 'constant');
    const input = program.nodes.findIndex(({ kind }) => kind === 'input');
    const treeOf = (trace: typeof one, node: number) => trace.tensorNode(node, 0, 0).buffer;
    expect(treeOf(one, constant)).to.equal(treeOf(other, constant));
    expect(treeOf(one, input)).not.to.equal(treeOf(other, input));
  });
});
