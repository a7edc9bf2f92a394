/**
 * Remedies for errors without a sentence in `src/chain/messages/sentences.ts`: errors of contracts beside the protocol,
 * and errors of a leaf, which only a program that plays disputes meets. `File.Name` is an error whose name the protocol has
 * too.
 */
export const REMEDIES: Readonly<Record<string, string>> = {
  // libraries/ and Referee: the last move of a dispute is wrong, and reverts
  OperandOutOfRange: 'Name an operand that the node has.',
  WitnessTooShort: 'Record the witness from the run that is disputed.',
  WitnessTooLong: 'Record the witness from the run that is disputed.',
  TensorNotInTrace: 'Open the tensor from the trace that the claimant committed to.',
  ChunkNotInTensor: "Open the chunk from the tensor that the claimant's trace has.",
  OpcodeUnknown: 'Compile the model for the instruction set of this referee.',
  NotALoop: 'Choose another move: an input or a constant is compared, not run.',
  ElementOutOfRange: 'Use an index below the number of elements.',
  IntervalInvalid: 'Name an interval of the fold, with `from` before `to`.',
  IntervalLongerThanGrain: 'Go on with the dispute until the interval fits a leaf.',
  BytesNotKept: 'Send more gas, or keep fewer bytes than a contract may have as code.',
  // feeds/
  PeriodZero: 'Deploy the feed with a period of at least a second.',
  NoCallback: 'Deploy the feed with terms whose `callbackGas` is above 0.',
  TooEarly: 'Ask for the next round at `nextTimestamp` or later.',
  PurseTooSmall: 'Pay the missing amount into the feed.',
  NoAnswer: 'Read an earlier round, or wait until this one is final.',
  NotARound: 'Give the id of a request that this feed made.',
  NothingEarned: 'Start a round first; what a poker earns can be collected then.',
  // consumers/
  TokenBytesOutOfRange: 'Deploy with the 1 to 4 bytes that a token of the model has.',
  PromptOutOfRange: "Ask with at least one token, and no more than the model's prompts have.",
  NoToken: "Ask with tokens of the model's vocabulary only.",
  'InferenceRequester.NotOracle': 'Let the oracle call back; nobody else may.',
  'InferenceRequester.WrongAnswerForm': 'Set `answerByRoot` in the terms as the base contract needs it.',
  PageCountMismatch: 'Deploy with one hash for each page, as `vocabularyPages` makes them.',
  PageMismatch: 'Add the page whose hash the vocabulary has at that place.',
  PageMissing: 'Add the page; anybody may.',
  TokenUnknown: "Decode tokens of the model's vocabulary only.",
  NotFinite: 'Handle infinities and NaN by reading the bits as an integer.',
  NotReadYet: 'Wait for the final answer.',
  NoSentenceYet: 'Wait for the final text.',
  NotAsker: 'Call it from the account that asked.',
  ChunkLengthMismatch: 'Give 256 bytes; pad the last chunk of a tensor with zeros.',
  ProofLengthMismatch: "Give one hash for each level of the tensor's tree.",
  RootMismatch: 'Prove the chunk of the final answer, at its own place.',
  // testing/
  NotMocked: 'Test claims and disputes against the contracts themselves, on a development chain.',
  // verifiers/
  SignersNotAscending: 'Sort the signers by their address, each once.',
  ThresholdOutOfBounds: 'Choose a threshold between 1 and the number of signers.',
  // adapters/
  AlreadyValidated: 'Read the response that the registry has.',
  NotRequested: 'Have the owner of the agent ask this validator in the registry first.',
  StatementMismatch: 'Hand over the request that the statement names, as it was emitted.',
  NotDecidable: 'Ask for a validation by a model without answers.',
  NotClient: 'Call it from the client of the job.',
  NotEvaluator: 'Create the job with this evaluator.',
  TooLate: 'Name the request before the job is funded.',
  NotProvidersAlone: "Make a request whose terms name the job's provider.",
  NothingNamed: 'Name the request of the job first.',
  NotDecided: 'Wait until the request is answered or cancelled.',
};
