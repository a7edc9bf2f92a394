// Provider and watcher killed at random instants, while a liar claims and an erring challenger disputes.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Terms } from '../../../src/chain/contracts/types.ts';
import { request } from '../../../src/client/client.ts';
import { provideService } from '../../../src/provider/provider.ts';
import { watchService } from '../../../src/watcher/watcher.ts';
import { liar } from '../layers.ts';
import { keyOf } from '../protocol.ts';
import type { Random } from '../randomProgram.ts';
import { seedsOfLies } from './crowd.ts';
import type { Rig } from './rig.ts';
import { type HonestFigures, honestFigures, isSettled } from './tally.ts';

const [PROVIDER, WATCHER, LIAR, ERRING] = [1, 2, 4, 6];
const FAULT = { node: 2, element: 5, step: 7, xor: 0x00400000 };
const SCRIPT = join(import.meta.dirname, 'serviceProcess.ts');
/** Some packages in it ask for Node's own modules with `require`, which modules lack. */
const REQUIRE = "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);";

export interface KillFigures extends HonestFigures {
  readonly kills: number;
  /** Failures that they told, without repeats. */
  readonly failures: readonly string[];
}

interface Child {
  readonly process: ChildProcess;
  readonly said: string[];
}

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
  // Bundled, so that a process starts at once and is killed in the middle of its work.
  const program = join(folder, 'service.mjs');
  const common = { bundle: true, platform: 'node', format: 'esm', logLevel: 'error' } as const;
  await build({ ...common, entryPoints: [SCRIPT], outfile: program, banner: { js: REQUIRE } });
  const failures = new Set<string>();
  const children: Child[] = [];
  const start = (kind: 'provide' | 'watch', index: number): Child => {
    const args = [program, kind, rig.proxy.url, rig.oracle, keyOf(index), folder];
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
      await request(rig.contracts, rig.modelId, rig.input(seeds[asked++]!), terms, 0n);
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
    const honest = { provider: PROVIDER, watcher: WATCHER };
    await rig.until(isSettled(rig, honest, { requests: asked, answered: asked, lies: asked }));
    return { kills, ...(await honestFigures(rig, honest)), failures: [...failures] };
  } finally {
    for (const child of children) await end(child);
    rmSync(folder, { recursive: true, force: true });
  }
}
