import type { ClaimRecord, DisputeRecord, RequestRecord, World } from '../../src/chain/contracts/world.ts';

/** Everything that a world knows, also what is over. */

export const requestsIn = ({ cases }: World): RequestRecord[] =>
  [...cases.values()].map(({ request }) => request);

export const claimsIn = ({ cases }: World): ClaimRecord[] =>
  [...cases.values()].flatMap(({ claims }) => [...claims.values()]);

export const disputesIn = ({ cases }: World): DisputeRecord[] =>
  [...cases.values()].flatMap(({ disputes }) => [...disputes.values()]);

/** A world whose maps hold what is over as well. */
export const withEnded = (world: World): World => ({
  ...world,
  requests: new Map(requestsIn(world).map((one) => [one.requestId, one])),
  claims: new Map(claimsIn(world).map((one) => [one.claimId, one])),
  disputes: new Map(disputesIn(world).map((one) => [one.disputeId, one])),
});
