import type { ClaimRecord, DisputeRecord, RequestRecord, World } from './history.ts';

/** A world, arranged by what passes ask of it. */
export interface Arranged {
  readonly world: World;
  claimsOn(request: RequestRecord): readonly ClaimRecord[];
  /** Open ones. */
  disputesOn(claim: ClaimRecord): readonly DisputeRecord[];
  /** Those that have ended, as far as they are known. */
  endedOn(claim: ClaimRecord): readonly DisputeRecord[];
}

function grouped<K, V>(values: Iterable<V>, keyIn: (value: V) => K): (key: K) => readonly V[] {
  const groups = new Map<K, V[]>();
  for (const value of values) {
    const key = keyIn(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return (key) => groups.get(key) ?? [];
}

/** Looks at every record once. */
export function arrange(world: World): Arranged {
  const disputes = [...world.disputes.values()];
  const claimsOn = grouped(world.claims.values(), (claim) => claim.request.requestId);
  const open = grouped(
    disputes.filter(({ ended }) => !ended),
    ({ claim }) => claim.claimId,
  );
  const ended = grouped(
    disputes.filter((dispute) => dispute.ended),
    ({ claim }) => claim.claimId,
  );
  return {
    world,
    claimsOn: ({ requestId }) => claimsOn(requestId),
    disputesOn: ({ claimId }) => open(claimId),
    endedOn: ({ claimId }) => ended(claimId),
  };
}
