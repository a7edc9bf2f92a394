/** Kind of failure of an exchange with a node that brought no answer. */
export type FailureKind =
  | 'timeout'
  | 'unreachable'
  | 'rate'
  | 'server'
  | 'malformed'
  /** Its answer is longer than any that is read. */
  | 'size'
  /** It takes no batches, or shorter ones only. */
  | 'batch'
  | 'wrongChain';

/** A node that did not answer. The message is one line and names the node. */
export class NodeFailure extends Error {
  override name = 'NodeFailure';
  readonly kind: FailureKind;
  /** Pause that the node asked for (Retry-After), ms. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: FailureKind,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number | undefined } = {},
  ) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** ethers' name for one line about an error; what explains errors looks for it. */
  get shortMessage(): string {
    return this.message;
  }
}

/** Codes of a connection that failed, from ethers and from Node; a node that answered gives others. */
const CONNECTION = /^(NETWORK_ERROR|TIMEOUT|SERVER_ERROR|E[A-Z]{2,}|UND_ERR_\w+)$/;

/** Whether a request failed because no node answered it. */
export const isUnanswered = (failure: unknown): boolean =>
  failure instanceof NodeFailure || CONNECTION.test(`${(failure as { code?: unknown } | undefined)?.code}`);

/** Whether a node says, in the words of any client, that it has the transaction that it was sent. */
export const isKnownTransaction = (words: string): boolean =>
  /already[ _]?(known|imported|exists)|known transaction/i.test(words);

/** An error that a node answers, by JSON-RPC 2.0, section 5.1. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

const isRpcError = (value: unknown): value is RpcError =>
  typeof value === 'object' &&
  value !== null &&
  'message' in value &&
  typeof value.message === 'string' &&
  'code' in value;

/** Finds the node's own error, wherever a client library put it; undefined if the node did not answer. */
export function rpcErrorIn(failure: unknown, depth = 0): RpcError | undefined {
  if (failure instanceof NodeFailure || typeof failure !== 'object' || failure === null || depth > 4)
    return undefined;
  const { error, info, cause } = failure as { error?: unknown; info?: unknown; cause?: unknown };
  if (isRpcError(error)) return error;
  // Hardhat's own provider throws the answer itself.
  if (isRpcError(failure) && typeof failure.code === 'number') return failure;
  return rpcErrorIn(info, depth + 1) ?? rpcErrorIn(error, depth + 1) ?? rpcErrorIn(cause, depth + 1);
}

/** The error that an answer carries, if it is one. Some nodes write a text in its place, or `null` where there is none. */
export function refusalOf(answer: unknown): RpcError | undefined {
  const { error = null } = (answer ?? {}) as { error?: unknown };
  if (error === null || isRpcError(error)) return error ?? undefined;
  const { code, message, data } = error as Partial<Record<keyof RpcError, unknown>>;
  const words = [message, error].find((one) => typeof one === 'string') ?? JSON.stringify(error);
  return { code: typeof code === 'number' ? code : 0, message: `${words}`, data };
}

/** An answer as JSON-RPC has it, with an error of its form or none. */
export function regular(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null || !('error' in answer)) return answer;
  const { error: _, ...rest } = answer;
  const error = refusalOf(answer);
  return error ? { ...rest, error } : rest;
}

/** Pause that a node names in the data of an error, ms. */
export function restIn({ data }: RpcError): number | undefined {
  const seconds = (data as { rate?: { backoff_seconds?: unknown } } | undefined)?.rate?.backoff_seconds;
  return typeof seconds === 'number' ? seconds * 1000 : undefined;
}

/** Nodes count requests, credits or compute units; whatever the words, it has nothing to do with this request. */
export const isRateLimit = ({ code, message }: RpcError): boolean =>
  code === 429 ||
  code === -32097 ||
  /too many requests|rate.?limit|request limit|requests per|per second|compute units|credits|quota|throughput|capacity/i.test(
    message,
  );

/** Whether a node says that it lacks the method, or blocks this use of it. */
export const isUnsupported = ({ code, message }: RpcError): boolean =>
  code === -32601 || /does not exist|not supported|unsupported|not available|unknown method/i.test(message);

/** EIP-1474, "Resource not found". */
const RESOURCE_NOT_FOUND = -32001;

/** Whether a node says that it does not have a block, or its state, yet or any more, such as after a reorganisation. */
export const isUnknownBlock = ({ code, message }: RpcError): boolean =>
  code === RESOURCE_NOT_FOUND ||
  /unknown block|block not found|header not found|beyond|after last|in the future|greater than|not yet|missing trie/i.test(
    message,
  );

/** Whether a node says that it has no state of a block, which it may have itself. */
export const isMissingState = ({ message }: RpcError): boolean => /missing trie|\bstate\b/i.test(message);

/** Blocks that a node names as its limit when it refuses a range of logs, such as "limited to 2,000 blocks". */
export function allowedRange(message: string): number | undefined {
  const between =
    /(0x[0-9a-f]+)\s*(?:,|-|to|\.\.)\s*(0x[0-9a-f]+)/i.exec(message) ??
    /range (\d+)\s*-\s*(\d+)/i.exec(message);
  if (between) return Number(between[2]) - Number(between[1]) + 1;
  const limit = /(?:limit(?:ed)?|max(?:imum)?|up to|allowed|exceeds?)\D{0,40}?([\d,_]+)\s*(k)?\b/i.exec(
    message,
  );
  if (
    !limit ||
    /result|log|record|event|response|size|byte|mb/i.test(message.replace(/eth_getLogs|getLogs/g, ''))
  )
    return undefined;
  const blocks = Number((limit[1] as string).replace(/[,_]/g, '')) * (limit[2] ? 1000 : 1);
  return blocks >= 1 ? blocks : undefined;
}
