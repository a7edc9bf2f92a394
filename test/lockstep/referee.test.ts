import { expect } from 'chai';
import { network } from 'hardhat';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { type LoopNode, sizeOf } from '../../src/program/node.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { tinyInputs, tinyProgram } from './tinyProgram.ts';

/** Every leaf of an element: its stretches of at most `grain` steps; the last one includes post. */
function stretches({ fold, grain }: LoopNode): { from: number; to: number }[] {
  const steps = sizeOf(fold);
  if (steps === 0) return [{ from: 0, to: 0 }];
  return Array.from({ length: Math.ceil(steps / grain) }, (_, i) => ({
    from: i * grain,
    to: Math.min((i + 1) * grain, steps),
  }));
}

describe('lockstep: the Referee and the reference engine', () => {
  it('agree on every leaf of every element of every node of a tiny model', async function () {
    this.timeout(300_000);
    const { ethers } = await network.create();
    const referee = await ethers.deployContract('Referee');
    const { program, weights } = tinyProgram();
    const session = await referenceEngine.load(program, weights);
    const trace = new RunTrace(modelOf(program), await session.runAll(tinyInputs()));
    let leaves = 0;
    for (const [nodeIndex, node] of program.nodes.entries()) {
      if (node.kind !== 'loop') continue;
      for (let element = 0; element < sizeOf(node.shape); element++) {
        for (const { from, to } of stretches(node)) {
          const steps = sizeOf(node.fold);
          const [before, after] = trace.accumulators(nodeIndex, element, [from, to]) as [number, number];
          const word = await referee.run(
            trace.model.descriptors[nodeIndex]!,
            element,
            from,
            to,
            before,
            trace.root,
            trace.depth,
            trace.witness(nodeIndex, element, from, to),
          );
          const expected = to < steps ? after : trace.word(nodeIndex, element);
          expect(Number(word), `node ${nodeIndex}, element ${element}, steps ${from} to ${to}`).to.equal(
            expected,
          );
          leaves++;
        }
      }
    }
    // As many as the shapes and grains of tinyProgram make.
    expect(leaves).to.equal(363);
  });
});
