import { parseEther } from 'ethers';
import { claim, claimByRoot, finalize } from '../chain/actions/actions.ts';
import { as, type Contracts } from '../chain/contracts/contracts.ts';
import { PLAIN_TERMS, type Terms } from '../chain/contracts/types.ts';
import type { ClaimRecord, RequestRecord } from '../chain/contracts/world.ts';
import { deploy, TRIAL_BOUNDS } from '../chain/deployment/deploy.ts';
import { EventIndex } from '../chain/index/eventIndex.ts';
import { publish, request } from '../client/client.ts';
import { claimedRefs, totalBytes } from '../merkle/model.ts';
import { hexRoots } from '../merkle/tensor.ts';
import { concat } from '../merkle/tree.ts';
import { LIMITS } from '../program/limits.ts';
import type { Trace } from '../trace/trace.ts';
import { type LocalChain, startLocalChain } from './localChain.ts';

const TERMS: Terms = {
  ...PLAIN_TERMS,
  claimBondWei: parseEther('1'),
  challengeBondWei: parseEther('0.5'),
  windowSeconds: 3600n,
  clockSeconds: 3600n,
  callbackGas: 0n,
  patienceSeconds: 3600n,
};

/** A chain on which a model is published and one request waits for claims. */
export interface Stage {
  readonly chain: LocalChain;
  readonly claimant: Contracts;
  readonly challenger: Contracts;
  readonly request: RequestRecord;
  readonly requestGas: number;
}

const suppliedBy = ({ model, tensors }: Trace): Uint8Array[] =>
  claimedRefs(model).map(({ node }) => tensors[node] as Uint8Array);

/** The bytes that a claim on a run supplies: the output tensors, or the answers that the run checks, concatenated. */
export const outputOf = (trace: Trace): Uint8Array => concat(suppliedBy(trace));

/** Tensors that fit no transaction go by their roots. */
const isLong = (refs: Parameters<typeof totalBytes>[0]): boolean => totalBytes(refs) > LIMITS.MAX_DATA_BYTES;

export async function setStage({ model }: Trace, inputs: readonly Uint8Array[]): Promise<Stage> {
  const chain = await startLocalChain();
  const [requester, claimant, challenger] = chain.accounts;
  if (!requester || !claimant || !challenger) throw new Error('the chain has too few accounts');
  const contracts = await deploy(requester, TRIAL_BOUNDS);
  const modelId = await publish(contracts, model, '');
  await chain.wait(12);
  const terms = { ...TERMS, answerByRoot: isLong(claimedRefs(model)) };
  // Behind the inputs are the answers, if the model has any; those are the claim's.
  const asks = inputs.slice(0, model.inputs.length);
  const input = isLong(model.inputs) ? { roots: hexRoots(asks), uri: '' } : concat(asks);
  const asked = await request(contracts, modelId, input, terms, parseEther('0.01'));
  const { requests } = await new EventIndex(contracts).update();
  return {
    chain,
    claimant: as(contracts, claimant),
    challenger: as(contracts, challenger),
    request: requests.get(asked.requestId) as RequestRecord,
    requestGas: Number(asked.receipt.gasUsed),
  };
}

/** A claim that was just made, with an index that has not seen what a snapshot has taken back since. */
interface Claimed {
  readonly claim: ClaimRecord;
  readonly gas: number;
  readonly history: EventIndex;
}

/** Claims the outputs of a trace. */
export async function claimOf(stage: Stage, trace: Trace): Promise<Claimed> {
  await stage.chain.wait(12);
  const { gasUsed } = stage.request.request.terms.answerByRoot
    ? await claimByRoot(stage.claimant, stage.request, hexRoots(suppliedBy(trace)), '')
    : await claim(stage.claimant, stage.request, outputOf(trace));
  const history = new EventIndex(stage.claimant);
  const { claims } = await history.update();
  return { claim: [...claims.values()].at(-1) as ClaimRecord, gas: Number(gasUsed), history };
}

/** Measures the same request when nobody disagrees. */
export async function playUndisputed(stage: Stage, honest: Trace) {
  const { claim: made, gas } = await claimOf(stage, honest);
  await stage.chain.wait(Number(TERMS.windowSeconds) + 1);
  const { gasUsed } = await finalize(stage.claimant, made, false);
  return { request: stage.requestGas, claim: gas, finalize: Number(gasUsed) };
}
