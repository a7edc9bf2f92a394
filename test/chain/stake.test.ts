// The most that is paid near a deadline follows from what is at stake, and a claim's bond is at stake once.
import { expect } from 'chai';
import { ZERO_ADDRESS } from '../../src/chain/contracts/types.ts';
import type { DisputeRecord } from '../../src/chain/contracts/world.ts';
import type { Background } from '../../src/chain/service/background.ts';
import { dueIn, type Player } from '../../src/chain/service/play.ts';
import type { Due } from '../../src/chain/transactions/due.ts';
import { encodeClock, startClock } from '../../src/dispute/clock.ts';
import type { Move, Role } from '../../src/dispute/move.ts';
import { TERMS } from '../support/protocol.ts';

const NOW = 1_000;
const { claimBondWei, challengeBondWei } = TERMS;

/** The move that is due to a side in one of its disputes on a claim. */
function dueOf(role: Role, disputes: number, kind: Move['kind']): Due {
  const record = {
    disputeId: 1n,
    dispute: { clock: encodeClock(startClock(NOW, 600, 0n)), position: 0n },
    subject: '0x',
    view: { position: { phase: role === 'claimant' ? 'TraceReveal' : 'TracePick' } },
    claim: { claimId: 1n, outputs: '0x', request: { request: { terms: TERMS } } },
  } as unknown as DisputeRecord;
  const player = {
    ...{ contracts: { currency: ZERO_ADDRESS }, role, disputes, gas: 1_000_000n, listen: () => undefined },
    times: { earliest: BigInt(NOW), latest: BigInt(NOW) },
    background: { ask: () => ({ kind: 'done', value: { kind } }) } as unknown as Background,
  } as unknown as Player;
  return dueIn(record, player)!;
}

describe('the stake of a move', () => {
  it('is both bonds for a claimant, and its own and half of the other for a challenger', () => {
    expect(dueOf('claimant', 1, 'reveal').stakeWei).to.equal(claimBondWei + challengeBondWei);
    expect(dueOf('challenger', 1, 'pick').stakeWei).to.equal(challengeBondWei + claimBondWei / 2n);
  });

  it('counts the bond of a claim once, however many disputes are open on it', () => {
    const moves = Array.from({ length: 10 }, () => dueOf('claimant', 10, 'reveal'));
    const together = moves.reduce((sum, { stakeWei }) => sum + stakeWei, 0n);
    expect(together).to.equal(claimBondWei + 10n * challengeBondWei);
    // One transaction fixes the trace for all of them.
    expect(dueOf('claimant', 10, 'commitTrace').stakeWei).to.equal(claimBondWei + challengeBondWei);
  });
});
