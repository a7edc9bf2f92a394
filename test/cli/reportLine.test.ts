import { expect } from 'chai';
import { gasOf, type Report } from '../../src/chain/messages/report.ts';
import { reportFields, reportLine } from '../../src/cli/services/reportLine.ts';

const ended = (calls: number): Report =>
  ({
    kind: 'timedOut',
    calls,
    receipt: { gasUsed: 600_001n, hash: '0xab', blockNumber: 7, logs: [] },
    dispute: {
      disputeId: 5n,
      claim: { claimId: 3n, request: { requestId: 1n, request: { modelId: '0x1' } } },
    },
  }) as unknown as Report;

describe('the gas of a report', () => {
  it("is its part of a transaction's that carries several calls", () => {
    expect(reportLine(ended(6))).to.equal(
      'dispute 5: ended by the clock. (100,000 gas as one of 6 calls, 0xab)',
    );
    expect(reportFields(ended(6))).to.include({ gas: 100_000, calls: 6, transaction: '0xab' });
    expect(6n * gasOf(ended(6))!).to.equal(600_000n);
  });

  it("is the transaction's where it carries one", () => {
    expect(reportLine(ended(1))).to.equal('dispute 5: ended by the clock. (600,001 gas, 0xab)');
    expect(reportFields(ended(1)))
      .to.include({ gas: 600_001 })
      .and.not.have.property('calls');
  });
});
