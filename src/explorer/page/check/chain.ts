import { bytesOfHex, type Hash, hexOf, keccakTagged } from '../../../merkle/keccak.ts';
import { concat } from '../../../merkle/tree.ts';
import type { RequestJson } from '../../api.ts';

/** Asks a node what the contracts say, with no more of the ABI than that takes. */

/** Calls a contract: `to` and `data` as 0x…, and what it returns. @throws Error if the node does not answer */
export type Call = (to: string, data: string) => Promise<string>;

/** Solidity's ABI, section "Formal Specification of the Encoding": a static value is one word of 32 bytes. */
const word = (value: bigint): Uint8Array => bytesOfHex(`0x${value.toString(16).padStart(64, '0')}`);

/** A tag is a first byte like any other. */
const keccak256 = (bytes: Uint8Array): Hash => keccakTagged(bytes[0] as number, bytes.subarray(1));

const selector = (signature: string): Uint8Array =>
  keccak256(new TextEncoder().encode(signature)).subarray(0, 4);

const callData = (signature: string, ...words: readonly bigint[]): string =>
  hexOf(concat([selector(signature), ...words.map(word)]));

/** keccak256(abi.encode(request)): all that the oracle keeps of a request. */
export function requestHash({ requester, feeWei, model, inputs, requestedAt, terms }: RequestJson): string {
  const words = [
    ...[requester, feeWei, model, inputs, requestedAt, terms.claimBondWei, terms.challengeBondWei],
    ...[
      terms.windowSeconds,
      terms.clockSeconds,
      terms.patienceSeconds,
      terms.callbackGas,
      terms.callbackFeeWei,
    ],
    ...[terms.answerByRoot ? 1 : 0, terms.provider ?? 0, terms.verifier ?? 0],
  ];
  return hexOf(keccak256(concat(words.map((value) => word(BigInt(value))))));
}

/** What the oracle keeps of a request with this id. */
export const readRequestHash = (call: Call, oracle: string, id: string): Promise<string> =>
  call(oracle, callData('requestHash(uint256)', BigInt(id)));

/** The newest claim of an account of an output on a request; 0 if there is none. */
export async function readClaimOf(
  call: Call,
  oracle: string,
  {
    request,
    outputs,
    claimant,
  }: { readonly request: string; readonly outputs: string; readonly claimant: string },
): Promise<bigint> {
  const data = callData(
    'claimOf(uint256,bytes32,address)',
    BigInt(request),
    BigInt(outputs),
    BigInt(claimant),
  );
  return BigInt(await call(oracle, data));
}
