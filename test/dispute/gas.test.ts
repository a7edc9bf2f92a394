import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { disputeGas, MOST_DISPUTE_GAS } from '../../src/dispute/gas.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { LIMITS } from '../../src/program/limits.ts';
import { captured } from '../support/captured.ts';
import { slowModel } from '../support/slowModel.ts';

const model = (name: string) => modelOf(importOnnx(readFileSync(name)).program);

/** The gas of each dispute that a rehearsal plays, besides the challenge that opens it. */
interface Rehearsal {
  readonly disputes: readonly { readonly moves: readonly { role: string; kind: string; gas: number }[] }[];
  readonly falseChallenges: Rehearsal['disputes'];
}

describe('the gas that a dispute is planned with', () => {
  for (const name of ['digits', 'iris', 'digits-int8']) {
    it(`bounds every dispute about ${name} that is played, and is at most twice the dearest`, async () => {
      const file = `examples/${name}/${name}.onnx`;
      const { code, out, err } = await captured('rehearse', file, '--every-node', '--json');
      expect(code, err.join('\n')).to.equal(0);
      const { disputes, falseChallenges } = JSON.parse(out.join('\n')) as Rehearsal;
      const bound = disputeGas(model(file));
      for (const role of ['claimant', 'challenger'] as const) {
        const played = [...disputes, ...falseChallenges].map(({ moves }) =>
          moves
            .filter((move) => move.role === role && move.kind !== 'challenge')
            .reduce((sum, { gas }) => sum + gas, 0),
        );
        expect(bound[role], role).to.be.within(Math.max(...played), 2 * Math.max(...played));
      }
    });
  }

  it('grows with fold and tensor, and stays under what the limits allow', () => {
    const [small, large] = [slowModel(4), slowModel(2 ** 20, 0, 2 ** 20)].map(({ model: one }) =>
      disputeGas(one),
    );
    for (const role of ['claimant', 'challenger'] as const) {
      expect(large![role]).to.be.within(1.2 * small![role], MOST_DISPUTE_GAS[role]);
    }
    // Of calldata alone, the longest leaf and a demanded node take this.
    expect(MOST_DISPUTE_GAS.challenger).to.be.above(40 * LIMITS.MAX_LEAF_WITNESS_BYTES);
    expect(MOST_DISPUTE_GAS.claimant).to.be.above(40 * LIMITS.MAX_DESCRIPTOR_BYTES);
  });
});
