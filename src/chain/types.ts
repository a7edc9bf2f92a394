/** What the contracts hand out and want handed back, as plain values; see contracts/interfaces for their meaning. */

/** `0x…` of any even length. */
export type Hex = string;
/** `0x…`, 20 bytes, checksummed. */
export type Address = string;

export interface Terms {
  readonly claimBondWei: bigint;
  readonly challengeBondWei: bigint;
  readonly windowSeconds: bigint;
  readonly clockSeconds: bigint;
  readonly callbackGas: bigint;
  readonly patienceSeconds: bigint;
}

export interface Request {
  readonly requester: Address;
  readonly feeWei: bigint;
  readonly modelId: Hex;
  readonly inputs: Hex;
  readonly requestedAt: bigint;
  readonly terms: Terms;
}

/** The state of a dispute; every move hands it back. */
export interface Dispute {
  readonly claimant: Address;
  readonly challenger: Address;
  /** Packed as `types/Clock.sol` draws it. */
  readonly clock: bigint;
  /** Packed as `types/Stake.sol` draws it. */
  readonly stake: bigint;
  readonly program: Hex;
  /** Packed as `types/Position.sol` draws it. */
  readonly position: bigint;
}

/** A claim's id holds the request's. */
export const requestOf = (claimId: bigint): bigint => claimId >> 32n;
