import type { Contracts } from '../../chain/contracts/contracts.ts';
import { PLAIN_TERMS, type Terms, ZERO_ADDRESS } from '../../chain/contracts/types.ts';
import { amountText, readUnit } from '../../chain/contracts/unit.ts';
import { EventIndex } from '../../chain/index/eventIndex.ts';
import { awaitResult, packInput, request as requestInference, TermsError } from '../../client/client.ts';
import { fileTensorOf } from '../../files/formats/convert.ts';
import { InputError } from '../../files/inputError.ts';
import { hexOf } from '../../merkle/keccak.ts';
import { splitTensors } from '../../merkle/model.ts';
import { hexRoots } from '../../merkle/tensor.ts';
import { concat } from '../../merkle/tree.ts';
import type { TensorRef } from '../../program/interface.ts';
import { downloadTensors } from '../../store/remote/tensors.ts';
import { inputsOf } from '../../text/generate.ts';
import { tokensIn } from '../../text/tokens.ts';
import { parseWhole, readInputs, requireAll } from '../arguments.ts';
import { type OracleOptions, requireEther, withContracts } from '../connection/connection.ts';
import type { Console } from '../console.ts';
import { requireAddress } from '../keys/requireAddress.ts';
import { type ImportArguments, type LoadedModel, loadModel } from '../models/loadModel.ts';
import { outputJson, outputLines } from '../models/outputs.ts';
import { requireFollowed, type SourceOptions, sourcesOf } from '../models/sources.ts';
import { inTurn } from '../services/turn.ts';
import { promptTokens } from '../text/loadText.ts';
import { type DrawingArguments, parseDrawing } from '../text/textOptions.ts';

type AmountTerm = { [Term in keyof Terms]: Terms[Term] extends bigint ? Term : never }[keyof Terms];

/** Terms that a requester may set, as commander names them; {@link usualTerms} sets the others. */
type GivenTerms = { readonly [Term in AmountTerm | 'provider' | 'verifier']?: string } & {
  readonly answerByRoot?: boolean;
};

export interface RequestOptions
  extends OracleOptions,
    GivenTerms,
    ImportArguments,
    DrawingArguments,
    SourceOptions {
  readonly input?: readonly string[];
  readonly inputUri?: string;
  readonly feeWei: string;
  readonly wait?: boolean;
  readonly json?: boolean;
}

const HOUR = 3600n;

const atLeast = (least: bigint, usual: bigint): bigint => (usual > least ? usual : least);

/** Default terms: the least bonds that the oracle allows, and an hour for each time, or more if the oracle demands it. */
export async function usualTerms({ oracle }: Contracts): Promise<Terms> {
  const { min } = await oracle.bounds();
  return {
    ...PLAIN_TERMS,
    claimBondWei: min.claimBondWei,
    challengeBondWei: min.challengeBondWei,
    windowSeconds: atLeast(min.windowSeconds, HOUR),
    clockSeconds: atLeast(min.clockSeconds, HOUR),
    callbackGas: min.callbackGas,
    patienceSeconds: atLeast(min.patienceSeconds, HOUR),
  };
}

const OPTIONS: { readonly [Term in AmountTerm]: string } = {
  claimBondWei: '--claim-bond-wei',
  challengeBondWei: '--challenge-bond-wei',
  windowSeconds: '--window-seconds',
  clockSeconds: '--clock-seconds',
  callbackGas: '--callback-gas',
  callbackFeeWei: '--callback-fee-wei',
  patienceSeconds: '--patience-seconds',
};

/** The contracts keep amounts in 96 bits, and times and gas in 32. */
const AMOUNT_BITS = 96n;

/** @throws InputError naming the option, for what is no whole number of so many bits */
function parseBits(option: string, text: string, bits: bigint): bigint {
  const value = parseWhole(option, text);
  if (value >> bits === 0n) return value;
  throw new InputError(`${option} ${text}: write at most ${2n ** bits - 1n}`, 2);
}

/** @throws InputError naming an option that is no whole number, or no address */
function parseTerms(given: GivenTerms): Partial<Terms> {
  const terms: { -readonly [Term in keyof Terms]?: Terms[Term] } = {};
  for (const term of Object.keys(OPTIONS) as AmountTerm[]) {
    const text = given[term];
    if (text === undefined) continue;
    terms[term] = parseBits(OPTIONS[term], text, term.endsWith('Wei') ? AMOUNT_BITS : 32n);
  }
  for (const term of ['provider', 'verifier'] as const) {
    const text = given[term];
    if (text === undefined) continue;
    requireAddress(`--${term}`, text);
    terms[term] = text;
  }
  if (given.answerByRoot) terms.answerByRoot = true;
  return terms;
}

