import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { BOUNDS, LEAST_BONDS_HOLD_TO_GWEI } from '../../src/chain/deployment/bounds.ts';
import { LIMITS } from '../../src/program/limits.ts';
import { GAS_SNAPSHOT } from '../support/gas.ts';
import { readSnapshot } from '../support/snapshot.ts';

const gas = readSnapshot(GAS_SNAPSHOT);
const measured = (name: string): number => {
  const value = gas[name];
  if (value === undefined) throw new Error(`"${name}" is not in ${GAS_SNAPSHOT}`);
  return value;
};
const toy = (move: string): number => measured(`toy dispute: ${move}`);
const sum = (moves: readonly string[]): number => moves.map(toy).reduce((a, b) => a + b);

/** The dearest transaction with a leaf of any model; a toy's leaf has no arithmetic. */
const LEAF = Math.max(...Object.keys(gas).flatMap((name) => (/, leaf, /.test(name) ? [measured(name)] : [])));

const CLAIMANT = sum([
  'commitTrace',
  ...['reveal', 'reveal, number 2', 'revealBlock', 'revealChunk', 'postAccumulators'],
]);
const CHALLENGER =
  sum(['challenge', 'pickNode', 'pick', 'pick, number 2', 'pick, number 3', 'nameElement']) + LEAF;

/** The least that calldata without a zero byte costs a transaction (EIP-7623). */
const calldataFloor = (bytes: number): number => 21_000 + 40 * bytes;

/** Selector, dispute id, state, block root, a node of the most bytes and 20 siblings, with offsets and lengths. */
const OPEN_NODE_BYTES = 4 + 32 * (1 + 6 + 1 + 1 + 4 + 20) + LIMITS.MAX_DESCRIPTOR_BYTES;
const DEMANDED = CLAIMANT + calldataFloor(OPEN_NODE_BYTES);
const LONGEST = DEMANDED - toy('commitTrace') + calldataFloor(LIMITS.MAX_FIRST_ANSWER_BYTES);

/** 2^20 nodes: two reveals more; 2^22 chunks: three more; 2^31 fold steps: six rounds more. */
const CLAIMANT_AT_LIMITS = LONGEST + 5 * toy('reveal') + 6 * toy('postAccumulators');
/** The worst leaf that the rules allow (refereeGas.test.ts: 2 M), a node of the most bytes, and as many picks more. */
const CHALLENGER_AT_LIMITS =
  CHALLENGER - LEAF + 2_000_000 + calldataFloor(OPEN_NODE_BYTES) + 11 * toy('pick, number 2');

const BASE_FEES_GWEI = [1, 20, 100];
const { min } = BOUNDS.safe;
const ether = (wei: bigint): number => Number(wei) / 1e18;

/** A row of the table in contracts/README.md. */
function rowOf(what: string, gasUsed: number, paidEther: number): string {
  const costs = BASE_FEES_GWEI.map((gwei) => (gasUsed * gwei * 1e-9).toFixed(4));
  // To the ten below, so that some gas more or less does not change the table.
  const holdsTo = 10 * Math.floor(paidEther / (gasUsed * 1e-8));
  return `| ${[what, `${Math.round(gasUsed / 1000)}k`, ...costs, paidEther, `${holdsTo} gwei`].join(' | ')} |`;
}

const ROWS = [
  rowOf("a claimant's moves, by the bond of a challenger that loses", CLAIMANT, ether(min.challengeBondWei)),
  rowOf('the same with a demanded node of the most bytes', DEMANDED, ether(min.challengeBondWei)),
  rowOf('the same with the longest first move besides', LONGEST, ether(min.challengeBondWei)),
  rowOf("a challenger's moves, by half the bond of a false claim", CHALLENGER, ether(min.claimBondWei) / 2),
  rowOf('the same with a demand', CHALLENGER + toy('pick'), ether(min.claimBondWei) / 2),
];

describe('the least bonds', () => {
  it('pay for the gas of a dispute as the table in contracts/README.md says', () => {
    const readme = readFileSync('contracts/README.md', 'utf8');
    for (const row of ROWS) expect(readme).to.include(row);
  });

  it('pay for less of it about a program at every limit, as contracts/README.md says', () => {
    const readme = readFileSync('contracts/README.md', 'utf8').replace(/\s+/g, ' ');
    const million = (gasUsed: number): string => `${(gasUsed / 1e6).toFixed(1)} M`;
    const gwei = (gasUsed: number): number => Math.floor(ether(min.challengeBondWei) / (gasUsed * 1e-9));
    expect(readme).to.include(
      `A program at every limit costs a claimant up to ${million(CLAIMANT_AT_LIMITS)} gas and a challenger up to ${million(CHALLENGER_AT_LIMITS)}: the least bonds pay for that up to ${gwei(CLAIMANT_AT_LIMITS)} and ${gwei(CHALLENGER_AT_LIMITS)} gwei.`,
    );
  });

  it('pay for it up to the base fee that bounds.ts states', () => {
    const feeEther = LEAST_BONDS_HOLD_TO_GWEI * 1e-9;
    expect(LONGEST * feeEther).to.be.below(ether(min.challengeBondWei));
    expect((CHALLENGER + toy('pick')) * feeEther).to.be.below(ether(min.claimBondWei) / 2);
    expect(BOUNDS.rollup.min).to.include({
      claimBondWei: min.claimBondWei,
      challengeBondWei: min.challengeBondWei,
    });
  });

  it('leave a challenger no more to lose than it can win, in every set', () => {
    for (const bounds of Object.values(BOUNDS)) {
      expect(bounds.min.challengeBondWei <= bounds.min.claimBondWei / 2n).to.equal(true);
      expect(bounds.max.challengeBondWei <= bounds.max.claimBondWei / 2n).to.equal(true);
    }
  });
});
