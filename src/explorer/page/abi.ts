import { bytesOfHex, type Hash, hexOf, keccakTagged } from '../../merkle/keccak.ts';
import { concat } from '../../merkle/tree.ts';

/** As much of Solidity's ABI as the page needs ("Formal Specification of the Encoding"). */

/** A static value is one word of 32 bytes. */
export const word = (value: bigint): Uint8Array => bytesOfHex(`0x${value.toString(16).padStart(64, '0')}`);

/** A tag is a first byte like any other. */
export const keccak256 = (bytes: Uint8Array): Hash => keccakTagged(bytes[0] as number, bytes.subarray(1));

const selector = (signature: string): Uint8Array =>
  keccak256(new TextEncoder().encode(signature)).subarray(0, 4);

export const callData = (signature: string, ...words: readonly bigint[]): string =>
  hexOf(concat([selector(signature), ...words.map(word)]));

/** `bytes`: their length, and they themselves, filled up to whole words. */
const encodeBytes = (bytes: Uint8Array): Uint8Array =>
  concat([word(BigInt(bytes.length)), bytes, new Uint8Array((32 - (bytes.length % 32)) % 32)]);

/** The words that a call returned. */
export const wordsIn = (data: string): bigint[] =>
  (data.slice(2).match(/.{64}/g) ?? []).map((one) => BigInt(`0x${one}`));

/** Terms of a request that anybody may answer, with bytes, without callback or verifier. */
export interface PlainTerms {
  readonly claimBondWei: bigint;
  readonly challengeBondWei: bigint;
  readonly windowSeconds: bigint;
  readonly clockSeconds: bigint;
  readonly patienceSeconds: bigint;
}

const REQUEST =
  'request(bytes32,bytes,(uint96,uint96,uint32,uint32,uint32,uint32,uint96,bool,address,address),uint96)';

/** The call of `IInferenceOracle.request`. */
export function requestCall(modelId: string, input: Uint8Array, terms: PlainTerms, feeWei: bigint): string {
  const { claimBondWei, challengeBondWei, windowSeconds, clockSeconds, patienceSeconds } = terms;
  const fixed = [
    ...[claimBondWei, challengeBondWei, windowSeconds, clockSeconds, patienceSeconds],
    ...[0n, 0n, 0n, 0n, 0n],
    feeWei,
  ];
  // The input's place is counted from behind the selector: model, this word, and the fixed ones.
  const place = BigInt(32 * (2 + fixed.length));
  const head = [BigInt(modelId), place, ...fixed].map(word);
  return hexOf(concat([selector(REQUEST), ...head, encodeBytes(input)]));
}

export const REQUESTED = hexOf(
  keccak256(
    new TextEncoder().encode(
      'Requested(uint256,bytes32,address,(address,uint96,bytes32,bytes32,uint40,(uint96,uint96,uint32,uint32,uint32,uint32,uint96,bool,address,address)),bytes)',
    ),
  ),
);
