import type { Log, LogDescription, Result } from 'ethers';
import { decodePosition, type Position } from '../dispute/position.ts';
import { REASONS, type Reason } from '../dispute/rules.ts';
import { type DisputeView, follow, openedView, type Update, withTraceRoot } from '../dispute/view.ts';
import { bytesOfHex } from '../merkle/keccak.ts';
import type { Contracts } from './contracts.ts';
import { readLogs } from './logs.ts';
import { type Address, type Dispute, type Hex, type Request, requestOf } from './types.ts';

/** Tensors as somebody gave them on chain: their bytes, one after the other, or their roots and where bytes may be. */
export type Tensors =
  | { readonly kind: 'bytes'; readonly bytes: Hex }
  | { readonly kind: 'roots'; readonly roots: readonly Hex[]; readonly uri: string };

export interface RequestRecord {
  readonly requestId: bigint;
  readonly request: Request;
  readonly input: Tensors;
  /** Closed: it takes no claims any more, but is not decided. */
  status: 'open' | 'closed' | 'answered' | 'cancelled';
  /** Whether the callback ran: not yet, without success, or with it. */
  callback: 'notRun' | 'failed' | 'done';
}

export interface ClaimRecord {
  readonly claimId: bigint;
  readonly claimant: Address;
  /** Commitment to the output. */
  readonly outputs: Hex;
  readonly answer: Tensors;
  /** Unix seconds. */
  readonly claimedAt: bigint;
  readonly request: RequestRecord;
  status: 'open' | 'final' | 'falsified';
  /** Root of the claimant's trace, once it is fixed. */
  traceRoot: Hex | undefined;
}

export interface DisputeRecord {
  readonly disputeId: bigint;
  readonly claim: ClaimRecord;
  readonly challenger: Address;
  dispute: Dispute;
  /** The hash that the next move argues about. */
  subject: Hex;
  /** What both sides see of it. */
  view: DisputeView;
  /** Transactions that moved it, oldest first. */
  readonly moves: Hex[];
  ended: { readonly winner: Address; readonly reason: Reason } | undefined;
}

/** Everything that happened on one deployment, up to one block. */
export interface World {
  readonly block: { readonly number: number; readonly hash: Hex; readonly timestamp: bigint };
  readonly requests: ReadonlyMap<bigint, RequestRecord>;
  readonly claims: ReadonlyMap<bigint, ClaimRecord>;
  readonly disputes: ReadonlyMap<bigint, DisputeRecord>;
}

/** What events make of a request. */
const REQUEST_STATUS = { Answered: 'answered', Cancelled: 'cancelled', Closed: 'closed' } as const;

const ZERO_HASH = `0x${'00'.repeat(32)}`;

/** Ethers hands structs out as arrays with names; this keeps the names. */
const plain = <T>(struct: unknown): T => (struct as { toObject(deep: true): T }).toObject(true);

/** The last arguments of an event: bytes, or roots and where the bytes are said to be. */
const tensorsIn = ([tensors, uri]: readonly unknown[]): Tensors =>
  typeof tensors === 'string'
    ? { kind: 'bytes', bytes: tensors }
    : { kind: 'roots', roots: [...(tensors as Iterable<Hex>)], uri: uri as string };

/** An event of a dispute as its parties see it. */
function updateOf(kind: string, position: Position, args: Result): Update | undefined {
  switch (kind) {
    case 'Revealed':
      return { kind, position, hashes: [...args['hashes']].map(bytesOfHex) };
    case 'Picked':
      return { kind, position };
    case 'NodeOpened':
      return { kind, position, descriptor: bytesOfHex(args['descriptor']) };
    case 'ChunkRevealed':
      return { kind, position, chunk: bytesOfHex(args['chunk']) };
    case 'AccumulatorsPosted':
      return { kind, position, words: bytesOfHex(args['words']) };
    default:
      return undefined;
  }
}

/**
 * Reads the events of a deployment. What it keeps is a cache: if the chain was reorganised below the last block that
 * it read, or the node has fallen behind it, everything is read again.
 */
export class History {
  readonly #contracts: Contracts;
  readonly #fromBlock: number;
  #block: World['block'] | undefined;
  #requests = new Map<bigint, RequestRecord>();
  #claims = new Map<bigint, ClaimRecord>();
  #disputes = new Map<bigint, DisputeRecord>();

  /** @param fromBlock the block in which the oracle was deployed, or any earlier one */
  constructor(contracts: Contracts, fromBlock = 0) {
    this.#contracts = contracts;
    this.#fromBlock = fromBlock;
  }

