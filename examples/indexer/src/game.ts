import { type Context, type Event, type EventNames, ponder } from 'ponder:registry';
import { claim, dispute, move, reason, request } from 'ponder:schema';
import { add } from './accounts.ts';

type Moved = 'Revealed' | 'Picked' | 'NodeOpened' | 'ChunkRevealed' | 'AccumulatorsPosted';
type GameEvent = Event<Extract<EventNames, `Game:${string}`>>;

/** Adds an event to the moves of a dispute. */
async function record(db: Context['db'], name: string, disputeId: bigint, event: GameEvent): Promise<void> {
  const { number, timestamp } = event.block;
  const { hash, from } = event.transaction;
  await db
    .insert(move)
    .values({ id: event.id, disputeId, name, block: number, timestamp, transaction: hash, sender: from });
}

ponder.on('Game:Opened', async ({ event, context: { db } }) => {
  const { disputeId, claimId, challenger, dispute: state } = event.args;
  const { requestId, bondWei } = (await db.find(claim, { id: claimId }))!;
  const { challengeBondWei } = await db
    .update(request, { id: requestId })
    .set((row) => ({ disputes: row.disputes + 1, openDisputes: row.openDisputes + 1 }));
  await db.insert(dispute).values({
    id: disputeId,
    requestId,
    claimId,
    claimant: state.claimant,
    challenger,
    claimBondWei: bondWei,
    challengeBondWei,
    openedAt: event.block.timestamp,
    position: state.position,
    clock: state.clock,
    transactions: 1,
    lastTransaction: event.transaction.hash,
  });
  await add(db, state.claimant, { disputes: 1 });
  await add(db, challenger, { disputes: 1, bondsWei: challengeBondWei });
  await record(db, 'Opened', disputeId, event);
});

ponder.on('Game:TraceCommitted', async ({ event, context: { db } }) => {
  await db.update(claim, { id: event.args.claimId }).set({ traceRoot: event.args.traceRoot });
});

async function moved(name: Moved, event: Event<`Game:${Moved}`>, db: Context['db']): Promise<void> {
  const { disputeId, dispute: state } = event.args;
  const { hash } = event.transaction;
  await db.update(dispute, { id: disputeId }).set((row) => ({
    position: state.position,
    clock: state.clock,
    transactions: row.transactions + (row.lastTransaction === hash ? 0 : 1),
    lastTransaction: hash,
  }));
  await record(db, name, disputeId, event);
}

ponder.on('Game:Revealed', ({ event, context }) => moved('Revealed', event, context.db));
ponder.on('Game:Picked', ({ event, context }) => moved('Picked', event, context.db));
ponder.on('Game:NodeOpened', ({ event, context }) => moved('NodeOpened', event, context.db));
ponder.on('Game:ChunkRevealed', ({ event, context }) => moved('ChunkRevealed', event, context.db));
ponder.on('Game:AccumulatorsPosted', ({ event, context }) => moved('AccumulatorsPosted', event, context.db));

ponder.on('Game:Ended', async ({ event, context: { db } }) => {
  const { disputeId, winner, reason: number } = event.args;
  const { hash } = event.transaction;
  const why = reason.enumValues[number]!;
  const row = await db.update(dispute, { id: disputeId }).set((known) => ({
    winner: winner === known.challenger ? 'challenger' : 'claimant',
    reason: why,
    endedAt: event.block.timestamp,
    transactions: known.transactions + (known.lastTransaction === hash ? 0 : 1),
    lastTransaction: hash,
  }));
  const { requestId, claimant, challenger, challengeBondWei } = row;
  await db.update(request, { id: requestId }).set((known) => ({ openDisputes: known.openDisputes - 1 }));
  const hasWon = row.winner === 'challenger';
  // Another dispute falsified the claim first, so this one is neither won nor lost.
  const [ofClaimant, ofChallenger] =
    why === 'ClaimAlreadyFalsified'
      ? [{}, {}]
      : hasWon
        ? [{ disputesLost: 1 }, { disputesWon: 1 }]
        : [{ disputesWon: 1 }, { disputesLost: 1 }];
  await add(db, claimant, ofClaimant);
  await add(db, challenger, { bondsWei: -challengeBondWei, ...ofChallenger });
  await record(db, 'Ended', disputeId, event);
});
