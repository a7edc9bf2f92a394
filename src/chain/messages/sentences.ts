import { formatEther } from 'ethers';
import { type CALLBACK_STATUS, CLAIM_STATUS, REQUEST_STATUS } from '../contracts/status.ts';

/** Values of an error; only the error's own sentence knows their types. */
export type ErrorArguments = readonly [never, never, never, never];
type Sentence = (args: ErrorArguments) => string;

const ether = (wei: bigint): string => `${formatEther(wei)} ether`;
/** The last second of JavaScript's calendar (ECMA-262, Time Values and Time Range). */
const LAST_SECOND = 8_640_000_000_000n;
const time = (seconds: bigint): string =>
  seconds > LAST_SECOND
    ? `second ${seconds}`
    : new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');
const short = (hash: string): string => `${hash.slice(0, 10)}…`;
const [, ...claimNames] = Object.keys(CLAIM_STATUS);
const [, ...requestNames] = Object.keys(REQUEST_STATUS);
const CLAIMS = ['unknown', ...claimNames];
const REQUESTS = ['unknown', ...requestNames];
const CALLBACKS = Object.values({
  none: 'it wants none, or has no answer yet',
  waiting: 'it waits',
  failed: 'it failed',
  done: 'it has succeeded already',
} satisfies Record<keyof typeof CALLBACK_STATUS, string>);
const NODE_KIND = ['no node', 'an input', 'a constant', 'a loop'];
const PHASES = [
  'no move',
  "the claimant's trace root",
  'the next levels of the trace',
  'the first wrong part of the trace',
  'the tensors of the disputed block',
  'the first wrong node',
  'the next levels of the tensor',
  'the first wrong hash of the tensor',
  'the disputed chunk',
  'the first wrong element',
  'accumulators',
  'the first wrong interval',
  'the demanded node',
];