  /** Reads what is new and returns the whole. */
  async update(): Promise<World> {
    const { provider, oracle, game } = this.#contracts;
    const latest = await provider.getBlock('latest');
    if (!latest?.hash) throw new Error('the node knows no latest block');
    if (!(await this.#isStill(latest.number))) this.#forget();
    const from = this.#block ? this.#block.number + 1 : this.#fromBlock;
    const address = [await oracle.getAddress(), await game.getAddress()];
    for (const log of await readLogs(provider, { address }, from, latest.number)) await this.#apply(log);
    this.#block = { number: latest.number, hash: latest.hash, timestamp: BigInt(latest.timestamp) };
    return {
      block: this.#block,
      requests: this.#requests,
      claims: this.#claims,
      disputes: this.#disputes,
    };
  }

  async #isStill(latest: number): Promise<boolean> {
    if (!this.#block) return true;
    if (latest < this.#block.number) return false;
    const block = await this.#contracts.provider.getBlock(this.#block.number);
    return block?.hash === this.#block.hash;
  }

  #forget(): void {
    this.#block = undefined;
    this.#requests = new Map();
    this.#claims = new Map();
    this.#disputes = new Map();
  }

  async #apply(log: Log): Promise<void> {
    const { oracle, game } = this.#contracts;
    if (log.address === (await oracle.getAddress())) await this.#applyOracle(log);
    else if (log.address === (await game.getAddress())) this.#applyGame(log);
  }

  async #applyOracle(log: Log): Promise<void> {
    const event = this.#contracts.oracle.interface.parseLog(log);
    const args = event?.args;
    if (!args) return;
    if (event.name === 'Requested' || event.name === 'RequestedByRoot') {
      const [requestId, , , request, ...input] = args;
      const fresh = { status: 'open', callback: 'notRun' } as const;
      this.#requests.set(requestId, {
        requestId,
        request: plain(request),
        input: tensorsIn(input),
        ...fresh,
      });
    } else if (event.name === 'Claimed' || event.name === 'ClaimedByRoot') {
      const [claimId, claimant, outputs, ...given] = args;
      const request = this.#requests.get(requestOf(claimId));
      const block = await this.#contracts.provider.getBlock(log.blockNumber);
      if (!request || !block)
        throw new Error(`claim ${claimId} is on the chain, its request or block is not`);
      const claimedAt = BigInt(block.timestamp);
      const fresh = { status: 'open', traceRoot: undefined } as const;
      const answer = tensorsIn(given);
      this.#claims.set(claimId, { claimId, claimant, outputs, answer, claimedAt, request, ...fresh });
    } else if (event.name === 'ClaimFalsified') {
      this.#claim(args['claimId']).status = 'falsified';
    } else if (event.name === 'ClaimFinalized') {
      this.#claim(args['claimId']).status = 'final';
    } else if (event.name in REQUEST_STATUS) {
      const request = this.#requests.get(args['requestId']);
      if (request) request.status = REQUEST_STATUS[event.name as keyof typeof REQUEST_STATUS];
    } else if (event.name === 'CallbackRun' || event.name === 'CallbackFailed') {
      const request = this.#requests.get(args['requestId']);
      if (request) request.callback = event.name === 'CallbackRun' ? 'done' : 'failed';
    }
  }

  #applyGame(log: Log): void {
    const event = this.#contracts.game.interface.parseLog(log);
    const args = event?.args;
    if (!args) return;
    if (event.name === 'Opened') {
      const { disputeId, claimId, challenger, dispute } = args;
      const claim = this.#claim(claimId);
      this.#disputes.set(disputeId, {
        disputeId,
        claim,
        challenger,
        dispute: plain(dispute),
        subject: ZERO_HASH,
        view: openedView(claim.traceRoot ? bytesOfHex(claim.traceRoot) : undefined),
        moves: [log.transactionHash],
        ended: undefined,
      });
    } else if (event.name === 'TraceCommitted') {
      this.#fixTrace(this.#claim(args['claimId']), args['traceRoot']);
    } else {
      const record = this.#disputes.get(args['disputeId']);
      if (record) this.#advance(record, event, log.transactionHash);
    }
  }

  /** One root for all disputes on a claim, those that wait for it included. */
  #fixTrace(claim: ClaimRecord, traceRoot: Hex): void {
    claim.traceRoot = traceRoot;
    for (const dispute of this.#disputes.values()) {
      if (dispute.claim === claim) dispute.view = withTraceRoot(dispute.view, bytesOfHex(traceRoot));
    }
  }

  #advance(record: DisputeRecord, { name, args }: LogDescription, transaction: Hex): void {
    if (record.moves.at(-1) !== transaction) record.moves.push(transaction);
    if (name === 'Ended') {
      record.ended = { winner: args['winner'], reason: REASONS[Number(args['reason'])] as Reason };
      return;
    }
    record.dispute = plain(args['dispute']);
    record.subject = args['subject'];
    const update = updateOf(name, decodePosition(record.dispute.position), args);
    if (update) record.view = follow(record.view, update);
  }

  #claim(claimId: bigint): ClaimRecord {
    const claim = this.#claims.get(claimId);
    if (!claim) throw new Error(`the chain tells of claim ${claimId} before it was made`);
    return claim;
  }
}
