import { type Context, type Event, type EventNames, ponder } from 'ponder:registry';
import { claim, request } from 'ponder:schema';
import { add } from './accounts.ts';

type Named<Name extends EventNames> = { readonly event: Event<Name>; readonly context: Context };

/** An id of a claim holds that of its request, and its number in the lowest bits. */
const NUMBER_BITS = 32n;

async function requested(
  { event, context }: Named<'Oracle:Requested'> | Named<'Oracle:RequestedByRoot'>,
  inputUri: string | null,
): Promise<void> {
  const { requestId, modelId, requester, request: asked } = event.args;
  const { feeWei, inputs, requestedAt, terms } = asked;
  await context.db.insert(request).values({
    id: requestId,
    model: modelId,
    requester,
    feeWei,
    inputs,
    inputUri,
    requestedAt: BigInt(requestedAt),
    ...terms,
    status: 'open',
    callback: 'notRun',
    feeHeld: false,
    claims: 0,
    falsified: 0,
    disputes: 0,
    openDisputes: 0,
  });
  await add(context.db, requester, { requests: 1 });
}

async function claimed(
  { event, context: { db } }: Named<'Oracle:Claimed'> | Named<'Oracle:ClaimedByRoot'>,
  answerUri: string | null,
): Promise<void> {
  const { claimId, claimant, outputs } = event.args;
  const requestId = claimId >> NUMBER_BITS;
  const { windowSeconds, claimBondWei: bondWei } = await db
    .update(request, { id: requestId })
    .set((row) => ({ claims: row.claims + 1 }));
  const claimedAt = event.block.timestamp;
  await db.insert(claim).values({
    id: claimId,
    requestId,
    number: Number(BigInt.asUintN(Number(NUMBER_BITS), claimId)),
    claimant,
    outputs,
    answerUri,
    claimedAt,
    windowEnd: claimedAt + BigInt(windowSeconds),
    bondWei,
    status: 'open',
  });
  await add(db, claimant, { claims: 1, bondsWei: bondWei });
}

ponder.on('Oracle:Requested', (given) => requested(given, null));
ponder.on('Oracle:RequestedByRoot', (given) => requested(given, given.event.args.uri));
ponder.on('Oracle:Claimed', (given) => claimed(given, null));
ponder.on('Oracle:ClaimedByRoot', (given) => claimed(given, given.event.args.uri));

ponder.on('Oracle:ClaimFalsified', async ({ event, context: { db } }) => {
  const { claimId } = event.args;
  const { claimant, bondWei } = await db.update(claim, { id: claimId }).set({ status: 'falsified' });
  await db.update(request, { id: claimId >> NUMBER_BITS }).set((row) => ({ falsified: row.falsified + 1 }));
  await add(db, claimant, { falsified: 1, bondsWei: -bondWei });
});

ponder.on('Oracle:ClaimFinalized', async ({ event, context: { db } }) => {
  const { claimant, bondWei } = await db.update(claim, { id: event.args.claimId }).set({ status: 'final' });
  await add(db, claimant, { bondsWei: -bondWei });
});

ponder.on('Oracle:Answered', async ({ event, context: { db } }) => {
  const { requestId, claimId } = event.args;
  // The first claim has none before it that the fee might belong to.
  const isFirst = BigInt.asUintN(Number(NUMBER_BITS), claimId) === 1n;
  await db.update(request, { id: requestId }).set((row) => ({
    status: 'answered',
    answer: claimId,
    feeHeld: row.feeWei !== 0n && !isFirst,
  }));
});

ponder.on('Oracle:FeePaid', async ({ event, context: { db } }) => {
  await db.update(request, { id: event.args.requestId }).set({ feeHeld: false });
});

ponder.on('Oracle:Closed', async ({ event, context: { db } }) => {
  await db.update(request, { id: event.args.requestId }).set({ status: 'closed' });
});

ponder.on('Oracle:Cancelled', async ({ event, context: { db } }) => {
  await db.update(request, { id: event.args.requestId }).set({ status: 'cancelled' });
});

ponder.on('Oracle:CallbackRun', async ({ event, context: { db } }) => {
  await db.update(request, { id: event.args.requestId }).set({ callback: 'done' });
});

ponder.on('Oracle:CallbackFailed', async ({ event, context: { db } }) => {
  await db.update(request, { id: event.args.requestId }).set({ callback: 'failed' });
});

ponder.on('Oracle:Withdrawn', async ({ event, context: { db } }) => {
  const { account, amountWei } = event.args;
  await add(db, account, { withdrawnWei: amountWei });
});
