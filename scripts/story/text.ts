// The act of `npm start` about texts: a contract reads a sentence that a language model has written, and somebody who
// changes a word of it loses.
import type { Signer } from 'ethers';
import { SentenceReader__factory } from '#typechain';
import { Unavailable } from '../../examples/models/packages.ts';
import { glassTokenizer } from '../../examples/text/glass.ts';
import { rungs } from '../../examples/text/rungs.ts';
import type { Contracts } from '../../src/chain/contracts/contracts.ts';
import type { Terms } from '../../src/chain/contracts/types.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import type { Pass } from '../../src/chain/service/loop.ts';
import { publish } from '../../src/client/client.ts';
import { explainOutcome } from '../../src/dispute/explain.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { bytesOfHex, hexOf } from '../../src/merkle/keccak.ts';
import { modelOf, splitTensors } from '../../src/merkle/model.ts';
import { realNodes } from '../../src/onnx/index.ts';
import type { Runner } from '../../src/store/runner.ts';
import { Shelf, type Solve } from '../../src/store/shelf.ts';
import type { TextModel } from '../../src/text/compile.ts';
import { generate } from '../../src/text/generate.ts';
import { openSession } from '../../src/text/session/openSession.ts';
import { tokenizerOf } from '../../src/text/tokenizer.ts';
import { tokenBytes, tokensIn } from '../../src/text/tokens.ts';
import { plantFaults } from '../../src/trace/fault.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { lyingRunner } from '../../test/support/lyingRunner.ts';
import type { Narrator } from './narrator.ts';
import { gasOf, grouped, type Told } from './teller.ts';

const PROMPT = 'The king said';
/** A word of the model's text, and the word that the liar puts in its place. */
const [WORD, LIE] = [' Queen', ' King'];
const MOST_DISPUTE_GAS = 850_000;

/** Chain, accounts and services of the act. */
export interface Props {
  readonly say: Narrator;
  readonly contracts: Contracts;
  readonly publisher: Signer;
  readonly asker: Signer;
  readonly terms: Terms;
  readonly feeWei: bigint;
  provider(by: string, runner: Runner, solve: Solve): Pass;
  watcher(by: string, runner: Runner): Pass;
  /** The reports of all services so far. */
  readonly reports: readonly Told[];
  windowPasses(): Promise<void>;
}

/** The likeliest text after the prompt of a request. */
async function write(model: TextModel, input: string): Promise<number[]> {
  const session = await openSession(model, wasmEngine, () => undefined);
  const text = await generate(
    model,
    session.on(splitTensors(modelOf(model.program).inputs, bytesOfHex(input))),
  );
  await session.close();
  return text;
}

/** Runs the model as `shelf` does, but says that a text is accepted which is not. */
const accepting = (shelf: Shelf, accept: number): Runner => ({
  ...lyingRunner(shelf, (right) => plantFaults(right, [{ node: accept, element: 0, xor: 1 }])),
  output: async () => '0x01',
});

/** @returns undefined, and says why, if the model is not to be had */
async function compile(say: Narrator): Promise<TextModel | undefined> {
  try {
    return await rungs[0]!.compile();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    say.line(`  left out: the language model is a package that is fetched once, and ${error.message}`);
    return undefined;
  }
}

export async function textAct(props: Props): Promise<void> {
  const { say, contracts, asker, terms, feeWei, reports, windowPasses } = props;
  say.heading('Third act: a word in a text');
  const model = await compile(say);
  if (!model) return;
  const tokenizer = tokenizerOf(glassTokenizer());
  const { program, weights, width, options } = model;
  const shelf = new Shelf((of, tensors) => new RunTrace(of, tensors));
  const modelId = shelf.put({ model: modelOf(program), session: await wasmEngine.load(program, weights) });
  await publish(contracts, modelOf(program), 'glassllm');
  const [fullStop] = tokenizer.encode('.');
  const reader = await new SentenceReader__factory(props.publisher).deploy(
    await contracts.oracle.getAddress(),
    modelId,
    { ...terms, callbackGas: 400_000n },
    feeWei,
    width,
    options.prompt,
    fullStop!,
  );
  await reader.waitForDeployment();
  say.line(
    `  glassllm, a language model of 852,608 parameters, compiles to ${realNodes(program).length} nodes that check a text`,
  );
  const value = feeWei + terms.callbackFeeWei;
  await (await reader.connect(asker).ask(tokenizer.encode(PROMPT), { value })).wait();
  const requestId = await contracts.oracle.requestCount();
  say.line(`  SentenceReader asks what comes after “${PROMPT}”: request ${requestId}`);

  let text: Promise<number[]> | undefined;
  // Written once: the liar starts from the right text, too.
  const solve: Solve = async (id, input) => {
    if (id !== modelId) return undefined;
    text ??= write(model, input);
    return hexOf(tokenBytes(await text, width));
  };
  const [right] = tokenizer.encode(WORD);
  const [wrong] = tokenizer.encode(LIE);
  const solveWrongly: Solve = async (id, input) => {
    const tokens = tokensIn(bytesOfHex((await solve(id, input)) as string), width);
    return hexOf(tokenBytes(tokens.with(tokens.indexOf(right!), wrong!), width));
  };
  const accept = program.outputs[0]!;
  const liar = props.provider('the liar', accepting(shelf, accept), solveWrongly);
  const provider = props.provider('the provider', shelf, solve);
  const watcher = props.watcher('the watcher', shelf);
  const before = reports.length;
  await liar();
  await provider();
  say.line(
    `  the liar says${LIE} where the model says${WORD}, and that the model accepts it; one pass shows that it does not`,
  );
  say.line();
  while ((await watcher()) + (await liar()) > 0);
  say.line();
  const history = await new EventIndex(contracts).update();
  const disputes = history.claimsOn(requestId).flatMap(({ claimId }) => history.disputesOn(claimId));
  const [dispute] = disputes;
  const outcome = dispute?.ended;
  if (!dispute || !outcome) throw new Error('the dispute about the text has not ended');
  const winner = outcome.winner === dispute.challenger ? 'challenger' : 'claimant';
  say.line(`  ${explainOutcome(winner, outcome.reason)}`);
  say.expect('the changed word is falsified for good', dispute.claim.status === 'falsified');
  say.expect('the right text was never disputed', disputes.length === 1);
  const gas = reports
    .slice(before)
    .filter(({ report: { kind } }) => kind === 'challenged' || kind === 'moved')
    .reduce((sum, told) => sum + gasOf(told), 0);
  say.expect(
    `the dispute cost ${grouped(gas)} gas, at most ${grouped(MOST_DISPUTE_GAS)}`,
    gas <= MOST_DISPUTE_GAS,
  );
  await windowPasses();
  await provider();
  const sentence = tokenizer.decode((await reader.sentenceOf(requestId)).map(Number)).trim();
  say.line(`  SentenceReader has read: “${PROMPT} ${sentence}”`);
  say.expect('the sentence is what the model writes', sentence === `the${WORD}.`);
}
