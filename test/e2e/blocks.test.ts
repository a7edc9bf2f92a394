import { expect } from 'chai';
import type { DisputeRecord } from '../../src/chain/contracts/world.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import { publish, request } from '../../src/client/client.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { createProvider } from '../../src/provider/provider.ts';
import type { Runner } from '../../src/store/runner.ts';
import { Shelf } from '../../src/store/shelf.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { chainProgram } from '../support/chainProgram.ts';
import { liar } from '../support/layers.ts';
import { asAccount, deployed, startChain, TERMS } from '../support/protocol.ts';
import { Random } from '../support/randomProgram.ts';
import { disputesIn } from '../support/records.ts';

const CLAIMANT = 1;
const CHALLENGER = 2;

/** A runner, and which of its run's commitment and trace were asked for, each time. */
function noting(runner: Runner): { runner: Runner; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    runner: {
      model: (id) => runner.model(id),
      output: (...run) => runner.output(...run),
      commitment: (...run) => {
        asked.push('commitment');
        return runner.commitment(...run);
      },
      trace: (...run) => {
        asked.push('trace');
        return runner.trace(...run);
      },
    },
  };
}

describe('provider and watcher on a model of several blocks', function () {
  this.timeout(120_000);

  /** Plays until nobody has anything to do, and returns the one dispute. */
  async function settle(who: { claims: (honest: Runner) => Runner; challenges: (honest: Runner) => Runner }) {
    const chain = await startChain('in-process');
    try {
      const contracts = await deployed(chain);
      const { program, weights, inputs } = chainProgram(new Random(5), 100);
      const shelf = new Shelf((model, tensors) => new RunTrace(model, tensors));
      const model = modelOf(program);
      shelf.put({ model, session: await wasmEngine.load(program, weights) });
      const modelId = await publish(contracts, model, '');
      await request(contracts, modelId, inputs[0]!, TERMS, 0n);
      const claimant = noting(who.claims(shelf));
      const challenger = noting(who.challenges(shelf));
      const passes = [
        createProvider({ contracts: asAccount(contracts, chain, CLAIMANT), runner: claimant.runner }),
        createWatcher({ contracts: asAccount(contracts, chain, CHALLENGER), runner: challenger.runner }),
      ];
      for (let idle = 0; idle < 2; ) {
        idle = 0;
        for (const pass of passes) if ((await pass()) === 0) idle++;
      }
      const disputes = disputesIn(await new EventIndex(contracts).update());
      expect(disputes.length).to.equal(1);
      const [dispute] = disputes as [DisputeRecord];
      return { dispute, claimant: claimant.asked, challenger: challenger.asked };
    } finally {
      await chain.stop();
    }
  }

  const lying = (honest: Runner): Runner => liar(honest, { node: 70, element: 12, step: 0 });
  const honestly = (honest: Runner): Runner => honest;

  it('find a lie by its commitment first, and need every tensor in its block only', async () => {
    const { dispute, challenger } = await settle({ claims: lying, challenges: honestly });
    expect(dispute.ended?.reason).to.equal('WrongWord');
    expect(dispute.view.position.nodeIndex).to.equal(70);
    expect(challenger[0]).to.equal('commitment');
    expect(new Set(challenger.slice(1))).to.deep.equal(new Set(['trace']));
  });

  it('hold an honest claim against a challenger whose own trace is wrong', async () => {
    const { dispute, claimant } = await settle({ claims: honestly, challenges: lying });
    // It cannot prove what it sees, so its clock runs; the claimant's answers are given.
    expect(dispute.ended).to.equal(undefined);
    expect(dispute.view.position.phase).to.be.oneOf(['Element', 'Interval']);
    expect(dispute.claim.status).to.equal('open');
    expect(claimant[0]).to.equal('commitment');
    expect(new Set(claimant.slice(1))).to.deep.equal(new Set(['trace']));
  });
});
