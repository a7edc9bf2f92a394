import { join } from 'node:path';
import { getAddress } from 'ethers';
import type { Address } from '../../chain/contracts/types.ts';
import type { Listener } from '../../chain/messages/report.ts';
import { InputError } from '../../files/inputError.ts';
import { reasonOf } from '../../files/reason.ts';
import { CALLBACKS, type Callbacks, provideService } from '../../provider/provider.ts';
import { Answers } from '../../store/answers.ts';
import { parseWhole } from '../arguments.ts';
import type { Console } from '../console.ts';
import { requireAddress } from '../keys/requireAddress.ts';
import { dataFolder, requireFollowed } from '../models/sources.ts';
import { type ServiceArguments, serve } from '../services/service.ts';
import { draftFrom, parseDraftUrl } from '../text/draft.ts';
import type { LoadedText } from '../text/loadText.ts';
import { solveTexts, type TextWriter } from '../text/solve.ts';

export interface ProvideOptions extends ServiceArguments {
  readonly minFeeWei?: string;
  readonly callbacks: string;
  readonly trustedVerifier?: readonly string[];
  readonly draft?: string;
  readonly answersUri?: string;
}

/** Bytes of answers by root that are kept for others. */
const MAX_ANSWERS_BYTES = 2 ** 32;

/** Keeps answers by root where `--answers-uri` says that they are. @throws InputError for what is no such URI */
function answersFor(options: ProvideOptions): Answers | undefined {
  const { answersUri: uri } = options;
  if (uri === undefined) return undefined;
  requireFollowed('--answers-uri', uri);
  if (!uri.endsWith('/')) throw new InputError(`--answers-uri ${uri}: write it with a / at its end`, 2);
  const folder = join(dataFolder(options), 'answers');
  return new Answers({ folder, uri, maxTotalBytes: MAX_ANSWERS_BYTES });
}

/** Makes the folder of answers. A service starts all the same where the disk takes none, since it may have clocks to keep. */
function prepare(answers: Answers, listen: Listener): void {
  try {
    answers.prepare();
  } catch (failure) {
    const sentence = `no answer by root can be kept for others: ${reasonOf(failure)}`;
    listen({ kind: 'warned', about: 'disk', sentence });
  }
}

/** @throws InputError unless it is one of the three */
function parseCallbacks(text: string): Callbacks {
  const found = CALLBACKS.find((one) => one === text);
  if (!found) throw new InputError(`--callbacks ${text}: write one of ${CALLBACKS.join(', ')}`, 2);
  return found;
}

/** @throws InputError for what is no address */
function parseVerifiers(given: readonly string[]): Address[] {
  for (const text of given) requireAddress('--trusted-verifier', text);
  return given.map(getAddress);
}

/** `assay provide`: answers requests on the given models until it is told to end. */
export async function provide(
  paths: readonly string[],
  options: ProvideOptions,
  console: Console,
): Promise<void> {
  const leastFeeWei =
    options.minFeeWei === undefined ? 'gas' : parseWhole('--min-fee-wei', options.minFeeWei);
  const callbacks = parseCallbacks(options.callbacks);
  const trustedVerifiers = parseVerifiers(options.trustedVerifier ?? []);
  const answers = answersFor(options);
  const server = options.draft === undefined ? undefined : parseDraftUrl(options.draft);
  const writerOf = ({ model, tokenizer }: LoadedText): TextWriter => {
    if (!server) return { model };
    // Now, so that a tokenizer that is missing is told before anything is claimed.
    const known = tokenizer();
    return {
      model,
      draft: (prompt) => draftFrom(server, known, prompt, (line) => console.err(`assay: ${line}`)),
    };
  };
  await serve({
    ...{ command: 'provide', doing: 'providing', paths, options, terminal: console },
    bondsAlways: true,
    create: ({ writing, ...parts }) => {
      if (answers) prepare(answers, parts.listen);
      return provideService({
        ...parts,
        callbacks,
        leastFeeWei,
        trustedVerifiers,
        answers,
        solve: solveTexts(
          writing.local,
          new Map([...writing.texts].map(([id, text]) => [id, writerOf(text)])),
        ),
      });
    },
  });
}
