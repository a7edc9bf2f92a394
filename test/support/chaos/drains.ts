// Attackers with more ether than their victims, who try to make these lose bonds or spend gas.
import { type HDNodeWallet, parseEther, Wallet } from 'ethers';
import { HostileConsumer__factory } from '#typechain';
import { challenge, claim, finalize, timeout } from '../../../src/chain/actions/actions.ts';
import { larger } from '../../../src/chain/bigints.ts';
import { as, type Contracts } from '../../../src/chain/contracts/contracts.ts';
import { PLAIN_TERMS, type Terms } from '../../../src/chain/contracts/types.ts';
import type { ClaimRecord, World } from '../../../src/chain/contracts/world.ts';
import { SAFE_BOUNDS } from '../../../src/chain/deployment/bounds.ts';
import { deploy } from '../../../src/chain/deployment/deploy.ts';
import { EventIndex } from '../../../src/chain/index/eventIndex.ts';
import { claimGas, finalizeGas } from '../../../src/chain/money/gas.ts';
import { type Pass, patient } from '../../../src/chain/service/loop.ts';
import type { ChainService } from '../../../src/chain/service/service.ts';
import { publish } from '../../../src/client/client.ts';
import { referenceEngine } from '../../../src/engine/reference/reference.ts';
import { bytesOfHex } from '../../../src/merkle/keccak.ts';
import { modelOf } from '../../../src/merkle/model.ts';
import { createProvider, provideService } from '../../../src/provider/provider.ts';
import type { Runner } from '../../../src/store/runner.ts';
import type { Shelf } from '../../../src/store/shelf.ts';
import { plantFaults } from '../../../src/trace/fault.ts';
import { createWatcher, watchService } from '../../../src/watcher/watcher.ts';
import { layers, layersInput, layersShelf } from '../layers.ts';
import { lyingRunner } from '../lyingRunner.ts';
import { instruction, loop, ProgramBuilder, sameShape } from '../programs.ts';
import { asAccount, type DevelopmentChain, startChain } from '../protocol.ts';
import { Random } from '../randomProgram.ts';
import { claimsIn, disputesIn } from '../records.ts';

const [ATTACKER, FRIEND] = [5, 6];
const DAY = 86_400n;
const GWEI = 10n ** 9n;
/** An attacker's ether: more than any victim has. */
const FORTUNE_WEI = parseEther('9000');
const HUGE_BYTES = 16_384;
/** The gas price from which a provider computes its default least fee: a quarter of its ceiling. */
const CALM_WEI = 25n * GWEI;
/**
 * Gas never costs more than services pay by default while two hours of a clock are left, and they look at least that often:
 * one that sleeps through its last hours loses, and is no case of these.
 */
const MOST_GWEI = 60;
const LONGEST_SLEEP_SECONDS = 7200;
/** Balance that a bond leaves to its victim, or a part of it: enough for some moves, but not for all at every gas price. */
const LARGEST_REST_WEI = parseEther('0.032');
const DEEDS = 24;
/** Looks at the end, two hours apart, while bonds that come back are put up again. */
const MOST_ROUNDS = 400;
/** Looks after which gas costs less again, and what has no deadline is sent. */
const DEAR_ROUNDS = 24;
const MOODS = { accept: 0, revert: 1, burnGas: 2, returnBomb: 3 } as const;

/** A model with a large input and output, and hardly any computation between them. */
function huge() {
  const build = new ProgramBuilder();
  const shape = [HUGE_BYTES / 4];
  const x = build.input('i32', shape);
  build.node(
    loop({
      dtype: 'i32',
      shape,
      constants: [1],
      operands: [sameShape(x, 'i32', shape)],
      post: (s) => [instruction('i32.add', s.operands, s.constants)],
    }),
  );
  return build.finish();
}

const hugeInput = (seed: number): Uint8Array =>
  Uint8Array.from({ length: HUGE_BYTES }, (_, i) => (i * 7 + seed) & 255);

const FAULT = { node: 2, element: 5, step: 7, xor: 0x00400000 };
const HUGE_FAULT = { node: 1, element: 3, xor: 1 };

