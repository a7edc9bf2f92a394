import type { Session, TensorData } from '../../../engine/engine.ts';
import { hexOf } from '../../../merkle/keccak.ts';
import {
  claimedRefs,
  commitOutput,
  type Model,
  splitTensors,
  suppliedRefs,
  totalBytes,
} from '../../../merkle/model.ts';
import { concat } from '../../../merkle/tree.ts';
import { ELEMENT_BYTES } from '../../../program/node.ts';
import type { ClaimJson, RequestJson } from '../../api.ts';
import { type Call, readClaimOf, readRequestHash, requestHash } from './chain.ts';
import { isAnswer, isInput } from './commitments.ts';
import { chooseEngine } from './engine.ts';
import type { CheckedModel } from './model.ts';
import type { CheckResult, CheckVerdict, ElementValues, Made, News, Order } from './order.ts';
import { valueAt, valuesOf } from './tensorValues.ts';
import { Unavailable } from './unavailable.ts';

/** Sources of a check. None is trusted but `call`, which reads the chain. */
export interface FileSources {
  readonly call: Call;
  model(id: string, progress: (share: number) => void): Promise<CheckedModel>;
  /** @throws Unavailable if it cannot be had */
  input(request: RequestJson, model: Model): Promise<Uint8Array>;
  /** @returns undefined if the claim gives only roots */
  answer(claim: ClaimJson, maxBytes: number): Promise<Uint8Array | undefined>;
}

const valuesOfOutput = (tensor: TensorData, i: number): ElementValues =>
  valuesOf({ ...tensor, name: `output ${i}` });

/** The first element in which a claimed answer is another than the computed one. */
function firstDifference(
  model: Model,
  outputs: readonly TensorData[],
  claimed: Uint8Array,
): string | undefined {
  for (const [i, tensor] of splitTensors(claimedRefs(model), claimed).entries()) {
    const { bytes, dtype } = outputs[i] as TensorData;
    const at = bytes.findIndex((byte, place) => byte !== tensor[place]);
    if (at < 0) continue;
    const element = Math.floor(at / ELEMENT_BYTES[dtype]);
    return `element ${element} of output ${i} is claimed to be ${valueAt(dtype, tensor, element)}, and is ${valueAt(dtype, bytes, element)}`;
  }
  return undefined;
}

/** @throws Unavailable unless the chain says the same of request and claim as the index */
async function confirm(call: Call, order: Order): Promise<void> {
  const { request, oracle } = order;
  if ((await readRequestHash(call, oracle, request.id)) !== requestHash(request))
    throw new Unavailable('the index tells of another request than the chain has');
  if (order.task !== 'check') return;
  const { claim } = order;
  if ((await readClaimOf(call, oracle, claim)) !== BigInt(claim.id))
    throw new Unavailable('the chain does not have this claim, or its claimant has made it again');
}

async function inputOf(sources: FileSources, model: Model, request: RequestJson): Promise<Uint8Array> {
  const input = await sources.input(request, model);
  if (!isInput(model, input, request))
    throw new Unavailable('what was given as the input is not what the request commits to');
  return input;
}

/** The claimed bytes, if they are what the claim commits to. */
async function answerOf(
  sources: FileSources,
  model: Model,
  claim: ClaimJson,
): Promise<Uint8Array | undefined> {
  const answer = await sources.answer(claim, totalBytes(claimedRefs(model)));
  return answer && isAnswer(model, answer, claim) ? answer : undefined;
}

interface Judged {
  readonly verdict: CheckVerdict;
  readonly sentence: string;
  readonly outputs: readonly TensorData[];
}

/** A model without answers: the claim is right if it commits to what the run computes. */
async function judgeOutputs(
  session: Session,
  model: Model,
  input: Uint8Array,
  answer: Uint8Array | undefined,
  claim: ClaimJson,
): Promise<Judged> {
  const outputs = await session.run(splitTensors(suppliedRefs(model), input));
  const computed = hexOf(commitOutput(model, concat(outputs.map(({ bytes }) => bytes))));
  if (computed === claim.outputs)
    return { verdict: 'right', sentence: 'Every bit of the answer is what the model computes.', outputs };
  const difference = answer && firstDifference(model, outputs, answer);
  return {
    verdict: 'wrong',
    sentence: difference
      ? `The first difference: ${difference}.`
      : 'It commits to another answer than the model computes; its bytes are not here.',
    outputs,
  };
}

