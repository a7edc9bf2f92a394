// The way in: what `npm start` shows. A contract reads a digit; then somebody lies about another one and loses, and
// somebody else about a word of a text.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseEther, type TransactionReceipt } from 'ethers';
import { DigitReader__factory } from '#typechain';
import { heldOut, SIDE } from '../examples/digits/dataset.ts';
import { as } from '../src/chain/contracts/contracts.ts';
import { PLAIN_TERMS, type Terms } from '../src/chain/contracts/types.ts';
import { deploy, TRIAL_BOUNDS } from '../src/chain/deployment/deploy.ts';
import { EventIndex } from '../src/chain/index/eventIndex.ts';
import type { Listener } from '../src/chain/messages/report.ts';
import { ChainClock } from '../src/chain/service/chainClock.ts';
import { publish } from '../src/client/client.ts';
import { explainOutcome } from '../src/dispute/explain.ts';
import { wasmEngine } from '../src/engine/wasm/wasm.ts';
import { hexOf } from '../src/merkle/keccak.ts';
import { modelOf } from '../src/merkle/model.ts';
import { importOnnx, realNodes } from '../src/onnx/index.ts';
import { createProvider } from '../src/provider/provider.ts';
import { isolatedBy } from '../src/rehearsal/dispute.ts';
import { startLocalChain } from '../src/rehearsal/localChain.ts';
import type { Runner } from '../src/store/runner.ts';
import { Shelf } from '../src/store/shelf.ts';
import { RunTrace } from '../src/trace/run.ts';
import { createWatcher } from '../src/watcher/watcher.ts';
import { lyingRunner } from '../test/support/lyingRunner.ts';
import { digitOf, findLie } from './story/lie.ts';
import { createNarrator, drawing } from './story/narrator.ts';
import { DIGITS, ether, gasOf, grouped, type Scene, TEXTS, type Told, tell } from './story/teller.ts';
import { textAct } from './story/text.ts';

const FEE_WEI = parseEther('0.01');
const TERMS: Terms = {
  ...PLAIN_TERMS,
  claimBondWei: parseEther('1'),
  challengeBondWei: parseEther('0.5'),
  windowSeconds: 3600n,
  clockSeconds: 3600n,
  callbackGas: 150_000n,
  callbackFeeWei: parseEther('0.001'),
  patienceSeconds: 3600n,
};
/** Bounds that this story has to keep; `test/snapshots/gas.json` has the exact figures. */
const MOST_HONEST_GAS = 350_000;
const MOST_DISPUTE_GAS = 800_000;
const MOST_LEAF_GAS = 300_000;
const MOST_CLAIMANT_MOVES = 8;

const started = performance.now();
const say = createNarrator((line) => console.log(line));

say.line('Assay: a contract reads handwritten digits, and somebody who lies about one loses the bond.');

// ---- the stage: a chain, the contracts, a model, everybody's account ----

const chain = await startLocalChain();
const [publisher, asker, honestAccount, liarAccount, watcherAccount] = chain.accounts;
if (!publisher || !asker || !honestAccount || !liarAccount || !watcherAccount)
  throw new Error('too few accounts');
const contracts = await deploy(publisher, TRIAL_BOUNDS);
const compiled = importOnnx(readFileSync(join(import.meta.dirname, '../examples/digits/digits.onnx')));
const model = modelOf(compiled.program);
const shelf = new Shelf((of, tensors) => new RunTrace(of, tensors));
const modelId = shelf.put({ model, session: await wasmEngine.load(compiled.program, compiled.weights) });
await publish(contracts, model, 'examples/digits/digits.onnx');
const reader = await new DigitReader__factory(publisher).deploy(
  await contracts.oracle.getAddress(),
  modelId,
  TERMS,
  FEE_WEI,
);
await reader.waitForDeployment();

say.heading('The stage');
say.line(`  a chain in this process, with ModelRegistry, InferenceOracle, DisputeGame and Referee`);
say.line(
  `  digits.onnx compiles to ${realNodes(compiled.program).length} nodes; its id, ${modelId.slice(0, 18)}…, is published`,
);
say.line(`  DigitReader, a contract that wants to know digits, is deployed`);