/** The result of one strategy. Amounts include gas. */
export interface DrainFigures {
  readonly seed: number;
  readonly requests: number;
  readonly victimClaims: number;
  readonly victimDisputes: number;
  /** Gain of all attackers together; negative for a loss. */
  readonly gainedWei: bigint;
  /** Loss of all victims together; negative for a gain. */
  readonly lostWei: bigint;
  /** Disputes and claims that a victim lost, a sentence each. */
  readonly lost: readonly string[];
  /** Claims of victims and disputes that are still open at the end. */
  readonly open: number;
  /** Whether the provider answers only requests whose fee pays for its gas. */
  readonly isPaid: boolean;
}

/** Finds what must not happen: attackers gain, victims lose a bond or more than the attackers. @returns a sentence for each */
export function drained({ gainedWei, lostWei, lost, open, isPaid, seed }: DrainFigures): string[] {
  const found = lost.map((one) => `seed ${seed}: ${one}`);
  if (gainedWei > 0n) found.push(`seed ${seed}: the attackers gained ${gainedWei} wei`);
  if (open > 0) found.push(`seed ${seed}: ${open} claims or disputes are open at the end`);
  if (isPaid && lostWei > -gainedWei) {
    found.push(`seed ${seed}: the victims lost ${lostWei} wei, the attackers only ${-gainedWei}`);
  }
  return found;
}

/** A node that tells of a fortune that an account does not have: whoever believes it keeps nothing back for gas. */
function boastful<P extends object>(provider: P): P {
  return new Proxy(provider, {
    get: (honest, name) => {
      if (name === 'getBalance') return async () => FORTUNE_WEI;
      const found: unknown = Reflect.get(honest, name, honest);
      return typeof found === 'function' ? found.bind(honest) : found;
    },
  });
}

const LOOKS_OF_THE_RECKLESS = 6;
const LOOK_MS = 20;