/** A model that checks answers: the claim is right if the program accepts what it supplies. */
async function judgeAnswer(
  session: Session,
  model: Model,
  input: Uint8Array,
  answer: Uint8Array | undefined,
): Promise<Judged> {
  if (!answer) throw new Unavailable('the answer that the claim commits to is not here');
  const outputs = await session.run(splitTensors(suppliedRefs(model), concat([input, answer])));
  const accepts = outputs[0]?.bytes.every((byte, i) => byte === (i === 0 ? 1 : 0)) ?? false;
  return {
    verdict: accepts ? 'right' : 'wrong',
    sentence: accepts
      ? 'The program of the model accepts the answer.'
      : 'The program does not accept the answer.',
    outputs: [],
  };
}

const seconds = (ms: number): string => (ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`);

type Tell = (text: string, share?: number) => void;

const stepper =
  (tell: (news: News) => void): Tell =>
  (text, share) =>
    tell({ kind: 'step', text, ...(share === undefined ? {} : { share }) });

/** Gets everything that a run needs. @throws Unavailable if something is missing, or is not what the chain commits to */
async function prepare(
  order: Order,
  sources: FileSources,
  step: Tell,
): Promise<CheckedModel & { readonly input: Uint8Array }> {
  const { request } = order;
  step('Asking the chain about request and claim');
  await confirm(sources.call, order);
  step('Getting the model', 0);
  const checked = await sources.model(request.model, (share) =>
    step('Getting the model, checking every byte', share),
  );
  step('Getting input and answer');
  return { ...checked, input: await inputOf(sources, checked.model, request) };
}

const unavailable = (failure: unknown): CheckResult => {
  if (!(failure instanceof Unavailable)) throw failure;
  return { kind: 'finding', verdict: 'unknown', sentence: `${failure.message}.`, facts: [], outputs: [] };
};

/** Makes the answer to a request, of what the chain commits to. @param tell told what is being done */
export async function answer(
  order: Order,
  sources: FileSources,
  tell: (news: News) => void,
): Promise<Made | CheckResult> {
  const step = stepper(tell);
  try {
    const { model, weights, input } = await prepare(order, sources, step);
    if (model.answers.length > 0)
      throw new Unavailable('the model checks answers and makes none; `assay provide` finds one');
    step('Running the model');
    const { engine } = await chooseEngine(order);
    const session = await engine.load(model.program, weights);
    const outputs = await session.run(splitTensors(suppliedRefs(model), input));
    await session.close();
    return {
      kind: 'made',
      bytes: concat(outputs.map(({ bytes }) => bytes)),
      outputs: outputs.map(valuesOfOutput),
    };
  } catch (failure) {
    return unavailable(failure);
  }
}

/**
 * Runs a claim again. It compares the index with the chain, and every byte with the commitments on chain.
 *
 * @param tell told what is being done
 */
export async function check(
  order: Order & { readonly task: 'check' },
  sources: FileSources,
  tell: (news: News) => void,
): Promise<CheckResult> {
  const { request, claim } = order;
  const step = stepper(tell);
  try {
    const started = performance.now();
    const { model, weights, bytes, input } = await prepare(order, sources, step);
    const answer = await answerOf(sources, model, claim);
    step('Running the model');
    const got = performance.now();
    const { engine, processor } = await chooseEngine(order);
    const session = await engine.load(model.program, weights);
    const judged = await (model.answers.length > 0
      ? judgeAnswer(session, model, input, answer)
      : judgeOutputs(session, model, input, answer, claim));
    await session.close();
    return {
      kind: 'finding',
      verdict: judged.verdict,
      sentence: judged.sentence,
      facts: [
        ['model', `${request.model}: ${bytes.toLocaleString('en-US')} bytes, each checked against the id`],
        ['input', `${input.length.toLocaleString('en-US')} bytes, as the request commits to them`],
        ['answer', `commitment ${claim.outputs}, as the oracle ${order.oracle} has it`],
        ['getting the files', seconds(got - started)],
        ['run on', processor()],
        ['compiling and running', seconds(performance.now() - got)],
      ],
      outputs: judged.outputs.map(valuesOfOutput),
    };
  } catch (failure) {
    return unavailable(failure);
  }
}