/** One clear sentence for each error of the contracts, from the values that it carries. */
export const SENTENCES: Readonly<Record<string, Sentence>> = {
  // every constructor
  OpcodeMissing: () =>
    'the chain lacks an opcode that these contracts use; deploy those without CLZ, as `assay deploy` does by itself',
  // InferenceOracle
  TermOutOfBounds: ([term, value, min, max]) => `the term ${term} is ${value}, allowed are ${min} to ${max}`,
  BoundsUnsafe: ([term]) =>
    `the bounds on ${term} allow nothing, or terms that are not safe; check the least and the greatest`,
  ChallengeBondTooHigh: ([bond, most]) =>
    `the challenge bond of ${bond} wei is above half of the claim bond, ${most} wei, which is what a challenger can win`,
  CallbackFeeWithoutGas: ([fee]) =>
    `a callback fee of ${fee} wei is offered for a callback without gas; set the gas, or no fee`,
  AnswersNeedBytes: ([id]) =>
    `model ${id} checks answers that claims supply, so it cannot be answered by root; ask for bytes`,
  NotCurrency: ([address]) => `${address} is no token: there is no contract at it`,
  PaymentMismatch: ([expected, given]) =>
    `${ether(expected)} must be sent along exactly, ${ether(given)} was sent`,
  PaymentRefused: ([token, from, wei]) =>
    `the token ${token} does not take ${wei} from ${from}; check its balance and its allowance to the receiver`,
  PaymentInexact: ([token, expected, received]) =>
    `the token ${token} moved ${received} where ${expected} were due; tokens that take a fee cannot be used here`,
  RequestMismatch: ([id]) =>
    `what was handed over is not request ${id}; read it again, the chain may have changed`,
  RequestNotOpen: ([id, status]) => `request ${id} is ${REQUESTS[Number(status)]}, so it takes no claim`,
  NotProvider: ([id, provider]) => `request ${id} may be answered by ${provider} only`,
  WrongAnswerForm: ([id, byRoot]) =>
    byRoot
      ? `request ${id} wants its answer by root, not as bytes`
      : `request ${id} wants its answer as bytes, not by root`,
  AnswerTooLong: ([bytes, limit]) =>
    `an answer of ${bytes} bytes does not fit a transaction, ${limit} do; ask for it by root`,
  OutputAlreadyClaimed: ([claim]) => `this account has claimed this very output with claim ${claim} already`,
  OutputMismatch: ([claim]) =>
    `claim ${claim} has another output, or there is none; the chain may have changed`,
  ClaimNotOpen: ([claim, status]) => `claim ${claim} is ${CLAIMS[Number(status)]}, not open`,
  ClaimNotFalsified: ([claim, status]) => `claim ${claim} is ${CLAIMS[Number(status)]}, not falsified`,
  WindowPassed: ([claim, last]) => `claim ${claim} could be challenged until ${time(last)}; that is over`,
  WindowOpen: ([claim, last]) => `claim ${claim} can be challenged until ${time(last)}; wait for that`,
  DisputesOpen: ([claim, count]) =>
    Number(count) === 1
      ? `a dispute on claim ${claim} is still open; wait for its end`
      : `${count} disputes on claim ${claim} are still open; wait for their end`,
  NoVerifier: ([id]) => `request ${id} names no verifier; its claims wait for their windows`,
  NotProven: ([id, verifier]) => `the verifier ${verifier} of request ${id} does not accept the proof`,
  FeeNotHeld: ([id]) => `request ${id} holds no fee: it was paid already, or there is none`,
  FeeAwaitsClaim: ([id, claim]) =>
    `the fee of request ${id} goes to claim ${claim} unless that is falsified; wait for its end`,
  CallbackNotDue: ([id, status]) => `request ${id} has no callback to run: ${CALLBACKS[Number(status)]}`,
  InsufficientCallbackGas: ([required, available]) =>
    `the callback was promised its gas: ${required} are needed at that point, ${available} were left; send more`,
  NotResult: ([id]) => `what was handed over is not the answer of request ${id}`,
  NotFinal: ([id]) => `request ${id} has no final answer yet`,
  OutputNotStored: ([id]) =>
    `the answer of request ${id} is not kept on chain; check what you are given with isResult`,
  NotRequester: ([id, requester]) => `only ${requester} can cancel request ${id}`,
  PatienceLasts: ([id, last]) => `request ${id} cannot be cancelled before ${time(last)}`,
  ClaimsOpen: ([id, count]) =>
    Number(count) === 1
      ? `request ${id} is closed, and a claim on it is open; cancel it when that has ended`
      : `request ${id} is closed, and ${count} claims on it are open; cancel it when they have ended`,
  NotGame: () => 'only the dispute game may call this',
  NothingOwed: ([account]) => `nothing is owed to ${account}`,
  WithdrawalRefused: ([to, wei]) => `${wei} wei could not be sent to ${to}; withdraw to another address`,
  // DisputeGame
  NotOracle: () => 'only the oracle opens disputes; challenge the claim there',
  NoDispute: ([id]) => `dispute ${id} has ended or was never opened`,
  StateMismatch: ([id]) => `dispute ${id} has moved on, or this move answers another state; read it again`,
  NotMover: ([mover]) => `it is the turn of ${mover}`,
  WrongPhase: ([phase]) => `the dispute waits for ${PHASES[Number(phase)] ?? 'another move'}`,
  ClockRanOut: ([last]) => `the time for this move ran out at ${time(last)}`,
  ClockRuns: ([last]) => `the other side can still move until ${time(last)}`,
  TraceAlreadyCommitted: ([claim]) => `the trace of claim ${claim} is fixed already; reveal from it instead`,
  TraceNotCommitted: ([claim]) => `the trace of claim ${claim} is not fixed yet; commit to it first`,
  TraceRootMismatch: ([expected]) =>
    `these hashes do not combine to the claim's trace root ${short(expected)}`,
  OutputNotInTrace: ([output]) => `output ${output} is not the tensor that the trace has for its node`,
  OutputNotClaimed: ([claim]) => `these are not the tensors that claim ${claim} supplied`,
  NotAccepted: ([claim]) => `the program does not accept the answers of claim ${claim}: its output is not 1`,
  LengthMismatch: ([expected, given]) => `a list has ${given} entries, it must have ${expected}`,
  IndexOutOfRange: ([index, count]) => `index ${index} is outside of the ${count} to choose from`,
  WrongDepth: ([depth]) =>
    `the pick is ${depth} levels above the bottom of the tree, which this move is not for`,
  DescriptorMismatch: ([expected]) =>
    `the node handed over is not the one under ${short(expected)} in the program`,
  SingleBlock: () => 'the program is one block, whose trace commits to every tensor; no mark can be wrong',
  WrongKind: ([kind]) =>
    `the disputed node is ${NODE_KIND[Number(kind)] ?? 'of another kind'}; this move is not for it`,
  InputsMismatch: ([expected]) =>
    `these are not the inputs that the request commits to with ${short(expected)}`,
  NothingWrong: ([value]) => `what was to be shown false is right: both sides have ${short(value)}`,
  IntervalTooLong: ([steps, grain]) =>
    `the interval has ${steps} steps, one check runs ${grain} at most; name it instead`,
  IntervalShort: ([steps, grain]) =>
    `the interval has ${steps} steps of at most ${grain}; prove it instead of naming it`,
  AlreadyDemanded: () => 'a node was demanded in this dispute already, and one is all',
  DescriptorTooLong: ([length, limit]) =>
    `the node has ${length} bytes, a well-formed one has ${limit} at most`,
  OpenedNow: ([at]) =>
    `the dispute was opened at ${time(at)}; a proof of malformedness comes in a later second than that`,
  WellFormed: ([node]) => `node ${node} is well-formed, so nothing is proven against the program`,
  // ModelRegistry
  UnknownModel: ([id]) => `model ${id} is not published here`,
  InputLengthMismatch: ([expected, given]) => `the input has ${given} bytes, the model takes ${expected}`,
  OutputLengthMismatch: ([expected, given]) => `the output has ${given} bytes, the model gives ${expected}`,
  NodeCountOutOfBounds: ([count, limit]) =>
    `a program of ${count} nodes is outside of the allowed 1 to ${limit}`,
  TensorCountOutOfBounds: ([inputs, outputs, limit]) =>
    `${inputs} inputs and ${outputs} outputs are outside of what a model may have (1 output at least, ${limit} of each at most)`,
  AnswerCountOutOfBounds: ([answers, limit]) => `${answers} answers are more than the allowed ${limit}`,
  AcceptNotScalar: ([outputs, bytes]) =>
    `a model with answers has one output of 1 or 4 bytes, this one has ${outputs}${Number(outputs) === 1 ? ` of ${bytes} bytes` : ''}`,
  AnswersTooLarge: ([bytes, limit]) => `the answers have ${bytes} bytes, a claim carries ${limit} at most`,
  FirstAnswerTooLarge: ([outputs, bytes, limit]) =>
    `proofs of ${outputs} outputs take ${bytes} bytes, a claimant's first answer has ${limit} at most; use fewer outputs`,
  RootCountMismatch: ([expected, given]) =>
    `${given} roots were given, the model has ${expected} tensors there`,
  TensorRefOutOfBounds: ([node, bytes]) => `no input or output can be node ${node} with ${bytes} bytes`,
};
