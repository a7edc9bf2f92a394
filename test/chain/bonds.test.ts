import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { readSnapshot } from '../../scripts/snapshot.ts';
import { BOUNDS, LEAST_BONDS_HOLD_TO_GWEI } from '../../src/chain/bounds.ts';
import { GAS_SNAPSHOT } from '../support/gas.ts';

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
  rowOf(
    "a claimant's answers, by the bond of a challenger that loses",
    CLAIMANT,
    ether(min.challengeBondWei),
  ),
  rowOf("a challenger's moves, by half the bond of a false claim", CHALLENGER, ether(min.claimBondWei) / 2),
];

describe('the least bonds', () => {
  it('pay for the gas of a dispute as the table in contracts/README.md says', () => {
    const readme = readFileSync('contracts/README.md', 'utf8');
    for (const row of ROWS) expect(readme).to.include(row);
  });

  it('pay for it up to the base fee that bounds.ts states', () => {
    const feeEther = LEAST_BONDS_HOLD_TO_GWEI * 1e-9;
    expect(CLAIMANT * feeEther).to.be.below(ether(min.challengeBondWei));
    expect(CHALLENGER * feeEther).to.be.below(ether(min.claimBondWei) / 2);
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
