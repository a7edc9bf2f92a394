import type { TransactionReceipt } from 'ethers';
import { signerOf } from '../chain/actions.ts';
import type { Contracts } from '../chain/contracts.ts';
import { contractError, explain } from '../chain/explain.ts';
import { pay } from '../chain/payment.ts';
import { submit } from '../chain/submit.ts';
import { type Hex, mostChallengeBondWei, type Request, type Terms } from '../chain/types.ts';
import { bytesOfHex, hexOf } from '../merkle/keccak.ts';
import type { Model } from '../merkle/model.ts';

export { InvalidInput, packInput } from './input.ts';

/** The client of a dApp: publish a model, ask, wait for the final answer. */

/** A request as the chain took it. */
export interface Asked {
  readonly requestId: bigint;
  readonly request: Request;
  readonly receipt: TransactionReceipt;
}

/** Terms that no oracle takes. */
export class TermsError extends Error {
  override name = 'TermsError';
}

/** The request was cancelled, or no final answer came in the time given. */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
}

/**
 * Commits a model on chain. Publishing a model that is there already changes nothing.
 *
 * @param uri where its program and weights can be had; not trusted by anybody
 * @returns the model's id
 * @throws Refused if the chain does not take it
 */
export async function publish(contracts: Contracts, model: Model, uri: string): Promise<Hex> {
  const { registry } = contracts;
  await submit(
    signerOf(contracts),
    registry.publish.populateTransaction(
      model.tree.root,
      model.program.nodes.length,
      [...model.inputs],
      [...model.outputs],
      [...model.answers],
      uri,
    ),
    'publishing a model',
  );
  return hexOf(model.id);
}

/** Input tensors by their roots, and where their bytes can be had. */
export interface InputByRoot {
  readonly roots: readonly Hex[];
  readonly uri: string;
}

/** @throws TermsError if a challenger would put up more than it can win, or a fee is offered for no callback */
function requireSound({ claimBondWei, challengeBondWei, callbackGas, callbackFeeWei }: Terms): void {
  const most = mostChallengeBondWei(claimBondWei);
  if (challengeBondWei > most) {
    throw new TermsError(
      `the challenge bond of ${challengeBondWei} wei is above half of the claim bond, ${most} wei; lower it`,
    );
  }
  if (callbackGas === 0n && callbackFeeWei > 0n) {
    throw new TermsError(`a callback fee of ${callbackFeeWei} wei needs callback gas; set it, or no fee`);
  }
}

/**
 * Asks for an inference.
 *
 * @param input all input tensors, one after the other, little-endian; as {@link packInput} makes it; or
 * their roots: then this account vouches that the bytes can be had, and what nobody else can read, nobody else can check
 * @param feeWei what the answering provider earns
 * @throws TermsError if no oracle takes the terms
 * @throws Refused if the model is unknown, the input has the wrong length, or a term is out of bounds
 */
export async function request(
  contracts: Contracts,
  modelId: Hex,
  input: Uint8Array | InputByRoot,
  terms: Terms,
  feeWei: bigint,
): Promise<Asked> {
  requireSound(terms);
  const { oracle } = contracts;
  const transaction = async () => {
    const payment = await pay(contracts, feeWei + terms.callbackFeeWei);
    if (input instanceof Uint8Array)
      return oracle.request.populateTransaction(modelId, input, terms, feeWei, payment);
    const { roots, uri } = input;
    return oracle.requestByRoot.populateTransaction(modelId, [...roots], uri, terms, feeWei, payment);
  };
  const receipt = await submit(signerOf(contracts), transaction(), 'requesting an inference');
  for (const log of receipt.logs) {
    const event = oracle.interface.parseLog(log);
    if (event?.name !== 'Requested' && event?.name !== 'RequestedByRoot') continue;
    const { requestId, request } = event.args;
    return { requestId, request: request.toObject(true) as Request, receipt };
  }
  throw new Error('the oracle took the request and did not say its id');
}

const REQUEST_CANCELLED = 3n;

/**
 * Waits until a request has its final answer. Before finality there is none, whatever is claimed.
 *
 * @param timeoutMs how long to wait
 * @param pollMs how long to rest between looks at the chain
 * @returns all output tensors, one after the other, little-endian
 * @throws NoAnswer if it was cancelled, is not kept on chain, or the time is over
 */
export async function awaitResult(
  { oracle }: Contracts,
  requestId: bigint,
  timeoutMs: number,
  pollMs = 1000,
): Promise<Uint8Array> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    const trouble = await (async () => {
      try {
        const { status } = await oracle.progress(requestId);
        if (status === REQUEST_CANCELLED) throw new NoAnswer(`request ${requestId} was cancelled`);
        return bytesOfHex(await oracle.result(requestId));
      } catch (failure) {
        if (failure instanceof NoAnswer) throw failure;
        const error = contractError(failure);
        if (error && error.name !== 'NotFinal') throw new NoAnswer(explain(failure));
        return explain(failure);
      }
    })();
    if (typeof trouble !== 'string') return trouble;
    if (Date.now() + pollMs > until) throw new NoAnswer(`no answer in ${timeoutMs} ms: ${trouble}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
