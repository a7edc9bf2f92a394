import type { TransactionReceipt } from 'ethers';
import { pay } from '../chain/actions/payment.ts';
import { submit } from '../chain/actions/submit.ts';
import { type Contracts, signerOf } from '../chain/contracts/contracts.ts';
import { eventsIn } from '../chain/contracts/logs.ts';
import { REQUEST_STATUS } from '../chain/contracts/status.ts';
import { type Hex, mostChallengeBondWei, type Request, type Terms } from '../chain/contracts/types.ts';
import { contractError, explain } from '../chain/messages/explain.ts';
import { bytesOfHex, hexOf } from '../merkle/keccak.ts';
import type { Model } from '../merkle/model.ts';

export { InvalidInput, packInput } from './input.ts';

/** The client of a dApp: publish a model, ask, wait for the final answer. */

/** A request as the chain took it. */
export interface Asked {
  /** Number of the request in its oracle, from 1 on. */
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
 * @param contracts as seen by the account that pays the gas
 * @param model as `modelOf` of `assay/onnx` makes it from a compiled program
 * @param uri address of a folder with its program and weights, `https://…/` or `ipfs://CID/`; nobody trusts it
 * @returns the model's id, 32 bytes as `0x…`
 * @throws Refused if the chain does not take it
 * @example
 * ```ts
 * const { program } = importOnnx(readFileSync('digits.onnx'));
 * const modelId = await publish(contracts, modelOf(program), 'https://example.org/models/');
 * ```
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
  /** Merkle root of each input tensor, in slot order. */
  readonly roots: readonly Hex[];
  /** Address of a folder with their bytes; whoever reads them checks them against the roots. */
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
 * Asks for an inference, and waits until the request is mined. {@link awaitResult} waits for the answer.
 *
 * @param contracts as seen by the account that asks and pays: the fee, the callback's fee, and gas
 * @param input all input tensors in slot order, end to end, little-endian and row-major, as {@link packInput} makes it; or
 * their roots: then this account vouches that the bytes can be had, and what nobody else can read, nobody else can check
 * @param terms bonds, times and further conditions, within the bounds of the deployment
 * @param feeWei what the answering provider earns, in the smallest unit of the deployment's currency
 * @returns the id of the request, and the request as the chain took it
 * @throws TermsError if no oracle takes the terms
 * @throws Refused if the model is unknown, the input has the wrong length, or a term is out of bounds
 * @example
 * ```ts
 * const { requestId } = await request(contracts, modelId, packInput(inputs, [image]), terms, parseEther('0.001'));
 * const output = await awaitResult(contracts, requestId, 4 * 86_400_000, 60_000);
 * ```
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
  for (const { name, args } of await eventsIn(oracle, receipt)) {
    if (name !== 'Requested' && name !== 'RequestedByRoot') continue;
    const { requestId, request } = args;
    return { requestId, request: request.toObject(true) as Request, receipt };
  }
  throw new Error('the oracle took the request and did not say its id');
}

/**
 * Waits until a request has its final answer. Before finality there is none, whatever is claimed.
 *
 * @param timeoutMs longest wait, ms
 * @param pollMs rest between looks at the chain, ms
 * @returns all output tensors in slot order, end to end, little-endian and row-major
 * @throws NoAnswer if it was cancelled, is not kept on chain, or the time is over
 */
export async function awaitResult(
  { oracle }: Contracts,
  requestId: bigint,
  timeoutMs: number,
  pollMs = 1000,
): Promise<Uint8Array> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const trouble = await (async () => {
      try {
        const { status } = await oracle.progress(requestId);
        if (status === REQUEST_STATUS.cancelled) throw new NoAnswer(`request ${requestId} was cancelled`);
        return bytesOfHex(await oracle.result(requestId));
      } catch (failure) {
        if (failure instanceof NoAnswer) throw failure;
        const error = contractError(failure);
        if (error && error.name !== 'NotFinal') throw new NoAnswer(explain(failure));
        return explain(failure);
      }
    })();
    if (typeof trouble !== 'string') return trouble;
    if (performance.now() + pollMs > until) throw new NoAnswer(`no answer in ${timeoutMs} ms: ${trouble}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
