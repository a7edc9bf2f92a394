import type { ClaimRecord, DisputeRecord, RequestRecord, World } from '../contracts/world.ts';

/** A world, arranged by what passes ask of it. */
export interface Arranged {
  readonly world: World;
  claimsOn(request: RequestRecord): readonly ClaimRecord[];
  /** Open ones. */
  disputesOn(claim: ClaimRecord): readonly DisputeRecord[];
  /** The ended disputes on a claim, as far as they are known. */
  endedOn(claim: ClaimRecord): readonly DisputeRecord[];
}

/** Names what a world can tell. */
export const arrange = (world: World): Arranged => ({
  world,
  claimsOn: ({ requestId }) => world.claimsOn(requestId),
  disputesOn: ({ claimId }) => world.disputesOn(claimId).filter(({ ended }) => !ended),
  endedOn: ({ claimId }) => world.disputesOn(claimId).filter(({ ended }) => ended),
});
