import type { Hex } from '../../chain/contracts/types.ts';
import type { ClaimRecord } from '../../chain/contracts/world.ts';
import { EventIndex } from '../../chain/index/eventIndex.ts';
import { inputOf } from '../../chain/service/inputs.ts';
import { InputError } from '../../files/inputError.ts';
import { bytesOfHex } from '../../merkle/keccak.ts';
import type { Verdict } from '../../monitor/forecast.ts';
import { judge } from '../../monitor/verdicts.ts';
import { createLog } from '../../operator/log.ts';
import type { Inputs } from '../../store/inputs.ts';
import { answerTo, CommitmentError, Shelf } from '../../store/shelf.ts';
import { RunTrace } from '../../trace/run.ts';
import { parseWhole } from '../arguments.ts';
import { firstBlockOf, type ReaderOptions, withReader } from '../connection/connection.ts';
import type { Console } from '../console.ts';
import { Exit } from '../exit.ts';
import { type EngineOptions, engineOf } from '../models/engines.ts';
import { type LimitOptions, limitsOf } from '../models/found.ts';
import { loadAny } from '../models/holding.ts';
import { inputsFor } from '../models/inputs.ts';
import type { ImportArguments } from '../models/loadModel.ts';
import { requirePlace, type SourceOptions, sourcesOf } from '../models/sources.ts';
import { parseBlock } from '../services/service.ts';

export interface VerifyOptions
  extends ReaderOptions,
    EngineOptions,
    ImportArguments,
    SourceOptions,
    Pick<LimitOptions, 'fetchSeconds'> {
  readonly fromBlock?: string;
  readonly json?: boolean;
}

/** Exit codes besides 0, for an answer that is right. */
const EXIT = { wrong: 3, unknown: 4 } as const;

/** The result of re-running one claim. */
interface Checked {
  readonly claim: ClaimRecord;
  readonly verdict: Verdict;
  /** Commitment to what the run gave; undefined where nothing was run, or the model checks answers instead. */
  readonly computed: Hex | undefined;
  /** Number of claimed bytes that differ, and the position of the first. */
  readonly difference: { readonly bytes: number; readonly first: number } | undefined;
  /** Why nothing is known. */
  readonly why: string | undefined;
}

function differenceOf(claimed: Hex, b: Uint8Array): Checked['difference'] {
  const a = bytesOfHex(claimed);
  const at = [...a.keys()].filter((i) => a[i] !== b[i]);
  return a.length === b.length && at.length > 0 ? { bytes: at.length, first: at[0]! } : undefined;
}

const SENTENCES: Readonly<Record<Verdict, string>> = {
  right: 'right',
  wrong: 'WRONG',
  unknown: 'unverified',
};

/** Formats the verdict on one claim, in one line. */
function lineOf({ claim, verdict, computed, difference, why }: Checked): string {
  const { claimId, claimant, status, outputs } = claim;
  const compared =
    verdict === 'unknown'
      ? (why ?? 'nothing is known')
      : computed === undefined
        ? `the program ${verdict === 'right' ? 'accepts' : 'does not accept'} the answer, which commits to ${outputs}`
        : verdict === 'right'
          ? `claimed and computed: ${outputs}`
          : `claimed ${outputs}, computed ${computed}${difference ? `; ${difference.bytes} bytes differ, the first is byte ${difference.first}` : ''}`;
  return `claim ${claimId} by ${claimant}, ${status}: ${SENTENCES[verdict]}; ${compared}`;
}

/** Why there is no input: whether it takes too long, or cannot be had at all. */
const sentenceOf = (why: ReturnType<Inputs['why']>, seconds: number): string =>
  why === 'late'
    ? `its input is given by root and was not there after ${seconds} s; wait longer with --fetch-seconds`
    : `its input is given by root and cannot be had: ${why.sentence}`;

/** The verdict on the answer: that on the final claim, or else on what stands; a falsified claim only if nothing stands. */
function verdictOf(checked: readonly Checked[]): Verdict {
  const of = (status: ClaimRecord['status']): Checked[] =>
    checked.filter(({ claim }) => claim.status === status);
  const [first] = [of('final'), of('open'), of('falsified')].filter((some) => some.length > 0);
  for (const verdict of ['wrong', 'unknown'] as const) {
    if (first?.some((one) => one.verdict === verdict)) return verdict;
  }
  return 'right';
}

