import type { Context } from 'ponder:registry';
import { account } from 'ponder:schema';

type Row = typeof account.$inferSelect;

/** Amounts that an event adds to the figures of an account. */
export type Change = Partial<Omit<Row, 'address'>>;

const NOTHING: Omit<Row, 'address'> = {
  requests: 0,
  claims: 0,
  falsified: 0,
  disputes: 0,
  disputesWon: 0,
  disputesLost: 0,
  bondsWei: 0n,
  withdrawnWei: 0n,
};

const sum = (row: Omit<Row, 'address'>, change: Change): Omit<Row, 'address'> => ({
  requests: row.requests + (change.requests ?? 0),
  claims: row.claims + (change.claims ?? 0),
  falsified: row.falsified + (change.falsified ?? 0),
  disputes: row.disputes + (change.disputes ?? 0),
  disputesWon: row.disputesWon + (change.disputesWon ?? 0),
  disputesLost: row.disputesLost + (change.disputesLost ?? 0),
  bondsWei: row.bondsWei + (change.bondsWei ?? 0n),
  withdrawnWei: row.withdrawnWei + (change.withdrawnWei ?? 0n),
});

/** Adds to the figures of an account, which may be new. */
export async function add(db: Context['db'], address: `0x${string}`, change: Change): Promise<void> {
  await db
    .insert(account)
    .values({ address, ...sum(NOTHING, change) })
    .onConflictDoUpdate((row) => sum(row, change));
}
