import { index, onchainEnum, onchainTable, relations } from 'ponder';

/** Amounts are in the smallest unit of the deployment's currency; times are Unix seconds. */

export const requestStatus = onchainEnum('request_status', ['open', 'closed', 'answered', 'cancelled']);
export const callbackStatus = onchainEnum('callback_status', ['notRun', 'failed', 'done']);
export const claimStatus = onchainEnum('claim_status', ['open', 'final', 'falsified']);
export const side = onchainEnum('side', ['claimant', 'challenger']);

/** Reasons, in the order of `Reason` in `IDisputeGame.sol`. */
export const reason = onchainEnum('reason', [
  'ClaimantTimeout',
  'ChallengerTimeout',
  'WrongWord',
  'WrongConstant',
  'WrongInput',
  'WrongPadding',
  'WrongCheckpoint',
  'ClaimAlreadyFalsified',
  'WrongAnswer',
  'Malformed',
]);

export const request = onchainTable(
  'request',
  (t) => ({
    id: t.bigint().primaryKey(),
    model: t.hex().notNull(),
    requester: t.hex().notNull(),
    feeWei: t.bigint().notNull(),
    /** Commitment to the input. */
    inputs: t.hex().notNull(),
    /** Where the input is said to be, if the request gives it by root. */
    inputUri: t.text(),
    requestedAt: t.bigint().notNull(),
    claimBondWei: t.bigint().notNull(),
    challengeBondWei: t.bigint().notNull(),
    windowSeconds: t.integer().notNull(),
    clockSeconds: t.integer().notNull(),
    patienceSeconds: t.integer().notNull(),
    callbackGas: t.integer().notNull(),
    callbackFeeWei: t.bigint().notNull(),
    answerByRoot: t.boolean().notNull(),
    /** Who alone may answer; zero for anybody. */
    provider: t.hex().notNull(),
    /** A contract that may end the window; zero for none. */
    verifier: t.hex().notNull(),
    status: requestStatus('status').notNull(),
    callback: callbackStatus('callback').notNull(),
    /** Whether the fee of an answered request waits for an earlier claim of the same answer. */
    feeHeld: t.boolean().notNull(),
    /** The claim that answered it. */
    answer: t.bigint(),
    claims: t.integer().notNull(),
    falsified: t.integer().notNull(),
    disputes: t.integer().notNull(),
    openDisputes: t.integer().notNull(),
  }),
  (table) => ({ ofModel: index().on(table.model), ofRequester: index().on(table.requester) }),
);

export const claim = onchainTable(
  'claim',
  (t) => ({
    /** `request << 32 | number`. */
    id: t.bigint().primaryKey(),
    requestId: t.bigint().notNull(),
    /** Counts the claims on a request from 1. */
    number: t.integer().notNull(),
    claimant: t.hex().notNull(),
    /** Commitment to the answer. */
    outputs: t.hex().notNull(),
    /** Where the answer is said to be, if the claim gives it by root. */
    answerUri: t.text(),
    claimedAt: t.bigint().notNull(),
    /** Last second in which it can be challenged. */
    windowEnd: t.bigint().notNull(),
    bondWei: t.bigint().notNull(),
    status: claimStatus('status').notNull(),
    /** Root of the claimant's trace, once a dispute has fixed it. */
    traceRoot: t.hex(),
  }),
  (table) => ({ onRequest: index().on(table.requestId), ofClaimant: index().on(table.claimant) }),
);

export const dispute = onchainTable(
  'dispute',
  (t) => ({
    id: t.bigint().primaryKey(),
    requestId: t.bigint().notNull(),
    claimId: t.bigint().notNull(),
    claimant: t.hex().notNull(),
    challenger: t.hex().notNull(),
    claimBondWei: t.bigint().notNull(),
    challengeBondWei: t.bigint().notNull(),
    openedAt: t.bigint().notNull(),
    /** The state after the last move, packed as `types/Position.sol` and `types/Clock.sol` say. */
    position: t.bigint().notNull(),
    clock: t.bigint().notNull(),
    /** Transactions that moved it, the first and the last included. */
    transactions: t.integer().notNull(),
    lastTransaction: t.hex().notNull(),
    winner: side('winner'),
    reason: reason('reason'),
    endedAt: t.bigint(),
  }),
  (table) => ({
    onClaim: index().on(table.claimId),
    ofClaimant: index().on(table.claimant),
    ofChallenger: index().on(table.challenger),
  }),
);

/** One event of a dispute. */
export const move = onchainTable(
  'move',
  (t) => ({
    id: t.text().primaryKey(),
    disputeId: t.bigint().notNull(),
    /** Name of the event. */
    name: t.text().notNull(),
    block: t.bigint().notNull(),
    timestamp: t.bigint().notNull(),
    transaction: t.hex().notNull(),
    sender: t.hex().notNull(),
  }),
  (table) => ({ ofDispute: index().on(table.disputeId) }),
);

/** A requester, claimant or challenger. */
export const account = onchainTable('account', (t) => ({
  address: t.hex().primaryKey(),
  requests: t.integer().notNull(),
  claims: t.integer().notNull(),
  falsified: t.integer().notNull(),
  disputes: t.integer().notNull(),
  disputesWon: t.integer().notNull(),
  disputesLost: t.integer().notNull(),
  /** Bonds of open claims and disputes. */
  bondsWei: t.bigint().notNull(),
  withdrawnWei: t.bigint().notNull(),
}));

export const requestRelations = relations(request, ({ many, one }) => ({
  claimRows: many(claim),
  disputeRows: many(dispute),
  account: one(account, { fields: [request.requester], references: [account.address] }),
}));

export const claimRelations = relations(claim, ({ many, one }) => ({
  request: one(request, { fields: [claim.requestId], references: [request.id] }),
  disputes: many(dispute),
  account: one(account, { fields: [claim.claimant], references: [account.address] }),
}));

export const disputeRelations = relations(dispute, ({ many, one }) => ({
  request: one(request, { fields: [dispute.requestId], references: [request.id] }),
  claim: one(claim, { fields: [dispute.claimId], references: [claim.id] }),
  moves: many(move),
}));

export const moveRelations = relations(move, ({ one }) => ({
  dispute: one(dispute, { fields: [move.disputeId], references: [dispute.id] }),
}));
