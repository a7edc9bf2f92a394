import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import type { Session } from '../../src/engine/engine.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { rehearseScript } from '../../src/rehearsal/rehearsal.ts';
import { lineOf } from '../../src/rehearsal/result.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { layers, layersInput } from '../support/layers.ts';

/** Collects garbage now. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

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

  it('lets go of the tensors of a lie before it tells the next but one', async () => {
    const { program, weights } = layers();
    const inputs = [layersInput(0)];
    const engine = await referenceEngine.load(program, weights);
    const honest = new RunTrace(modelOf(program), await engine.runAll(inputs));
    const computed: WeakRef<Uint8Array>[][] = [];
    const session: Session = Object.assign(Object.create(engine), {
      runNode: async (node: number, tensors: readonly Uint8Array[]) => {
        const bytes = await engine.runNode(node, tensors);
        computed.at(-1)!.push(new WeakRef(bytes));
        return bytes;
      },
    });
    const alive: number[] = [];
    const places = Array.from({ length: 4 }, () => ({ node: 0, element: undefined }));
    const script = { honest, labels: [], inputs, places, falseChallenges: true, session };
    await rehearseScript(script, {
      onStart: () => undefined,
      onLie: (lie) => {
        collectGarbage();
        alive.push(
          computed
            .slice(0, Math.max(0, lie - 1))
            .flat()
            .filter((ref) => ref.deref()).length,
        );
        computed.push([]);
      },
      onDispute: () => undefined,
    });
    expect(computed.map(({ length }) => length > 0)).to.deep.equal([true, true, true, true]);
    expect(alive).to.deep.equal([0, 0, 0, 0]);
  });
});
