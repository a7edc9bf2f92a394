// Provider and watcher as processes for hours of chain time, on a node that fails, among liars and erring challengers.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEther } from 'ethers';
import type { Terms } from '../../../src/chain/contracts/types.ts';
import type { World } from '../../../src/chain/contracts/world.ts';
import { request } from '../../../src/client/client.ts';
import { wasmEngine } from '../../../src/engine/wasm/wasm.ts';
import { readTensorFile } from '../../../src/files/formats/tensorFile.ts';
import { modelOf } from '../../../src/merkle/model.ts';
import { importOnnx } from '../../../src/onnx/index.ts';
import { provideService } from '../../../src/provider/provider.ts';
import type { Runner } from '../../../src/store/runner.ts';
import { Shelf } from '../../../src/store/shelf.ts';
import { RunTrace } from '../../../src/trace/run.ts';
import { watchService } from '../../../src/watcher/watcher.ts';
import { type CliProcess, startCli } from '../cliProcess.ts';
import { liar } from '../layers.ts';
import { keyOf, TERMS } from '../protocol.ts';
import { Random } from '../randomProgram.ts';
import { askMany } from './crowd.ts';
import { type Fault, type FaultProxy, startFaultProxy } from './faultProxy.ts';
import type { Rig, RigModel } from './rig.ts';
import { type HonestFigures, honestFigures, tally } from './tally.ts';

const [PROVIDER, WATCHER, REQUESTER, LIAR, ERRING] = [1, 2, 3, 4, 6];
const EXAMPLES = join(import.meta.dirname, '../../../examples/digits');
const MODEL = join(EXAMPLES, 'digits.onnx');
/** The digit itself. */
const LIE = { node: 13, element: 0, xor: 1 };
const HOUR = 3600n;

/** Windows of an eighth of the time, so that short soaks come to a steady state too. */
const termsFor = (hours: number): Terms => ({
  ...TERMS,
  ...{ claimBondWei: parseEther('0.1'), challengeBondWei: parseEther('0.05') },
  ...{ windowSeconds: BigInt(Math.round(hours * 450)), clockSeconds: HOUR, patienceSeconds: 86_400n },
});

/** The digits model; the number of a request is in its first two pixels. */
export async function digitsModel(): Promise<RigModel> {
  const { program, weights } = importOnnx(readFileSync(MODEL));
  const model = modelOf(program);
  const shelf = new Shelf((held, tensors) => new RunTrace(held, tensors));
  shelf.put({ model, session: await wasmEngine.load(program, weights) });
  const pixels = readTensorFile(join(EXAMPLES, 'three.npy')).bytes;
  const input = (seed: number): Uint8Array => {
    const image = Uint8Array.from(pixels);
    image.set([seed >> 8, seed & 255]);
    return image;
  };
  return { model, shelf, input };
}

const seedIn = (input: string): number => Number.parseInt(input.slice(2, 6), 16);

/** A runner that is wrong about some requests only. */
function sometimes(honest: Runner, wrong: Runner, isWrong: (seed: number) => boolean): Runner {
  const about = (input: string): Runner => (isWrong(seedIn(input)) ? wrong : honest);
  return {
    model: (modelId) => honest.model(modelId),
    output: (modelId, input, options) => about(input).output(modelId, input, options),
    commitment: (modelId, input, options) => about(input).commitment(modelId, input, options),
    trace: (modelId, input, options) => about(input).trace(modelId, input, options),
  };
}

/** Requests made at once at first, so that every thread that a service ever starts runs before memory has to be steady. */
const FIRST_REQUESTS = 12;

/** Every eighth slot has a block, so that eight hours are 300 of them. */
export const SOAK_BLOCK_SECONDS = 96;
/** Longest that a block waits for a process that hangs, ms. */
const LONGEST_BLOCK_MS = 15_000;
/** Questions for the latest block after which a process has looked at a block and sent what follows from it. */
const QUESTIONS_A_PASS = 3;

