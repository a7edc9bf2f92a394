import { hexOf } from '../../../merkle/keccak.ts';
import { concat } from '../../../merkle/tree.ts';
import type { RequestJson } from '../../api.ts';
import { callData, keccak256, word } from '../abi.ts';

/** Reads the contracts through a node, with only the part of the ABI that this needs. */

/** Calls a contract: `to` and `data` as 0x…, and what it returns. @throws Error if the node does not answer */
export type Call = (to: string, data: string) => Promise<string>;

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

/** The hash that the oracle keeps of a request. */
export const readRequestHash = (call: Call, oracle: string, id: string): Promise<string> =>
  call(oracle, callData('requestHash(uint256)', BigInt(id)));

/** The id of the newest claim by an account, of an output, on a request; 0 if there is none. */
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
