/**
 * The JSON that the server of the explorer gives. Amounts are in the smallest unit of the currency and, like ids, decimal
 * strings; times are Unix seconds. A page trusts none of it: whatever decides is checked against the chain and its roots.
 */

/** An event stream says that a look at the chain has changed something. */
export interface LookNews {
  /** Counts looks that changed something since the server started. */
  readonly look: number;
  readonly block: BlockJson;
  /** Requests whose records have changed, at most {@link MOST_NEWS}; more of them are left out. */
  readonly requests: readonly string[];
}

export const MOST_NEWS = 100;
export const MOST_ROOTS = 64;

export interface BlockJson {
  readonly number: number;
  readonly timestamp: number;
  /** The first block that was read, where older ones were left out; null for all. */
  readonly since: number | null;
}

export interface CurrencyJson {
  /** Address of the token; null for ether. */
  readonly address: string | null;
  readonly symbol: string;
  readonly decimals: number;
}

/** `GET /api/deployment`. */
export interface DeploymentJson {
  readonly chainId: string;
  readonly oracle: string;
  readonly game: string;
  readonly registry: string;
  readonly referee: string;
  readonly currency: CurrencyJson;
}

export type RequestStatus = 'open' | 'closed' | 'answered' | 'cancelled';
export type ClaimStatus = 'open' | 'final' | 'falsified';
export type Side = 'claimant' | 'challenger';

export interface TermsJson {
  readonly claimBondWei: string;
  readonly challengeBondWei: string;
  readonly windowSeconds: number;
  readonly clockSeconds: number;
  readonly patienceSeconds: number;
  readonly callbackGas: number;
  readonly callbackFeeWei: string;
  readonly answerByRoot: boolean;
  /** The only account that may answer; null for anybody. */
  readonly provider: string | null;
  /** A contract that may end the window; null for none. */
  readonly verifier: string | null;
}

export interface RequestJson {
  readonly id: string;
  readonly model: string;
  readonly requester: string;
  readonly feeWei: string;
  readonly requestedAt: number;
  readonly status: RequestStatus;
  readonly callback: 'notRun' | 'failed' | 'done';
  readonly feeHeld: boolean;
  /** Commitment to the input. */
  readonly inputs: string;
  /** URI of the input, if it is given by root, and the roots of its tensors, the first {@link MOST_ROOTS}. */
  readonly inputUri: string | null;
  readonly inputRoots: readonly string[] | null;
  readonly terms: TermsJson;
  readonly claims: number;
  readonly falsified: number;
  readonly disputes: number;
  readonly openDisputes: number;
}

export interface ClaimJson {
  readonly id: string;
  readonly request: string;
  /** Counts the claims on a request from 1. */
  readonly number: number;
  readonly claimant: string;
  readonly claimedAt: number;
  /** Last second in which it can be challenged. */
  readonly windowEnd: number;
  readonly status: ClaimStatus;
  readonly bondWei: string;
  /** Commitment to the answer. */
  readonly outputs: string;
  readonly answerUri: string | null;
  readonly traceRoot: string | null;
}

export interface DisputeJson {
  readonly id: string;
  readonly claim: string;
  readonly request: string;
  readonly model: string;
  readonly claimant: string;
  readonly challenger: string;
  readonly claimBondWei: string;
  readonly challengeBondWei: string;
  /** The move that is due, by the phases of `types/Position.sol`; the last phase if it has ended. */
  readonly phase: string;
  readonly node: number | null;
  /** Null once it has ended. */
  readonly turn: TurnJson | null;
  readonly ended: EndJson | null;
  readonly moves: number;
}

export interface TurnJson {
  readonly mover: Side;
  /** Last second in which the mover can move. */
  readonly deadline: number;
  readonly claimantSecondsLeft: number;
  readonly challengerSecondsLeft: number;
  /** Another dispute has falsified the claim, so nobody loses a bond any more. */
  readonly isOvertaken: boolean;
}

export interface EndJson {
  readonly winner: Side;
  readonly reason: string;
  /** Another dispute had falsified the claim: the challenger has its bond back, and nobody won anything. */
  readonly isOvertaken: boolean;
  readonly sentence: string;
}

/** Forecast of an open dispute. */
export interface ForecastJson {
  readonly dispute: string;
  /** The result of running the claim again on the server; unknown where it does not, or lacks model or input. */
  readonly verdict: 'right' | 'wrong' | 'unknown';
  /** The winner if both play right; null if that is not known. */
  readonly ifPlayed: Side | null;
  /** The winner if the mover does nothing more. */
  readonly ifIdle: Side;
  readonly isOvertaken: boolean;
  /** The bond that changes hands; null if none does, or it is not known. */
  readonly loss: {
    readonly loser: string;
    readonly bondWei: string;
    readonly winner: string;
    readonly winsWei: string;
  } | null;
}

