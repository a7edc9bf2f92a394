import {
  AbiCoder,
  concat,
  type FunctionFragment,
  Interface,
  keccak256,
  type ParamType,
  type Result,
  toBeHex,
  toQuantity,
} from 'ethers';
import { IDisputeGame__factory, IInferenceOracle__factory } from '#typechain';
import { TAGS } from '../../merkle/tags.ts';
import { CALLBACK_STATUS, CLAIM_STATUS, REQUEST_STATUS } from '../contracts/status.ts';
import type { Address, Dispute, Hex, Request } from '../contracts/types.ts';
import type { Case, ClaimRecord, DisputeRecord, RequestRecord } from '../contracts/world.ts';
import { isUnknownBlock, NodeFailure, rpcErrorIn } from '../endpoints/failures.ts';
import type { Rpc } from './reader.ts';
import type { Header } from './tables.ts';
import { MOST_IDS } from './untrue.ts';

/** Reads the state of the contracts at one block, to compare it with the state derived from events. */

const oracleAbi = new Interface(IInferenceOracle__factory.abi);
const gameAbi = new Interface(IDisputeGame__factory.abi);

/** Functions by their name with their selectors, which ethers would compute for every call. */
const selectorsIn = (abi: Interface): Map<string, { fragment: FunctionFragment; selector: string }> => {
  const found = new Map<string, { fragment: FunctionFragment; selector: string }>();
  abi.forEachFunction((fragment) => {
    found.set(fragment.name, { fragment, selector: fragment.selector });
  });
  return found;
};
const SELECTORS = { oracle: selectorsIn(oracleAbi), game: selectorsIn(gameAbi) };

export interface Counts {
  readonly requests: bigint;
  readonly disputes: bigint;
}

interface ClaimState {
  readonly claimant: Address;
  readonly claimedAt: bigint;
  readonly status: bigint;
  readonly openDisputes: bigint;
}

export interface Facts {
  readonly requestHash: Hex;
  readonly requestStatus: bigint;
  readonly callback: bigint;
  readonly feeHeld: boolean;
  readonly claims: bigint;
  readonly openClaims: bigint;
  /** States of claims that are not final, by their ids. */
  readonly claimStates: ReadonlyMap<bigint, ClaimState>;
  /** Trace roots of the same claims; zero where none is fixed. */
  readonly traceRoots: ReadonlyMap<bigint, Hex>;
  /** State hashes of disputes that have not ended. */
  readonly stateHashes: ReadonlyMap<bigint, Hex>;
}

/** A final claim has no disputes and never changes again. */
const unsettled = ({ claims }: Case): ClaimRecord[] =>
  [...claims.values()].filter(({ status }) => status !== 'final');

const running = ({ disputes }: Case): DisputeRecord[] => [...disputes.values()].filter(({ ended }) => !ended);

const REQUEST = oracleAbi.getEvent('Requested')?.inputs.find(({ name }) => name === 'request') as ParamType;

/** keccak256(abi.encode(request)), which is all that the oracle keeps of it. */
export const requestHash = (request: Request): Hex =>
  keccak256(AbiCoder.defaultAbiCoder().encode([REQUEST], [request]));

const WORDS = ['address', 'address', 'uint256', 'uint256', 'bytes32', 'uint256', 'bytes32'];

/** Twin of `Rules.seal`: keccak256(DISPUTE ‖ each field as a 32-byte word ‖ subject). */
export function stateHash(
  { claimant, challenger, clock, stake, program, position }: Dispute,
  subject: Hex,
): Hex {
  const words = [claimant, challenger, clock, stake, program, position, subject];
  const tag = TAGS.DISPUTE.toString(16).padStart(2, '0');
  return keccak256(`0x${tag}${AbiCoder.defaultAbiCoder().encode(WORDS, words).slice(2)}`);
}

/** JSON-RPC 2.0, section 5.1. */
const INVALID_PARAMS = -32602;

export class StateReader {
  readonly #oracle: Address;
  readonly #game: Address;
  /** Nodes that do not take a block's hash here, see EIP-1898. */
  readonly #byNumber = new WeakSet<Rpc>();

  constructor(oracle: Address, game: Address) {
    this.#oracle = oracle;
    this.#game = game;
  }

  async #call(rpc: Rpc, at: Header, to: Address, data: Hex): Promise<Hex> {
    const call = (block: unknown): Promise<Hex> => rpc.send('eth_call', [{ to, data }, block]);
    if (this.#byNumber.has(rpc)) return call(toQuantity(at.number));
    try {
      return await call({ blockHash: at.hash });
    } catch (failure) {
      const refusal = rpcErrorIn(failure);
      // Behind one address may be a node that is behind: a single answer of it is not to cost the whole look.
      if (refusal && isUnknownBlock(refusal)) return call({ blockHash: at.hash });
      if (refusal?.code !== INVALID_PARAMS) throw failure;
      this.#byNumber.add(rpc);
      return call(toQuantity(at.number));
    }
  }

