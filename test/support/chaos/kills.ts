// Provider and watcher killed at random instants, while a liar claims and an erring challenger disputes.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Terms } from '../../../src/chain/types.ts';
import type { World } from '../../../src/chain/world.ts';
import { request } from '../../../src/client/client.ts';
import { provideService } from '../../../src/provider/provider.ts';
import { watchService } from '../../../src/watcher/watcher.ts';
import { layersInput, liar } from '../layers.ts';
import { keyOf } from '../protocol.ts';
import type { Random } from '../randomProgram.ts';
import { seedsOfLies } from './crowd.ts';
import type { Rig } from './rig.ts';

const [PROVIDER, WATCHER, LIAR, ERRING] = [1, 2, 4, 6];
const FAULT = { node: 2, element: 5, step: 7, xor: 0x00400000 };
const SCRIPT = join(import.meta.dirname, 'serviceProcess.ts');

export interface KillFigures {
  readonly kills: number;
  readonly lies: number;
  readonly falsifiedLies: number;
  /** Claims of the provider that were falsified. */
  readonly lostClaims: number;
  /** Disputes that the watcher lost. */
  readonly lostDisputes: number;
  /** Disputes of the watcher beyond one a claim. */
  readonly doubleChallenges: number;
  /** Transactions of provider and watcher; those mined twice with the same call; those that reverted. */
  readonly sent: number;
  readonly twice: number;
  readonly reverted: number;
  /** Failures that they told, without repeats. */
  readonly failures: readonly string[];
}

interface Child {
  readonly process: ChildProcess;
  readonly said: string[];
}

/** Calls that are the same each time. */
const REPEATED = new Set(['withdraw']);

/**
 * @param kills how many
 * @param longestMs the longest life of a process between two kills
 */
export async function killAtRandom(
  rig: Rig,
  random: Random,
  { kills, longestMs, terms }: { kills: number; longestMs: number; terms: Terms },
): Promise<KillFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'assay-kills-'));
  const failures = new Set<string>();
  const children: Child[] = [];
  const start = (kind: 'provide' | 'watch', index: number): Child => {
    const args = ['--import', 'tsx', SCRIPT, kind, rig.proxy.url, rig.oracle, keyOf(index), folder];
    const child: Child = {
      process: spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] }),
      said: [],
    };
    child.process.stdout?.on('data', (data: Buffer) => {
      for (const line of data.toString().trim().split('\n')) {
        child.said.push(line);
        if (line.startsWith('failed')) failures.add(line);
      }
    });
    children.push(child);
    return child;
  };
  const end = async ({ process: child }: Child): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  };
  try {
    const wrong = liar(rig.shelf, FAULT);
    const seeds = await seedsOfLies(rig, wrong, kills + 2);
    rig.run((listen) => provideService({ contracts: rig.at(LIAR), runner: wrong, listen }));
    rig.run((listen) => watchService({ contracts: rig.at(ERRING), runner: wrong, listen }));
    const live = { provide: start('provide', PROVIDER), watch: start('watch', WATCHER) };
    let asked = 0;
    const ask = async (): Promise<void> => {
      await request(rig.contracts, rig.modelId, layersInput(seeds[asked++]!), terms, 0n);
    };
    await ask();
    for (let i = 0; i < kills; i++) {
      const kind = i % 2 ? 'provide' : 'watch';
      // From before its first look to the middle of its work.
      await new Promise((resolve) => setTimeout(resolve, random.between(200, longestMs)));
      await end(live[kind]);
      live[kind] = start(kind, kind === 'provide' ? PROVIDER : WATCHER);
      if (i % 3 === 0) await ask();
    }
    const ofLiar = ({ claims }: World) =>
      [...claims.values()].filter(({ claimant }) => claimant === rig.address(LIAR));
    const isOver = (world: World): boolean => {
      const own = [...world.disputes.values()].filter(
        ({ challenger }) => challenger === rig.address(WATCHER),
      );
      return (
        ofLiar(world).length === asked &&
        ofLiar(world).every(({ status }) => status === 'falsified') &&
        own.every(({ ended }) => ended) &&
        [...world.claims.values()].filter(({ claimant }) => claimant === rig.address(PROVIDER)).length ===
          asked
      );
    };
    const world = await rig.until(isOver);
    const own = [...world.disputes.values()].filter(({ challenger }) => challenger === rig.address(WATCHER));
    const transactions = [...(await rig.transactions(PROVIDER)), ...(await rig.transactions(WATCHER))];
    const calls = new Map<string, number>();
    for (const { input, status } of transactions) {
      const name = rig.contracts.oracle.interface.parseTransaction({ data: input })?.name;
      if (status === 1 && !REPEATED.has(name ?? '')) calls.set(input, (calls.get(input) ?? 0) + 1);
    }
    return {
      kills,
      lies: ofLiar(world).length,
      falsifiedLies: ofLiar(world).filter(({ status }) => status === 'falsified').length,
      lostClaims: [...world.claims.values()].filter(
        ({ claimant, status }) => claimant === rig.address(PROVIDER) && status === 'falsified',
      ).length,
      lostDisputes: own.filter(({ ended }) => ended?.winner !== rig.address(WATCHER)).length,
      doubleChallenges: own.length - new Set(own.map(({ claim }) => claim.claimId)).size,
      sent: transactions.length,
      twice: [...calls.values()].filter((count) => count > 1).length,
      reverted: transactions.filter(({ status }) => status === 0).length,
      failures: [...failures],
    };
  } finally {
    for (const child of children) await end(child);
    rmSync(folder, { recursive: true, force: true });
  }
}
