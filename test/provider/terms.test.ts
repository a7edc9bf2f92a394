import { expect } from 'chai';
import { parseEther } from 'ethers';
import type { Request, Terms } from '../../src/chain/contracts/types.ts';
import { SAFE_BOUNDS, TRIAL_BOUNDS } from '../../src/chain/deployment/bounds.ts';
import { DEFAULT_MAX_FEE_WEI } from '../../src/chain/transactions/prices.ts';
import { MOST_DISPUTE_GAS } from '../../src/dispute/gas.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { byPay, type Conditions, objectionTo } from '../../src/provider/terms.ts';
import { layers } from '../support/layers.ts';
import { TERMS } from '../support/protocol.ts';

const [ME, OTHER, VERIFIER] = ['11', '22', '33'].map((byte) => `0x${byte.repeat(20)}`) as [
  string,
  string,
  string,
];
const model = modelOf(layers().program);

const asked = (terms: Partial<Terms> = {}, feeWei = parseEther('0.1')): Request => ({
  ...{ requester: OTHER, feeWei, modelId: '0x', inputs: '0x', requestedAt: 0n },
  terms: { ...TERMS, ...terms },
});

const objection = (request: Request, conditions: Partial<Conditions> = {}): string | undefined =>
  objectionTo(request, model, {
    ...{ me: ME, leastFeeWei: 'gas', trustedVerifiers: [], maxFeeWei: DEFAULT_MAX_FEE_WEI, isEther: true },
    ...conditions,
  });

describe('terms that a provider takes', () => {
  it('are those that pay for an answer and its defence', () => {
    expect(objection(asked())).to.equal(undefined);
    expect(objection(asked({}, 1n))).to.match(/^its fee of 0\.0+1 ether does not pay for its gas/);
    const { challengeBondWei } = TRIAL_BOUNDS.min;
    expect(objection(asked({ challengeBondWei }))).to.match(
      /^its challenge bond of 0\.001 ether does not pay for its gas/,
    );
    // A token has no price in gas, and an operator who names a fee knows what gas costs.
    expect(objection(asked({ challengeBondWei }, 1n), { isEther: false })).to.equal(undefined);
    expect(objection(asked({ challengeBondWei }, 1n), { leastFeeWei: 1n })).to.equal(undefined);
    expect(objection(asked({}, 1n), { leastFeeWei: 2n })).to.equal(
      'its fee of 1 is less than 2 (--min-fee-wei)',
    );
  });

  it('are those with times in which a false claim can be challenged', () => {
    expect(objection(asked({ windowSeconds: 59n }))).to.contain('in its window of 59 seconds');
    expect(objection(asked({ windowSeconds: 59n, provider: ME }))).to.equal(undefined);
    expect(objection(asked({ clockSeconds: 599n, provider: ME }))).to.contain('in its clock of 599 seconds');
    expect(objection(asked({ windowSeconds: 1n, clockSeconds: 1n }), { leastFeeWei: 0n })).to.equal(
      undefined,
    );
  });

  it('name no verifier but a trusted one, whatever they pay', () => {
    for (const leastFeeWei of ['gas', 0n] as const) {
      const request = asked({ verifier: VERIFIER });
      expect(objection(request, { leastFeeWei })).to.contain(`its verifier ${VERIFIER} could make`);
      expect(objection(request, { leastFeeWei, trustedVerifiers: [OTHER] })).to.be.a('string');
      expect(objection(request, { leastFeeWei, trustedVerifiers: [OTHER, VERIFIER] })).to.equal(undefined);
      expect(objection(asked({ verifier: VERIFIER, provider: ME }), { leastFeeWei })).to.equal(undefined);
    }
  });

  it('are all that the bounds for a chain with money allow', () => {
    const { windowSeconds, clockSeconds, challengeBondWei } = SAFE_BOUNDS.min;
    expect(objection(asked({ windowSeconds, clockSeconds, challengeBondWei }))).to.equal(undefined);
    expect(BigInt(MOST_DISPUTE_GAS.claimant) * (DEFAULT_MAX_FEE_WEI / 4n) <= challengeBondWei).to.equal(true);
  });

  it('are ordered by what they pay for a bond, then by how long they bind it', () => {
    const best = asked({ claimBondWei: 10n }, 3n);
    const long = asked({ claimBondWei: 100n, windowSeconds: 7200n }, 10n);
    const brief = asked({ claimBondWei: 20n }, 2n);
    const worst = asked({ claimBondWei: 1000n }, 50n);
    expect([worst, long, brief, best].toSorted(byPay)).to.deep.equal([best, brief, long, worst]);
  });
});