/** The held-out digits are sorted by class, a hundred each: a 7 and a 3. */
const [FIRST_IMAGE, SECOND_IMAGE] = [704, 307];
const images = heldOut();
const history = new EventIndex(contracts);

/** The contract asks about an image. */
async function ask(index: number) {
  const image = images[index];
  if (!image) throw new Error(`there is no held-out image ${index}`);
  for (const line of drawing(image.pixels, SIDE)) say.line(`    ${line}`);
  const value = FEE_WEI + TERMS.callbackFeeWei;
  const asked = await reader.connect(asker!).ask(image.pixels, { value });
  const receipt = (await asked.wait()) as TransactionReceipt;
  const requestId = await contracts.oracle.requestCount();
  say.line(
    `  DigitReader asks what this is: request ${requestId}, fee ${ether(FEE_WEI)} (${grouped(receipt.gasUsed)} gas)`,
  );
  return { requestId, input: hexOf(image.pixels), label: image.label, gas: Number(receipt.gasUsed) };
}

/** Reports since the last look. */
const reports: Told[] = [];

const listenAs =
  (by: string, scene: Scene): Listener =>
  (report) => {
    reports.push({ by, report });
    tell(say, { by, report }, scene);
  };

// Time is the chain's own here, so that a window passes when the story says so.
const clock = new ChainClock(
  () => 0n,
  () => 0,
);
const player = (by: string, account: typeof publisher, runner: Runner, scene = DIGITS) => ({
  contracts: as(contracts, account),
  runner,
  listen: listenAs(by, scene),
  clock,
});

const provider = createProvider(player('the provider', honestAccount, shelf));
const watcher = createWatcher(player('the watcher', watcherAccount, shelf));

async function windowPasses(): Promise<void> {
  await chain.wait(Number(TERMS.windowSeconds) + 1);
  await chain.mine();
}

// ---- first act: nobody lies ----

say.heading('First act: an honest answer');
const first = await ask(FIRST_IMAGE);
await provider();
await watcher();
await windowPasses();
await provider();
const firstDigit = await reader.digitOf(first.requestId);
say.line(`  DigitReader has read the digit ${firstDigit}`);
say.expect(`the digit is ${first.label}`, Number(firstDigit) === first.label);
const honestGas =
  first.gas +
  reports
    .filter(({ report: { kind } }) => kind === 'claimed' || kind === 'finalized')
    .reduce((sum, one) => sum + gasOf(one), 0);
say.expect(
  `request, claim and finality with its callback cost ${grouped(honestGas)} gas, at most ${grouped(MOST_HONEST_GAS)}`,
  honestGas <= MOST_HONEST_GAS,
);

// ---- second act: somebody lies ----

say.heading('Second act: a lie');
reports.length = 0;
const second = await ask(SECOND_IMAGE);
const honest = await shelf.trace(modelId, second.input);
const { fault, trace: lyingTrace, from, to } = findLie(honest);
say.line(
  `  the liar runs the model too, but says ${to} for one value that is ${from.toPrecision(3)}: element ${fault.element} of node ` +
    `${fault.node}, ${compiled.labels[fault.node]}; from there on it computes ${digitOf(lyingTrace)} instead of ${digitOf(honest)}`,
);
const lying = lyingRunner(shelf, () => lyingTrace);
const liar = createProvider(player('the liar', liarAccount, lying));
await liar();
await provider();
say.line(`  both claims stand side by side; the honest one does not have to wait for the other`);
say.line();
while ((await watcher()) + (await liar()) > 0);
say.line();
const settled = await history.update();
const claims = settled.claimsOn(second.requestId);
const disputes = claims.flatMap(({ claimId }) => settled.disputesOn(claimId));
const dispute = disputes.at(-1);
const outcome = dispute?.ended;
if (!dispute || !outcome) throw new Error('the dispute has not ended');
const winner = outcome.winner === dispute.challenger ? 'challenger' : 'claimant';
say.line(`  ${explainOutcome(winner, outcome.reason)}`);
say.expect('the challenger wins', winner === 'challenger');
const last = reports.findLast(({ report }) => report.kind === 'moved')?.report;
const found = last?.kind === 'moved' ? isolatedBy(last.dispute.view, last.move) : undefined;
say.expect(
  `the walk ended at node ${fault.node}, element ${fault.element}, where the lie is`,
  found?.node === fault.node && found.element === fault.element,
);
say.expect('the lie is falsified for good', dispute.claim.status === 'falsified');
say.expect('the honest claim was never disputed', claims.length === 2 && disputes.length === 1);
await windowPasses();
await provider();
const secondDigit = await reader.digitOf(second.requestId);
say.line(`  DigitReader has read the digit ${secondDigit}`);
say.expect(`the digit is ${second.label}`, Number(secondDigit) === second.label);