/** Looks now and then: a pass of a service that cannot pay for what it has signed would never end. */
const hasty =
  (service: ChainService): Pass =>
  async () => {
    let sent = 0;
    service.retry();
    for (let look = 0; look < LOOKS_OF_THE_RECKLESS; look++) {
      const more = await service.pass();
      sent += more;
      if (more === 0 && !service.isBusy()) break;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return sent;
  };

interface Models {
  readonly layers: string;
  readonly huge: string;
  readonly foreign: string;
}

interface Sending {
  send(method: string, params: unknown[]): Promise<unknown>;
}

/** A deployment on which strategies are played one after the other, each against new victims. */
export class DrainStage {
  readonly #chain: DevelopmentChain;
  readonly #contracts: Contracts;
  readonly #shelf: Shelf;
  readonly #models: Models;
  /** Time that nobody waited for. */
  #sleptMs = 0;

  private constructor(chain: DevelopmentChain, contracts: Contracts, shelf: Shelf, models: Models) {
    this.#chain = chain;
    this.#contracts = contracts;
    this.#shelf = shelf;
    this.#models = models;
  }

  static async start(): Promise<DrainStage> {
    const chain = await startChain('in-process');
    const contracts = await deploy(chain.account(0), SAFE_BOUNDS);
    const shelf = await layersShelf();
    const { program, weights } = huge();
    const hugeModel = modelOf(program);
    shelf.put({ model: hugeModel, session: await referenceEngine.load(program, weights) });
    // Only its publisher has this model: its URI leads nowhere.
    const strange = new ProgramBuilder();
    strange.input('f32', [2, 200]);
    const foreign = modelOf(strange.finish().program);
    const attacker = asAccount(contracts, chain, ATTACKER);
    return new DrainStage(chain, contracts, shelf, {
      layers: await publish(contracts, modelOf(layers().program), ''),
      huge: await publish(contracts, hugeModel, ''),
      foreign: await publish(attacker, foreign, `http://127.0.0.1:1/${'../'.repeat(500)}`),
    });
  }

  stop(): Promise<void> {
    return this.#chain.stop();
  }

  /** Has time pass, for the services' clocks too. */
  async #sleep(): Promise<void> {
    this.#sleptMs += 1000 * LONGEST_SLEEP_SECONDS;
    await this.#chain.pass(LONGEST_SLEEP_SECONDS);
  }

  async #fund(address: string, wei: bigint): Promise<void> {
    await (this.#contracts.provider as unknown as Sending).send('hardhat_setBalance', [
      address,
      `0x${wei.toString(16)}`,
    ]);
  }

  async #has(address: string): Promise<bigint> {
    return (
      (await this.#contracts.provider.getBalance(address)) + (await this.#contracts.oracle.owed(address))
    );
  }

  /**
   * Plays one strategy of its seed to the end of everything that it began.
   *
   * @param isReckless whether the victims keep nothing back for gas: the strategies are to find that
   */
  async play(seed: number, isReckless = false): Promise<DrainFigures> {
    const random = new Random(seed);
    const contracts = this.#contracts;
    const fromBlock = (await contracts.provider.getBlockNumber()) + 1;
    const rpc = contracts.provider as unknown as Sending;
    let baseFeeWei = BigInt(1 + random.below(20)) * GWEI;
    /** Whoever looks sees the price of the next block. */
    const setBaseFee = async (): Promise<void> => {
      await rpc.send('hardhat_setNextBlockBaseFeePerGas', [`0x${baseFeeWei.toString(16)}`]);
      await rpc.send('evm_mine', []);
    };
    const [attacker, friend] = [ATTACKER, FRIEND].map((one) => asAccount(contracts, this.#chain, one)) as [
      Contracts,
      Contracts,
    ];
    const consumer = await new HostileConsumer__factory(this.#chain.account(ATTACKER)).deploy();
    await consumer.waitForDeployment();
    const hostile = [
      await this.#chain.account(ATTACKER).getAddress(),
      await this.#chain.account(FRIEND).getAddress(),
      await consumer.getAddress(),
    ];
    for (const address of hostile.slice(0, 2)) await this.#fund(address, FORTUNE_WEI);

    // ---- the victims ----
    const purse = (): bigint => parseEther('1') * BigInt(1 + random.below(10));
    const victims = [purse(), purse()].map((wei) => ({ wallet: Wallet.createRandom(), wei }));
    for (const { wallet, wei } of victims) await this.#fund(wallet.address, wei);
    const [providing, watching] = victims.map(({ wallet }) => wallet.address) as [string, string];
    const isPaid = random.chance(60);
    const limits = {
      maxBondWei: random.chance(30) ? parseEther('1') : undefined,
      maxBondsWei: random.chance(30) ? parseEther('2') : undefined,
    };
    const node = isReckless ? boastful(contracts.provider) : contracts.provider;
    const of = (wallet: HDNodeWallet) => ({
      contracts: as(contracts, wallet.connect(node)),
      ...{ runner: this.#shelf, limits, fromBlock },
      readInput: async () => undefined,
      sending: { now: () => performance.now() + this.#sleptMs },
    });
    const services = [
      provideService({
        ...of(victims[0]!.wallet),
        leastFeeWei: isPaid ? 'gas' : 0n,
        callbacks: random.pick(['paid', 'never']),
      }),
      watchService(of(victims[1]!.wallet)),
    ].map(isReckless ? hasty : patient);
    /** Honest services look at the chain between any two actions of others. */
    const lookAll = async (): Promise<void> => {
      await setBaseFee();
      for (const pass of services) await pass();
    };

    // ---- the strategy ----
    const wrong: Runner = lyingRunner(this.#shelf, (right) =>
      plantFaults(right, [right.model.program.nodes.length === 2 ? HUGE_FAULT : FAULT]),
    );
    const lying = createProvider({
      contracts: attacker,
      runner: wrong,
      fromBlock,
      accepts: () => random.chance(80),
    });
    const erring = createWatcher({ contracts: friend, runner: wrong, fromBlock });
    const index = new EventIndex(contracts, { fromBlock });
    const world = (): Promise<World> => index.update();
    let asked = 0;

    /** Bonds of a claim and of its challenge that leave a victim with little. */
    const bondsNear = async (): Promise<[claimBondWei: bigint, challengeBondWei: bigint]> => {
      const isWatching = random.chance(50);
      const rest = await contracts.provider.getBalance(isWatching ? watching : providing);
      const bond = random.pick([
        rest - (LARGEST_REST_WEI >> BigInt(random.below(5))),
        rest - (LARGEST_REST_WEI >> BigInt(random.below(5))),
        rest >> BigInt(random.below(6)),
        rest - BigInt(random.below(1_000_000)) * GWEI,
        2n * rest,
        SAFE_BOUNDS.min.claimBondWei,
      ]);
      const claimBondWei = larger(isWatching ? 2n * bond : bond, SAFE_BOUNDS.min.claimBondWei);
      const most = claimBondWei / 2n;
      const least = SAFE_BOUNDS.min.challengeBondWei;
      return [claimBondWei, isWatching ? most : random.pick([most, most, least])];
    };
    const ask = async (): Promise<void> => {
      const [claimBondWei, challengeBondWei] = await bondsNear();
      const which = random.pick(['layers', 'layers', 'layers', 'huge', 'foreign'] as const);
      const callbackGas = random.pick([0n, 0n, 50_000n, 1_000_000n, 5_000_000n]);
      const bytes = which === 'huge' ? BigInt(HUGE_BYTES) : 24n;
      const gasWei = (claimGas(Number(bytes)) + finalizeGas(Number(bytes))) * CALM_WEI;
      const terms: Terms = {
        ...PLAIN_TERMS,
        ...{
          claimBondWei,
          challengeBondWei,
          windowSeconds: DAY,
          clockSeconds: DAY,
          patienceSeconds: 3600n,
          callbackGas,
        },
        callbackFeeWei:
          callbackGas === 0n ? 0n : random.pick([0n, 1n, callbackGas * GWEI, parseEther('0.01')]),
      };
      const feeWei = random.pick([0n, 1n, gasWei, gasWei, gasWei - 1n, parseEther('0.01')]);
      const seedOfInput = 1000 * seed + ++asked;
      const input = which === 'huge' ? hugeInput(seedOfInput) : layersInput(seedOfInput);
      const value = feeWei + terms.callbackFeeWei;
      const modelId = this.#models[which];
      const [oracle, by] = [attacker.oracle, await contracts.oracle.getAddress()];
      await consumer.plan(random.pick(Object.values(MOODS)), random.chance(30), by, '0x');
      if (random.chance(15) && which === 'layers') {
        // Nobody can have the input of this root.
        const root = `0x${'5a'.repeat(32)}`;
        await oracle.requestByRoot(modelId, [root], 'http://127.0.0.1:1/', terms, feeWei, { value });
      } else if (random.chance(50)) await consumer.ask(by, modelId, input, terms, feeWei, { value });
      else await oracle.request(modelId, input, terms, feeWei, { value });
    };
    const open = async (): Promise<ClaimRecord[]> => [...(await world()).claims.values()];
    const ofVictim = ({ claimant }: ClaimRecord): boolean => claimant === providing;
    const actions: readonly (() => Promise<unknown>)[] = [
      ask,
      ask,
      // Several bonds, each as near as the one before.
      async () => {
        for (let i = 0; i < 3; i++) {
          await ask();
          await lying();
          await lookAll();
        }
      },
      lying,
      lying,
      lying,
      erring,
      erring,
      // False challenges of right claims; erring watchers play some of them on.
      async () => {
        for (const one of (await open()).filter(ofVictim))
          if (random.chance(50)) await challenge(random.pick([attacker, friend]), one);
      },
      // Disputes among attackers, to overtake honest challengers.
      async () => {
        for (const one of await open()) if (!ofVictim(one) && random.chance(50)) await challenge(friend, one);
      },
      // Copies of the victim's answers.
      async () => {
        for (const one of (await open()).filter(ofVictim)) {
          if (one.answer.kind === 'bytes' && random.chance(50))
            await claim(friend, one.request, bytesOfHex(one.answer.bytes));
        }
      },
      // Claims on the model that nobody else has.
      async () => {
        for (const one of (await world()).requests.values()) {
          if (one.request.modelId === this.#models.foreign && one.status === 'open')
            await claim(attacker, one, layersInput(seed + asked));
        }
      },
      async () => {
        for (const one of (await world()).disputes.values())
          await timeout(attacker, one).catch(() => undefined);
      },
      async () => {
        for (const one of (await world()).requests.values())
          if (random.chance(30))
            await attacker.oracle.cancel(one.requestId, one.request).catch(() => undefined);
      },
      async () => {
        for (let looks = random.below(5); looks >= 0; looks--) {
          await this.#sleep();
          await lookAll();
        }
      },
      // The price of gas is nobody's choice, and who has kept nothing back cannot pay when it rises.
      async () => {
        baseFeeWei = BigInt(random.pick([1 + random.below(20), MOST_GWEI])) * GWEI;
      },
    ];
    const before = (await Promise.all(hostile.map((one) => this.#has(one)))).reduce((a, b) => a + b);
    await ask();
    for (let i = 0; i < DEEDS; i++) {
      await setBaseFee();
      // An action that the chain refuses has no effect.
      await random
        .pick(actions)()
        .catch(() => undefined);
      await lookAll();
    }
    const calm = (): void => {
      baseFeeWei = GWEI;
    };
    await this.#end(lookAll, calm, world, attacker, friend);

    // ---- the result ----
    const after = (await Promise.all(hostile.map((one) => this.#has(one)))).reduce((a, b) => a + b);
    const rests = await Promise.all(victims.map(({ wallet }) => this.#has(wallet.address)));
    const all = await world();
    const honest = [providing, watching];
    const own = disputesIn(all).filter(({ claim, challenger }) =>
      [claim.claimant, challenger].some((one) => honest.includes(one)),
    );
    const lostDisputes = own.filter(
      ({ ended }) => ended && !honest.includes(ended.winner) && ended.reason !== 'ClaimAlreadyFalsified',
    );
    const claims = claimsIn(all).filter(ofVictim);
    return {
      ...{ seed, requests: asked, victimClaims: claims.length, victimDisputes: own.length, isPaid },
      gainedWei: after - before,
      lostWei: victims.reduce((sum, { wei }, i) => sum + wei - rests[i]!, 0n),
      lost: [
        ...lostDisputes.map(({ disputeId, ended }) => `dispute ${disputeId} was lost: ${ended?.reason}`),
        ...claims
          .filter(({ status }) => status === 'falsified')
          .map(({ claimId }) => `claim ${claimId} was lost`),
      ],
      open: all.disputes.size + [...all.claims.values()].filter(ofVictim).length,
    };
  }

  /** Lets clocks and windows run out; victims act as they must, and attackers take back what they can. */
  async #end(
    lookAll: () => Promise<void>,
    calm: () => void,
    world: () => Promise<World>,
    attacker: Contracts,
    friend: Contracts,
  ): Promise<void> {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      if (round === DEAR_ROUNDS) calm();
      await this.#sleep();
      await lookAll();
      const { claims, disputes } = await world();
      if (claims.size + disputes.size === 0) break;
      for (const one of disputes.values()) {
        await timeout(attacker, one).catch(() => undefined);
        await friend.game.reclaim(one.disputeId, one.dispute, one.subject).catch(() => undefined);
      }
      for (const one of claims.values()) await finalize(attacker, one, false).catch(() => undefined);
    }
  }
}

/** Sums over many strategies. */
export interface DrainTotals {
  strategies: number;
  requests: number;
  victimClaims: number;
  victimDisputes: number;
  /** The most that the attackers of one strategy gained, ether; a loss is below zero. */
  mostGained: number;
  /** The most that the victims of one strategy lost, ether: gas, less what they won. */
  mostLost: number;
}

/** Plays many strategies. @param onFound is called with a sentence for each thing that must not happen */
export async function playDrains(
  first: number,
  strategies: number,
  onFound: (sentence: string) => void,
): Promise<DrainTotals> {
  const stage = await DrainStage.start();
  const [none, ether] = [Number.NEGATIVE_INFINITY, (wei: bigint) => Number(wei) / 1e18];
  const totals = {
    ...{ strategies, requests: 0, victimClaims: 0, victimDisputes: 0 },
    ...{ mostGained: none, mostLost: none },
  };
  try {
    for (let seed = first; seed < first + strategies; seed++) {
      const figures = await stage.play(seed);
      for (const sentence of drained(figures)) onFound(sentence);
      for (const key of ['requests', 'victimClaims', 'victimDisputes'] as const) totals[key] += figures[key];
      totals.mostGained = Math.max(totals.mostGained, ether(figures.gainedWei));
      totals.mostLost = Math.max(totals.mostLost, ether(figures.lostWei));
    }
  } finally {
    await stage.stop();
  }
  return totals;
}
