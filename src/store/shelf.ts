import type { MalformedProgram } from '../dispute/malformed.ts';
import type { Session } from '../engine/engine.ts';
import { bytesOfHex, hexOf } from '../merkle/keccak.ts';
import {
  commitInput,
  commitOutput,
  type Model,
  splitTensors,
  suppliedRefs,
  totalBytes,
} from '../merkle/model.ts';
import { concat } from '../merkle/tree.ts';
import { validate } from '../program/validate.ts';
import { commitmentOf } from '../trace/commitment.ts';
import type { Commitment, Trace } from '../trace/trace.ts';
import { Latest } from './latest.ts';
import { outputBytes, type PlayTime, type Runner, type RunOptions } from './runner.ts';

/** The tensors that a run reads to check an answer: the inputs, then the answers. */
const withAnswers = (input: string, answers: string): string => `${input}${answers.slice(2)}`;

/** The outputs of a claim, as far as they are known: their bytes, or roots alone. */
export type SuppliedTensors = { readonly kind: 'bytes'; readonly bytes: string } | { readonly kind: 'roots' };

/**
 * The run about which a claim is, as a player of a dispute asks for it.
 *
 * @param modelId of a model that is held
 * @param input gets all input tensors, `0x…`
 * @param supplied what the claim supplies; bytes if the model checks answers
 * @param options how urgent it is
 */
export function runOf(
  runner: Runner,
  modelId: string,
  input: () => Promise<string>,
  supplied: SuppliedTensors,
  options?: RunOptions,
) {
  const checks = (runner.model(modelId)?.answers.length ?? 0) > 0;
  const read = async (): Promise<string> =>
    checks && supplied.kind === 'bytes' ? withAnswers(await input(), supplied.bytes) : input();
  return {
    commitment: async (): Promise<Commitment> => runner.commitment(modelId, await read(), options),
    trace: async (): Promise<Trace> => runner.trace(modelId, await read(), options),
    playTime: async (): Promise<PlayTime | undefined> => runner.playTime?.(modelId, await read(), options),
  };
}

export interface Held {
  readonly model: Model;
  readonly session: Session;
}

/** No-op progress callback: a run that has one yields to the event loop, so that signals and a node's answers are handled. */
const noProgress = (): void => undefined;

/** Bytes of the traces, of the commitments and of the outputs that are kept. */
const TRACE_BYTES = 2 ** 30;
const COMMITMENT_BYTES = 2 ** 26;
const OUTPUT_BYTES = 2 ** 24;

/**
 * Bytes of a trace: the tensors of its run, and as much as a quarter of that for the hash trees. Its model's constants are
 * no part of it: all traces of the model share them.
 */
export const traceBytes = ({ model, tensors }: Trace): number =>
  1.25 * totalBytes(tensors.filter((_, node) => model.program.nodes[node]!.kind !== 'constant'));

/** Bytes of a commitment: two hashes a node. */
export const commitmentBytes = ({ model }: Commitment): number => 64 * model.program.nodes.length;

/** Models held in memory, and the traces of the latest runs. */
export class Shelf implements Runner {
  readonly #held = new Map<string, Held>();
  readonly #malformed = new Map<string, MalformedProgram>();
  readonly #traces = new Latest<Trace>(TRACE_BYTES, traceBytes);
  readonly #outputs = new Latest<string>(OUTPUT_BYTES, ({ length }) => length);
  readonly #commitments = new Latest<Commitment>(COMMITMENT_BYTES, commitmentBytes);
  readonly #traceOf: (model: Model, tensors: readonly Uint8Array[]) => Trace;
  /** A session runs one thing at a time. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(traceOf: (model: Model, tensors: readonly Uint8Array[]) => Trace) {
    this.#traceOf = traceOf;
  }

  /**
   * Puts a model on the shelf and returns its id.
   *
   * @throws RangeError if its program is malformed: see {@link putMalformed}
   */
  put(held: Held): string {
    const [violation] = validate(held.model.program);
    if (violation) throw new RangeError(`the program is malformed: ${violation.message}`);
    const id = hexOf(held.model.id);
    this.#held.set(id, held);
    return id;
  }

  /** Keeps what proves that the program of a model is malformed. */
  putMalformed(modelId: string, program: MalformedProgram): void {
    this.#malformed.set(modelId, program);
  }

  malformed(modelId: string): MalformedProgram | undefined {
    return this.#malformed.get(modelId);
  }

  model(modelId: string): Model | undefined {
    return this.#held.get(modelId)?.model;
  }