/** The tensors of the final answer, by the names of the model's outputs. */
const namedOutputs = ({ model, outputs }: LoadedModel, answer: Uint8Array) =>
  splitTensors(model.outputs, answer).map((bytes, i) => {
    const output = outputs[i]!;
    return { name: output.name, tensor: fileTensorOf(output, bytes) };
  });

async function paidLine({ currency, provider }: Contracts, paidWei: bigint): Promise<string> {
  const unit = await readUnit(currency, provider);
  const paid = `paid ${amountText(unit, paidWei)}`;
  if (currency === ZERO_ADDRESS) return paid;
  return `${paid} to the oracle, which was allowed exactly that; the token is ${currency}`;
}

/** Pause between two looks at a request, ms. */
const REST_MS = 1000;

/**
 * Waits for the final answer of a request by root, downloads it from the claimant's URI, and checks it against the roots.
 *
 * @throws InputError if the request was cancelled, or the URI does not give the answer
 */
async function answerByRoot(
  contracts: Contracts,
  requestId: bigint,
  fromBlock: number,
  refs: readonly TensorRef[],
  options: RequestOptions,
): Promise<Uint8Array> {
  const index = new EventIndex(contracts, { fromBlock });
  for (;;) {
    const { answer } = await contracts.oracle.progress(requestId);
    await index.update();
    const found = await index.recall(requestId);
    if (found?.request.status === 'cancelled') throw new InputError(`request ${requestId} was cancelled`);
    const made = found?.claims.get((requestId << 32n) | answer);
    if (found?.request.status === 'answered' && made?.answer.kind === 'roots') {
      const { roots, uri } = made.answer;
      const sources = sourcesOf(options);
      try {
        return concat(await downloadTensors({ roots, uri }, refs, sources));
      } catch (failure) {
        throw new InputError(
          `request ${requestId} has its final answer, with the roots ${roots.join(' ')}, and it cannot be had: ${(failure as Error).message}`,
        );
      } finally {
        sources.getter.close();
      }
    }
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
  }
}

/** `assay request`: asks for an inference and, with --wait, waits for the final answer. */
export async function request(path: string, options: RequestOptions, console: Console): Promise<void> {
  const feeWei = parseBits('--fee-wei', options.feeWei, AMOUNT_BITS);
  const chosen = parseTerms(options);
  if (options.inputUri !== undefined) requireFollowed('--input-uri', options.inputUri);
  await withContracts(options, console, async (contracts, account) => {
    requireEther(account);
    const loaded = await loadModel(path, options, console);
    const tensors = loaded.text
      ? inputsOf(loaded.text.model, {
          prompt: promptTokens(loaded.text, String(options.text), console),
          ...parseDrawing(options),
        })
      : requireAll(readInputs(options.input ?? [], loaded.inputs), loaded.inputs);
    const input = packInput(loaded.inputs, tensors);
    const model = hexOf(loaded.model.id);
    const terms = { ...(await usualTerms(contracts)), ...chosen };
    console.progress('requesting');
    const uri = options.inputUri;
    const roots = (): string[] => hexRoots(splitTensors(loaded.model.inputs, input));
    const given = uri === undefined ? input : { roots: roots(), uri };
    // The turn ends with the transaction: waiting for the answer sends nothing.
    const { requestId, receipt } = await inTurn(options, account, console, () =>
      requestInference(contracts, model, given, terms, feeWei),
    ).catch((failure: unknown) => {
      if (failure instanceof TermsError) throw new InputError(failure.message);
      throw failure;
    });
    console.progress(undefined);
    const paidWei = feeWei + terms.callbackFeeWei;
    if (!options.json) {
      console.out(`request ${requestId}: ${receipt.hash}`);
      if (paidWei > 0n) console.out(await paidLine(contracts, paidWei));
    }
    const sent = { requestId: `${requestId}`, model, transaction: receipt.hash };
    if (!options.wait) {
      if (options.json) console.out(JSON.stringify(sent));
      return;
    }
    console.progress('waiting for the final answer');
    const answer = terms.answerByRoot
      ? await answerByRoot(contracts, requestId, receipt.blockNumber, loaded.model.outputs, options)
      : await awaitResult(contracts, requestId, Number.POSITIVE_INFINITY);
    console.progress(undefined);
    if (loaded.text) {
      const tokens = tokensIn(answer, loaded.text.model.width);
      const text = loaded.text.tokenizer().decode(tokens);
      console.out(options.json ? JSON.stringify({ ...sent, answer: hexOf(answer), tokens, text }) : text);
      return;
    }
    const named = namedOutputs(loaded, answer);
    if (options.json) {
      const outputs = named.map(({ name, tensor }) => outputJson(name, tensor));
      console.out(JSON.stringify({ ...sent, answer: hexOf(answer), outputs }));
      return;
    }
    for (const { name, tensor } of named) {
      for (const line of outputLines(name, tensor)) console.out(line);
    }
  });
}
