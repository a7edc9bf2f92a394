/** Structs of the contracts as plain values; contracts/interfaces defines their fields. */

/** `0x…` of any even length. */
export type Hex = string;
/** `0x…`, 20 bytes, checksummed. */
export type Address = string;

/** Terms that every deployment bounds. Amounts are in the smallest unit of its currency, which is ether or a token. */
export interface TermBounds {
  /** Bond of a claimant, which loses it if the claim is falsified. */
  readonly claimBondWei: bigint;
  /** Bond of a challenger, which loses it with the dispute; at most half of the claim bond. */
  readonly challengeBondWei: bigint;
  /** Time in which a claim can be challenged. */
  readonly windowSeconds: bigint;
  /** Time of each side of a dispute, for all its moves together. */
  readonly clockSeconds: bigint;
  /** Time before which an unanswered request cannot be cancelled. */
  readonly patienceSeconds: bigint;
  /** Gas of the callback; 0 for none. */
  readonly callbackGas: bigint;
}

/** Bonds, times and conditions of a request, fixed with it. */
export interface Terms extends TermBounds {
  /** Fee of whoever runs the callback. */
  readonly callbackFeeWei: bigint;
  /** Whether a claim gives the roots of its outputs instead of their bytes. */
  readonly answerByRoot: boolean;
  /** The only account that may claim; zero for anybody. */
  readonly provider: Address;
  /** Contract that may end the window by a proof; zero for none. */
  readonly verifier: Address;
}

export const ZERO_ADDRESS: Address = `0x${'00'.repeat(20)}`;

/** Whether two addresses are one, with or without the capitals of a checksum. */
export const isSameAddress = (a: Address, b: Address): boolean => a.toLowerCase() === b.toLowerCase();

/** Terms of a request that anybody may answer, with bytes, without a paid callback or a verifier. */
export const PLAIN_TERMS: Omit<Terms, keyof TermBounds> = {
  callbackFeeWei: 0n,
  answerByRoot: false,
  provider: ZERO_ADDRESS,
  verifier: ZERO_ADDRESS,
};

/** The greatest challenge bond under a claim bond: what a challenger can win. */
export const mostChallengeBondWei = (claimBondWei: bigint): bigint => claimBondWei / 2n;

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

/** The number of a claim among those on its request, from 1 on. */
export const claimNumber = (claimId: bigint): number => Number(BigInt.asUintN(32, claimId));