/** One request in fifty goes wrong as a whole, and one call in a hundred by itself. */
function faultAtRandom(random: Random, method: string): Fault {
  const n = random.below(2000);
  if (n < 30) return { status: 503 };
  if (n < 40) return { status: 429, headers: { 'retry-after': '1' } };
  if (n < 41) return { hangs: true };
  if (n < 60) return { error: 'header not found' };
  if (n < 80 && method === 'eth_sendRawTransaction') return { error: 'transaction underpriced' };
  if (method === 'eth_getTransactionReceipt' && random.chance(3)) return { result: null };
  if (method === 'eth_getLogs' && random.chance(3)) {
    const after = (logs: unknown): unknown[] => (logs as unknown[]).filter(() => random.chance(50));
    return { after };
  }
  return undefined;
}

/** One moment of the two processes. */
interface Sample {
  readonly providerMegabytes: number;
  readonly watcherMegabytes: number;
  /** Threads of the system; each worker thread that starts later takes memory of its own. */
  readonly providerThreads: number;
  readonly watcherThreads: number;
  readonly files: number;
  readonly fileMegabytes: number;
}

/** Resident memory of a process, MB, and its threads; 0 where the system does not tell. */
function heldBy({ pid }: CliProcess): { megabytes: number; threads: number } {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const figure = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
    return { megabytes: Math.round(figure('VmRSS') / 1e3), threads: figure('Threads') };
  } catch {
    return { megabytes: 0, threads: 0 };
  }
}

/** Files in a folder and all below it, and their megabytes. Files may go while it is read. */
function contentsOf(folder: string): { files: number; megabytes: number } {
  let [files, bytes] = [0, 0];
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    const stats = statSync(join(folder, name), { throwIfNoEntry: false });
    if (!stats?.isFile()) continue;
    files++;
    bytes += stats.size;
  }
  return { files, megabytes: bytes / 1e6 };
}

/** How much a figure has grown since it should be steady: its mean in the last quarter by that in the second, less one. */
function growth(samples: readonly Sample[], figure: keyof Sample): number {
  const mean = (from: number, to: number): number => {
    const part = samples.slice(Math.floor(from * samples.length), Math.floor(to * samples.length));
    return part.reduce((sum, one) => sum + one[figure], 0) / part.length;
  };
  return Math.round(1000 * (mean(0.75, 1) / mean(0.25, 0.5) - 1)) / 1000;
}

export interface SoakFigures extends HonestFigures {
  readonly chainHours: number;
  readonly answered: number;
  /** Requests whose final answer is not that of an honest run. */
  readonly wrongAnswers: number;
  readonly falseChallenges: number;
  readonly calls: number;
  readonly faults: number;
  readonly reorganisations: number;
  /** First and last sample, and the growth from the second quarter to the last. */
  readonly first: Sample;
  readonly last: Sample;
  readonly most: Sample;
  readonly growth: Readonly<Record<keyof Sample, number>>;
  /** Exit codes of provider and watcher after SIGTERM. */
  readonly ended: readonly (number | string)[];
}

/**
 * @param rig with {@link digitsModel}
 * @param hours of chain time in which requests are made; their answers become final after it
 * @param onSample is told of every sample
 */
