import type { FunctionFragment, Interface } from 'ethers';

/** A call of a view function that takes an id, or nothing. */
export interface ViewCall {
  readonly name: string;
  readonly id: bigint;
  /** Encodes what the function returns. */
  encode(...values: unknown[]): string;
}

/** Reads calls by selectors that are computed once: ethers computes all of them for every call. */
export function viewCalls(abi: Interface): (data: string) => ViewCall | undefined {
  const functions = new Map<string, FunctionFragment>();
  abi.forEachFunction((fragment) => {
    functions.set(fragment.selector, fragment);
  });
  return (data) => {
    const fragment = functions.get(data.slice(0, 10));
    return (
      fragment && {
        name: fragment.name,
        id: data.length > 10 ? BigInt(`0x${data.slice(10, 74)}`) : 0n,
        encode: (...values) => abi.encodeFunctionResult(fragment, values),
      }
    );
  };
}
