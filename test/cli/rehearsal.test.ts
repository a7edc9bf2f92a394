import { expect } from 'chai';
import { rehearseScript } from '../../src/cli/rehearsal/rehearsal.ts';
import { lineOf } from '../../src/cli/rehearsal/result.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { layers, layersInput } from '../support/layers.ts';

describe('a rehearsal', () => {
  it('finds every lie at exactly its place and holds every honest claim', async () => {
    const { program, weights } = layers();
    const inputs = [layersInput(0)];
    const session = await referenceEngine.load(program, weights);
    const honest = new RunTrace(modelOf(program), await session.runAll(inputs));
    const places = program.nodes.map((_, node) => ({ node, element: undefined }));
    const lines: string[] = [];
    const rehearsal = await rehearseScript(
      { honest, labels: [], inputs, places, falseChallenges: true, session },
      { onStart: () => undefined, onLie: () => undefined, onDispute: (result) => lines.push(lineOf(result)) },
    );
    if (process.env['ASSAY_SHOW']) console.log(lines.join('\n'), rehearsal.undisputed);
    expect(rehearsal.harmless).to.deep.equal([]);
    expect(rehearsal.disputes.map(({ winner }) => winner)).to.deep.equal(places.map(() => 'challenger'));
    expect(rehearsal.falseChallenges.map(({ winner }) => winner)).to.deep.equal(places.map(() => 'claimant'));
    for (const { fault, isolated, ok } of rehearsal.disputes) {
      expect(isolated?.node).to.equal(fault.node);
      expect(isolated?.element).to.equal(fault.element);
      expect(ok).to.equal(true);
    }
  });
});