export async function soak(
  rig: Rig,
  hours: number,
  onSample: (sample: Sample) => void,
): Promise<SoakFigures> {
  const random = new Random(1);
  const terms = termsFor(hours);
  const folder = mkdtempSync(join(tmpdir(), 'assay-soak-'));
  let [calls, faults, reorganisations, asked] = [0, 0, 0, 0];
  const wrong = liar(rig.shelf, LIE);
  const isLie = (seed: number): boolean => seed % 3 === 0;
  const lying = sometimes(rig.shelf, wrong, isLie);
  const erring = sometimes(rig.shelf, wrong, (seed) => seed % 4 === 1);
  const accepts = ({ input }: { input: { kind: string; bytes?: string } }): boolean =>
    input.kind === 'bytes' && isLie(seedIn(input.bytes as string));
  const proxies: FaultProxy[] = [];
  /** Starts a command on a node of its own. @returns it, and how often it has asked for the latest block */
  const start = async (command: 'provide' | 'watch', account: number) => {
    const keyFile = join(folder, `${command}.key`);
    writeFileSync(keyFile, keyOf(account), { mode: 0o600 });
    const proxy = await startFaultProxy(rig.url);
    proxies.push(proxy);
    const there = ['--rpc', proxy.url, '--oracle', rig.oracle, '--key-file', keyFile];
    const least = command === 'provide' ? ['--min-fee-wei', '0'] : [];
    const cli = startCli(command, MODEL, ...there, ...least, '--data', join(folder, 'data', command));
    await cli.says(command === 'provide' ? 'providing as' : 'watching as');
    let questions = 0;
    proxy.fault = ({ method, params: [first] }) => {
      calls++;
      if (method === 'eth_getBlockByNumber' && first === 'latest') questions++;
      const fault = faultAtRandom(random, method);
      if (fault) faults++;
      return fault;
    };
    return { cli, questions: () => questions };
  };
  try {
    const services = [await start('provide', PROVIDER), await start('watch', WATCHER)];
    const [provider, watcher] = services.map(({ cli }) => cli) as [CliProcess, CliProcess];
    rig.run((listen) => provideService({ contracts: rig.at(LIAR), runner: lying, accepts, listen }));
    rig.run((listen) => watchService({ contracts: rig.at(ERRING), runner: erring, listen }));
    /** A block, after all have looked at it: how fast this machine is does not matter. */
    const step = async (): Promise<void> => {
      await rig.step();
      const begun = services.map(({ questions }) => questions());
      const until = Date.now() + LONGEST_BLOCK_MS;
      const isBehind = (): boolean =>
        services.some(({ questions }, i) => questions() < begun[i]! + QUESTIONS_A_PASS);
      while (isBehind() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const seeds = Array.from({ length: FIRST_REQUESTS }, () => ++asked);
    let asking: Promise<unknown> = askMany(rig, REQUESTER, seeds, terms);
    const ask = (): void => {
      const input = rig.input(++asked);
      asking = request(rig.contracts, rig.modelId, input, terms, 0n).catch(() => undefined);
    };

    const samples: Sample[] = [];
    const sample = (): void => {
      const { files, megabytes } = contentsOf(join(folder, 'data'));
      const [providing, watching] = [heldBy(provider), heldBy(watcher)];
      samples.push({
        providerMegabytes: providing.megabytes,
        watcherMegabytes: watching.megabytes,
        providerThreads: providing.threads,
        watcherThreads: watching.threads,
        files,
        fileMegabytes: Math.round(100 * megabytes) / 100,
      });
      onSample(samples.at(-1)!);
    };
    rig.mine(false);
    const blocks = (hours * 3600) / SOAK_BLOCK_SECONDS;
    for (let block = 1; block <= blocks; block++) {
      if (block % 2 === 0) ask();
      await step();
      if (block % 3 === 0) sample();
      if (block % 20 === 0) await rig.rpc('anvil_dropAllTransactions');
      if (block % 50 === 0) {
        await rig.reorganise(1 + random.below(3), random.chance(50));
        reorganisations++;
      }
    }
    const isOver = ({ requests, claims, disputes }: World): boolean =>
      [...requests.values()].every(({ status }) => status === 'answered') &&
      [...claims.values()].every(({ status }) => status !== 'open') &&
      [...disputes.values()].every(({ ended }) => ended);
    let isAsking = true;
    void asking.then(() => {
      isAsking = false;
    });
    while (isAsking || !isOver(await rig.world())) await step();
    const { answers, disputes } = await tally(rig);
    const figures = await honestFigures(rig, { provider: PROVIDER, watcher: WATCHER });
    for (const one of [provider, watcher]) one.kill('SIGTERM');
    const ended = await Promise.all([provider.ended(), watcher.ended()]);
    const keys = Object.keys(samples[0]!) as (keyof Sample)[];
    const over = <T>(make: (key: keyof Sample) => T) =>
      Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<keyof Sample, T>;
    return {
      ...figures,
      chainHours: hours,
      answered: answers.size,
      wrongAnswers: [...answers.values()].filter(({ isRight }) => !isRight).length,
      falseChallenges: disputes.filter(({ challenger }) => challenger === rig.address(ERRING)).length,
      ...{ calls, faults, reorganisations },
      first: samples[0]!,
      last: samples.at(-1)!,
      most: over((key) => Math.max(...samples.map((one) => one[key]))),
      growth: over((key) => growth(samples, key)),
      ended,
    };
  } finally {
    for (const proxy of proxies) await proxy.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