  output(modelId: string, input: string): Promise<string> {
    const make = async (): Promise<string> => {
      const outputs = await this.#run(modelId, input, ({ session }, inputs) =>
        session.run(inputs, noProgress),
      );
      return hexOf(concat(outputs.map(({ bytes }) => bytes)));
    };
    return this.#outputs.get(`${modelId}${input}`, make);
  }

  commitment(modelId: string, input: string): Promise<Commitment> {
    const key = `${modelId}${input}`;
    const make = (): Promise<Commitment> =>
      this.#run(modelId, input, async ({ model, session }, inputs) =>
        commitmentOf(model, await session.runCheckpoints(inputs, noProgress)),
      );
    return this.#traces.known(key) ?? this.#commitments.get(key, make);
  }

  trace(modelId: string, input: string): Promise<Trace> {
    const make = (): Promise<Trace> =>
      this.#run(modelId, input, async ({ model, session }, inputs) =>
        this.#traceOf(model, await session.runAll(inputs, noProgress)),
      );
    return this.#traces.get(`${modelId}${input}`, make);
  }

  #get(modelId: string): Held {
    const held = this.#held.get(modelId);
    if (!held) throw new RangeError(`model ${modelId} is not held here`);
    return held;
  }

  async #run<T>(
    modelId: string,
    input: string,
    work: (held: Held, inputs: Uint8Array[]) => Promise<T>,
  ): Promise<T> {
    const held = this.#get(modelId);
    return this.#inTurn(() => work(held, splitTensors(suppliedRefs(held.model), bytesOfHex(input))));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

/** The node's data does not match the commitment on chain, so the node is not to be believed. */
export class CommitmentError extends Error {
  override name = 'CommitmentError';
}

/** The commitments of a request on chain. */
interface Question {
  readonly modelId: string;
  readonly inputs: string;
}

/** An answer that the program does not accept. */
export class AnswerError extends Error {
  override name = 'AnswerError';
}

/**
 * Finds answers to a request on a model that checks them, which the program itself cannot.
 *
 * @param input all input tensors, one after the other, `0x…`
 * @returns all answer tensors, one after the other, `0x…`; undefined if it finds none
 */
export type Solve = (modelId: string, input: string) => Promise<string | undefined>;

/**
 * The model of a request, and its input checked against what the chain commits to.
 *
 * @returns undefined if the model is not held
 * @throws CommitmentError if the input is not the one asked, so that whatever comes of it says nothing
 */
function modelAsked(runner: Runner, { modelId, inputs }: Question, input: string): Model | undefined {
  const model = runner.model(modelId);
  if (!model) return undefined;
  const size = totalBytes(model.inputs);
  const bytes = bytesOfHex(input);
  if (bytes.length !== size || hexOf(commitInput(model, bytes)) !== inputs) {
    throw new CommitmentError(`the node gives an input that ${inputs} does not commit to`);
  }
  return model;
}

/** Whether the program accepts answers: its output, a scalar, is 1. */
async function accepts(
  runner: Runner,
  modelId: string,
  input: string,
  answers: string,
  options: RunOptions,
): Promise<boolean> {
  const accept = await outputBytes(runner, modelId, withAnswers(input, answers), options);
  return accept.every((byte, i) => byte === (i === 0 ? 1 : 0));
}

/**
 * Computes the claim on a request, with its commitment.
 *
 * @param input what a node says was asked
 * @param solve finds the answers of models that check them
 * @param options how urgent it is; the result is meant to be bonded
 * @returns undefined if the model is not held, or if nobody finds answers to it
 * @throws CommitmentError as in {@link modelAsked}
 * @throws AnswerError if what was found is not accepted: a claim of it would be false
 */
export async function answerTo(
  runner: Runner,
  request: Question,
  input: string,
  solve?: Solve,
  options: RunOptions = {},
): Promise<{ readonly output: Uint8Array; readonly outputs: string } | undefined> {
  const { modelId } = request;
  const model = modelAsked(runner, request, input);
  if (!model) return undefined;
  const checks = model.answers.length > 0;
  const bonded = { ...options, isBonded: true };
  if (!checks) {
    const output = await outputBytes(runner, modelId, input, bonded);
    return { output, outputs: hexOf(commitOutput(model, output)) };
  }
  const answers = await solve?.(modelId, input);
  if (answers === undefined) return undefined;
  if (!(await accepts(runner, modelId, input, answers, bonded))) {
    throw new AnswerError(`model ${modelId} does not accept the answer that was found`);
  }
  const output = bytesOfHex(answers);
  return { output, outputs: hexOf(commitOutput(model, output)) };
}

/**
 * Whether a claim is right: what it supplies is what the program computes, or what the program accepts.
 *
 * @param input what a node says was asked
 * @param claim its commitment, and what a node says was claimed
 * @returns undefined if the model is not held
 * @throws CommitmentError if input or answers are not those that the chain commits to
 */
export async function isRight(
  runner: Runner,
  request: Question,
  input: string,
  claim: { readonly outputs: string; readonly answer: SuppliedTensors },
  options: RunOptions = {},
): Promise<boolean | undefined> {
  const model = modelAsked(runner, request, input);
  if (!model) return undefined;
  const holds = (isBonded: boolean): Promise<boolean | undefined> =>
    isComputed(runner, model, request, input, claim, { ...options, isBonded });
  const verdict = await holds(false);
  // A challenge puts up a bond, so a first "wrong" is only a reason to look closer.
  return verdict === false ? holds(true) : verdict;
}

/** @throws CommitmentError if the answers are not those that the chain commits to */
async function isComputed(
  runner: Runner,
  model: Model,
  { modelId }: Question,
  input: string,
  claim: { readonly outputs: string; readonly answer: SuppliedTensors },
  options: RunOptions,
): Promise<boolean | undefined> {
  if (model.answers.length === 0) {
    const output = await outputBytes(runner, modelId, input, options);
    return hexOf(commitOutput(model, output)) === claim.outputs;
  }
  // The contracts take no answers by root.
  if (claim.answer.kind !== 'bytes') return undefined;
  const answers = bytesOfHex(claim.answer.bytes);
  const size = totalBytes(model.answers);
  if (answers.length !== size || hexOf(commitOutput(model, answers)) !== claim.outputs) {
    throw new CommitmentError(`the node gives an answer that ${claim.outputs} does not commit to`);
  }
  return accepts(runner, modelId, input, claim.answer.bytes, options);
}
