// The `assay` command of a clone: bundled again whenever a source file has changed, so that it starts as fast as the
// installed one and still is what the sources say. Plain JavaScript, because it runs before any TypeScript can.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../node.mjs';

const folder = join(root, 'build', 'command');
/** Bundles unused for so long are removed; a service that was started from one may still load a part of it. */
const KEEP_MS = 7 * 24 * 3600 * 1000;

/** Changes whenever the bundle may: names, sizes and times of its sources, not their contents. */
function sourcesDigest() {
  const sources = readdirSync(join(root, 'src'), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const others = [
    'package-lock.json',
    'scripts/package/bundle.mjs',
    'build/typechain/index.ts',
    'build/compiled',
  ];
  const files = [...sources.sort(), ...others.map((name) => join(root, name)).filter(existsSync)];
  const hash = createHash('sha256');
  for (const file of files) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

function removeOld(now) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (now - statSync(path).mtimeMs > KEEP_MS) rmSync(path, { recursive: true, force: true });
  }
}

/**
 * Bundles the command if its sources have changed.
 *
 * @returns {Promise<string>} the file to run
 * @throws if a source has a syntax error, or the disk is full
 */
export async function freshCommand() {
  const current = join(folder, sourcesDigest());
  const file = join(current, 'assay.js');
  if (existsSync(file)) return file;
  const { bundle } = await import('./bundle.mjs');
  mkdirSync(folder, { recursive: true });
  removeOld(Date.now());
  const unfinished = mkdtempSync(join(folder, '.unfinished-'));
  const { bundleExplorer } = await import('../../src/explorer/bundlePage.mjs');
  await Promise.all([
    bundle({ entries: { assay: 'src/cli/main.ts' }, outdir: unfinished }),
    bundleExplorer(join(unfinished, 'explorer')),
  ]);
  try {
    // In one step, because several commands may start at the same time.
    renameSync(unfinished, current);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(file)) throw error;
  }
  return file;
}