  async #read(
    rpc: Rpc,
    at: Header,
    contract: 'oracle' | 'game',
    name: string,
    ...ids: bigint[]
  ): Promise<Result> {
    const [address, abi] = contract === 'oracle' ? [this.#oracle, oracleAbi] : [this.#game, gameAbi];
    const { fragment, selector } = SELECTORS[contract].get(name)!;
    const data = concat([selector, ...ids.map((id) => toBeHex(id, 32))]);
    const answer = await this.#call(rpc, at, address, data);
    if (answer === '0x')
      throw new NodeFailure(
        'malformed',
        `the Ethereum node has no state of block ${at.number}: it answers nothing for ${name} of ${address}`,
      );
    return abi.decodeFunctionResult(fragment, answer);
  }

  async counts(rpc: Rpc, at: Header): Promise<Counts> {
    const [[requests], [disputes]] = await Promise.all([
      this.#read(rpc, at, 'oracle', 'requestCount'),
      this.#read(rpc, at, 'game', 'disputeCount'),
    ]);
    for (const count of [requests, disputes]) {
      if (count < MOST_IDS) continue;
      throw new NodeFailure(
        'malformed',
        `the Ethereum node says that there are ${requests} requests and ${disputes} disputes at block ${at.number}, which cannot be`,
      );
    }
    return { requests, disputes };
  }

  /** Reads the state of a request, its claims and its disputes. */
  async facts(rpc: Rpc, at: Header, one: Case): Promise<Facts> {
    const { requestId } = one.request;
    const claimIds = unsettled(one).map(({ claimId }) => claimId);
    const disputeIds = running(one).map(({ disputeId }) => disputeId);
    const of = <T>(
      ids: readonly bigint[],
      contract: 'oracle' | 'game',
      name: string,
    ): Promise<Map<bigint, T>> =>
      Promise.all(
        ids.map(async (id) => [id, (await this.#read(rpc, at, contract, name, id))[0] as T] as const),
      ).then((entries) => new Map(entries));
    const [[hash], [progress], claimStates, traceRoots, stateHashes] = await Promise.all([
      this.#read(rpc, at, 'oracle', 'requestHash', requestId),
      this.#read(rpc, at, 'oracle', 'progress', requestId),
      of<ClaimState>(claimIds, 'oracle', 'claims'),
      of<Hex>(claimIds, 'game', 'traceOf'),
      of<Hex>(disputeIds, 'game', 'disputes'),
    ]);
    return {
      requestHash: hash,
      requestStatus: progress.status,
      callback: progress.callback,
      feeHeld: progress.feeHeld,
      claims: progress.claims,
      openClaims: progress.openClaims,
      ...{ claimStates, traceRoots, stateHashes },
    };
  }
}

export const ZERO_HASH = `0x${'00'.repeat(32)}`;

const callbackIn = (code: bigint): RequestRecord['callback'] =>
  code === CALLBACK_STATUS.done ? 'done' : code === CALLBACK_STATUS.failed ? 'failed' : 'notRun';

/** Whether the records of a case are what the contracts say at the same block. */
export function agrees(one: Case, facts: Facts): boolean {
  const { request, claims } = one;
  const open = [...claims.values()].filter(({ status }) => status === 'open');
  const disputes = running(one);
  return (
    facts.requestHash === requestHash(request.request) &&
    facts.requestStatus === REQUEST_STATUS[request.status] &&
    callbackIn(facts.callback) === request.callback &&
    facts.feeHeld === request.feeHeld &&
    facts.claims === BigInt(claims.size) &&
    facts.openClaims === BigInt(open.length) &&
    unsettled(one).every(({ claimId, claimant, claimedAt, status, traceRoot = ZERO_HASH }) => {
      const state = facts.claimStates.get(claimId);
      const about = disputes.filter(({ claim }) => claim.claimId === claimId);
      return (
        state?.status === CLAIM_STATUS[status] &&
        state.claimant === claimant &&
        // Not every node says the time of a block with its logs, so it may not be known yet.
        (claimedAt === 0n || state.claimedAt === claimedAt) &&
        state.openDisputes === BigInt(about.length) &&
        facts.traceRoots.get(claimId) === traceRoot
      );
    }) &&
    disputes.every(
      ({ disputeId, dispute, subject }) => facts.stateHashes.get(disputeId) === stateHash(dispute, subject),
    )
  );
}