/** `GET /api/overview`. */
export interface OverviewJson {
  readonly block: BlockJson;
  readonly counts: {
    readonly requests: number;
    readonly answered: number;
    readonly waiting: number;
    readonly claims: number;
    readonly falsified: number;
    readonly openClaims: number;
    readonly disputes: number;
    readonly openDisputes: number;
    readonly models: number;
  };
  /** Bonds of open claims and disputes. */
  readonly bondsWei: string;
  /** Bonds of falsified claims. */
  readonly slashedWei: string;
  readonly latest: readonly RequestJson[];
  /** Open disputes, the earliest deadline first, and after them some that have ended. */
  readonly disputes: readonly DisputeJson[];
  /** Forecasts of open disputes. */
  readonly forecasts: readonly ForecastJson[];
}

/** `GET /api/requests`, `GET /api/disputes`: newest first. `next` is the `before` of the following page. */
export interface PageJson<Row> {
  readonly block: BlockJson;
  readonly rows: readonly Row[];
  readonly next: string | null;
}

/** `GET /api/requests/ID`. */
export interface RequestPageJson {
  readonly block: BlockJson;
  readonly request: RequestJson;
  /** True if its model may write text, and somebody may say what its tokens mean. */
  readonly isText: boolean;
  /** True if the server gives the program of its model, which says what the bytes of input and answers are. */
  readonly hasProgram: boolean;
  /** Oldest first; the first {@link MOST_ROWS}. */
  readonly claims: readonly ClaimJson[];
  readonly disputes: readonly DisputeJson[];
}

export const MOST_ROWS = 200;

/** `GET /api/disputes/ID`. */
export interface DisputePageJson {
  readonly block: BlockJson;
  readonly dispute: DisputeJson;
  /** Null once it has ended. */
  readonly forecast: ForecastJson | null;
  readonly claim: ClaimJson;
  readonly moves: readonly MoveJson[];
  readonly walk: readonly StepJson[];
  readonly leaf: LeafJson | null;
}

export interface MoveJson {
  readonly transaction: string;
  readonly block: number;
  readonly by: Side | 'anybody';
  readonly sentence: string;
  /** Gas of the whole transaction. */
  readonly gas: number;
  /** Other moves in the same transaction. */
  readonly shared: number;
}

/** One level of the walk: what the claimant showed, and what the challenger picked of it. */
export interface StepJson {
  readonly level: 'trace' | 'block' | 'tensor' | 'chunk' | 'fold';
  /** The unit that a box of this level covers: nodes, chunks, steps. */
  readonly unit: 'nodes' | 'node' | 'chunks' | 'chunk' | 'element' | 'steps';
  /** The first unit of the first box, and the number of units in each box. */
  readonly first: number;
  readonly size: number;
  /** Past the last one that there is. */
  readonly end: number;
  readonly boxes: number;
  /** The box that was picked, once it was. */
  readonly picked: number | null;
  /** Values of the boxes, if they are numbers: of a chunk's elements, or the accumulators that were posted. */
  readonly values: readonly string[] | null;
}

/** The arithmetic that the chain did itself. */
export interface LeafJson {
  readonly node: number;
  readonly element: number;
  /** Fold steps [from, to). */
  readonly from: number;
  readonly to: number;
  readonly dtype: string;
  /** Words as they are, 0x and eight digits, and what they mean. */
  readonly before: WordJson;
  readonly claimed: WordJson;
  /** The word that the referee contract computes when it is asked again; null if the node does not answer. */
  readonly computed: WordJson | null;
  /** Bytes that were opened against the claimant's own commitment. */
  readonly witnessBytes: number;
}

export interface WordJson {
  readonly word: string;
  readonly value: string;
}

/** `GET /api/models/ID`. */
export interface ModelPageJson {
  readonly block: BlockJson;
  readonly id: string;
  readonly programRoot: string;
  readonly nodes: number;
  readonly inputs: readonly TensorJson[];
  readonly outputs: readonly TensorJson[];
  readonly answers: readonly TensorJson[];
  /** Accounts that have published it, the first ones and the latest. */
  readonly publishers: readonly string[];
  /** URIs that its publishers name; not trusted. */
  readonly uris: readonly string[];
  readonly files: FilesJson;
  readonly requests: number;
  readonly latest: readonly RequestJson[];
}

export interface TensorJson {
  readonly node: number;
  readonly bytes: number;
}

/** Whether the server has a model's files; `elsewhere` where there is none to have them. */
export interface FilesJson {
  readonly state: 'here' | 'fetching' | 'failed' | 'not here' | 'elsewhere';
  readonly why: string | null;
}

/** `GET /api/models`. */
export interface ModelRowJson {
  readonly id: string;
  readonly requests: number;
  readonly lastRequest: string;
}

/** `GET /api/accounts/ADDRESS`. */
export interface AccountPageJson {
  readonly block: BlockJson;
  readonly address: string;
  readonly owedWei: string;
  readonly bondsWei: string;
  /** Disputes that have ended, without those that were overtaken. */
  readonly disputesWon: number;
  readonly disputesLost: number;
  readonly claims: readonly ClaimJson[];
  readonly disputes: readonly DisputeJson[];
  readonly requests: readonly RequestJson[];
}

/** Every answer that is no success. */
export interface ErrorJson {
  readonly error: string;
}
