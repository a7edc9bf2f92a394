import { expect } from 'chai';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { hashPair, TRACE_TREE } from '../../src/merkle/tree.ts';
import { isCheckpoint } from '../../src/program/blocks.ts';
import { commitmentOf } from '../../src/trace/commitment.ts';
import { randomProgram } from '../support/randomProgram.ts';

const LOOPS = [3, 12, 33, 70, 200];

describe('the commitment of a run', () => {
  it('has the roots of checkpoints, zeros for other tensors, and the hashes above', async () => {
    const found = { zeros: 0, constants: 0, loops: 0 };
    for (const [seed, loops] of LOOPS.entries()) {
      const { program, weights, inputs } = randomProgram(seed + 1, loops);
      const session = await referenceEngine.load(program, weights);
      const tensors = await session.runAll(inputs);
      const { model, depth, root, node } = commitmentOf(
        modelOf(program),
        await session.runCheckpoints(inputs),
      );
      expect(model.program).to.equal(program);
      expect(depth).to.equal(Math.ceil(Math.log2(program.nodes.length)));
      for (let i = 0; i < 2 ** depth; i++) {
        const programNode = program.nodes[i];
        const isCommitted = programNode !== undefined && isCheckpoint(program, i);
        const expected = isCommitted ? tensorRoot(tensors[i]!) : new Uint8Array(32);
        expect(hexOf(node(0, i)), `seed ${seed}, node ${i}`).to.equal(hexOf(expected));
        if (!isCommitted) found.zeros++;
        else if (programNode.kind === 'constant') found.constants++;
        else found.loops++;
      }
      for (let level = 1; level <= depth; level++) {
        for (let i = 0; i < 2 ** (depth - level); i++) {
          const pair = hashPair(TRACE_TREE, node(level - 1, 2 * i), node(level - 1, 2 * i + 1));
          expect(hexOf(node(level, i))).to.equal(hexOf(pair));
        }
      }
      expect(hexOf(root)).to.equal(hexOf(node(depth, 0)));
    }
    expect(Math.min(...Object.values(found))).to.be.greaterThan(4);
  });
});