/**
 * `assay verify`: runs the answer of a request again from what is on chain, and says whether it was right, whatever
 * became of it.
 *
 * @throws Exit with code 3 if it is wrong, 4 if that cannot be told
 * @throws InputError if there is no such request or nobody has answered it
 */
export async function verify(
  id: string,
  path: string | undefined,
  options: VerifyOptions,
  console: Console,
): Promise<void> {
  const requestId = parseWhole('REQUEST_ID', id);
  const engine = engineOf(options, console);
  requirePlace(options);
  const sources = sourcesOf(options);
  const { maxFetchSeconds } = limitsOf(options);
  const asked = options.fromBlock === undefined ? undefined : parseBlock(options.fromBlock);
  const log = createLog({ format: 'text', level: 'warn', sink: console });
  await withReader(options, console, async (contracts) => {
    console.progress('reading the chain');
    const index = new EventIndex(contracts, { fromBlock: await firstBlockOf(contracts, asked) });
    await index.update();
    const found = await index.recall(requestId);
    if (!found) {
      const oracle = await contracts.oracle.getAddress();
      throw new InputError(
        `request ${requestId} is unknown at the oracle ${oracle}; check it, and --from-block if you gave one`,
      );
    }
    const { request } = found;
    const claims = [...found.claims.values()];
    if (claims.length === 0)
      throw new InputError(`request ${requestId} has no answer yet, nothing to verify`);
    const { modelId } = request.request;
    const shelf = new Shelf((model, tensors) => new RunTrace(model, tensors));
    const missing = await (async () => {
      try {
        const byFile = `name the model's file: \`assay verify ${requestId} MODEL.onnx\``;
        const loaded = await loadAny(
          path ?? modelId,
          options,
          console,
          path === undefined ? byFile : undefined,
        );
        const held = shelf.put({
          model: loaded.model,
          session: await engine.load(loaded.model.program, loaded.weights),
        });
        return held === modelId
          ? undefined
          : `${path} is model ${held}, the request asks for model ${modelId}: the file or its options differ`;
      } catch (failure) {
        if (!(failure instanceof InputError) || path !== undefined) throw failure;
        return failure.message;
      }
    })();
    const inputs = inputsFor(options, sources, shelf, log, 'observer', 1000 * maxFetchSeconds);
    console.progress(`getting the input of request ${requestId}`);
    const input = missing === undefined ? await inputOf(request, inputs.read) : undefined;
    const unread = input === undefined ? sentenceOf(inputs.why(request), maxFetchSeconds) : undefined;
    console.progress(`running request ${requestId} again`);
    const check = async (claim: ClaimRecord): Promise<Checked> => {
      const nothing = { claim, verdict: 'unknown', computed: undefined, difference: undefined } as const;
      if (input === undefined) return { ...nothing, why: missing ?? unread };
      try {
        const verdict = await judge(claim, shelf, async () => input);
        const checks = (shelf.model(modelId)?.answers.length ?? 0) > 0;
        const run = checks ? undefined : await answerTo(shelf, request.request, input);
        const bytes = claim.answer.kind === 'bytes' ? claim.answer.bytes : undefined;
        const difference = run && bytes !== undefined ? differenceOf(bytes, run.output) : undefined;
        return { claim, verdict, computed: run?.outputs, difference, why: undefined };
      } catch (failure) {
        if (failure instanceof CommitmentError) return { ...nothing, why: failure.message };
        throw failure;
      }
    };
    const checked: Checked[] = [];
    for (const claim of claims) checked.push(await check(claim));
    sources.getter.close();
    console.progress(undefined);
    const verdict = verdictOf(checked);
    if (options.json) {
      console.out(
        JSON.stringify({
          ...{ request: `${requestId}`, model: modelId, status: request.status, verdict },
          claims: checked.map(({ claim, computed, difference, why, ...rest }) => ({
            ...{ claim: `${claim.claimId}`, claimant: claim.claimant, status: claim.status, ...rest },
            ...{ claimed: claim.outputs, computed: computed ?? null, difference: difference ?? null },
            why: why ?? null,
          })),
        }),
      );
    } else {
      console.out(`request ${requestId} on model ${modelId}, ${request.status}: ${SENTENCES[verdict]}`);
      for (const one of checked) console.out(lineOf(one));
    }
    if (verdict !== 'right') throw new Exit(EXIT[verdict]);
  });
}