// ---- what it cost, and who paid ----

say.heading('What the dispute cost');
const played = reports.filter(({ report: { kind } }) => kind === 'challenged' || kind === 'moved');
say.table(
  ['who', 'what', 'gas'],
  played.map(({ by, report }) => [
    by,
    report.kind === 'moved' ? report.move.kind : 'challenge',
    grouped(gasOf({ report })),
  ]),
);
const disputeGas = played.reduce((sum, one) => sum + gasOf(one), 0);
const leafGas = gasOf(played.at(-1)!);
const claimantMoves = played.filter(({ by }) => by === 'the liar').length;
say.line();
say.expect(
  `both sides together ${grouped(disputeGas)} gas, at most ${grouped(MOST_DISPUTE_GAS)}`,
  disputeGas <= MOST_DISPUTE_GAS,
);
say.expect(`the leaf ${grouped(leafGas)} gas, at most ${grouped(MOST_LEAF_GAS)}`, leafGas <= MOST_LEAF_GAS);
say.expect(
  `${claimantMoves} moves of the claimant, at most ${MOST_CLAIMANT_MOVES}`,
  claimantMoves <= MOST_CLAIMANT_MOVES,
);

say.heading('Who has what, gas aside');
const collected = (by: string): bigint =>
  reports.reduce(
    (sum, one) => sum + (one.by === by && one.report.kind === 'withdrawn' ? one.report.amountWei : 0n),
    0n,
  );
const { claimBondWei, challengeBondWei } = TERMS;
const { burnedWei } = await contracts.oracle.progress(second.requestId);
say.table(
  ['who', 'put up', 'got back'],
  [
    ['the liar', ether(claimBondWei), ether(collected('the liar'))],
    ['the watcher', ether(challengeBondWei), ether(collected('the watcher'))],
    ['the provider', ether(claimBondWei), ether(collected('the provider'))],
    ['nobody (burned)', '–', ether(burnedWei)],
  ],
);
say.line();
say.expect('the liar has lost its bond', collected('the liar') === 0n);
say.expect(
  "the watcher has its bond back and half of the liar's",
  collected('the watcher') === challengeBondWei + claimBondWei / 2n,
);
say.expect('the other half is burned', burnedWei === claimBondWei / 2n);
say.expect(
  'the provider has its bond back, the fee, and the fee for the callback that it ran',
  collected('the provider') === claimBondWei + FEE_WEI + TERMS.callbackFeeWei,
);
const leftWei = await chain.provider.getBalance(await contracts.oracle.getAddress());
say.expect('the oracle holds what is burned and nothing else', leftWei === burnedWei);

// ---- third act: a text ----

const accounts = new Map([
  ['the provider', honestAccount],
  ['the liar', liarAccount],
  ['the watcher', watcherAccount],
]);
await textAct({
  ...{ say, contracts, publisher, asker, terms: TERMS, feeWei: FEE_WEI, reports, windowPasses },
  provider: (by, runner, solve) => createProvider({ ...player(by, accounts.get(by)!, runner, TEXTS), solve }),
  watcher: (by, runner) => createWatcher(player(by, accounts.get(by)!, runner, TEXTS)),
});

await chain.close();
say.line();
const seconds = ((performance.now() - started) / 1000).toFixed(1);
if (say.broken.length === 0) {
  say.line(`All of it held, in ${seconds} s.`);
} else {
  say.line(`${say.broken.length} of what was expected did not hold (${seconds} s):`);
  for (const what of say.broken) say.line(`  ✗ ${what}`);
  process.exitCode = 1;
}
