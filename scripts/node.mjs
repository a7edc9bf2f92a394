// Finds a Node new enough for this project: this one, the one found last time, or one fetched from npm.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Hardhat 3 needs it, and so does node:sqlite.
export const NODE_WANTED = '22.13';
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

// Remembered, because asking npx again costs half a second and, at times, the network.
const memory = join(root, 'build', 'node-path');

export function isNewEnough(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  const [wantedMajor, wantedMinor] = NODE_WANTED.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** The path of a suitable Node, or undefined. */
export function findNode(say) {
  if (isNewEnough()) return process.execPath;
  const remembered = existsSync(memory) ? readFileSync(memory, 'utf8') : '';
  if (remembered && existsSync(remembered)) return remembered;
  say(`Node ${process.versions.node} is too old; fetching Node 24 through npx`);
  const result = spawnSync('npx', ['-y', '-p', 'node@24', '--', 'node', '-p', 'process.execPath'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    shell: process.platform === 'win32',
  });
  const path = result.stdout?.trim().split('\n').pop() ?? '';
  if (result.status !== 0 || !existsSync(path)) return undefined;
  mkdirSync(dirname(memory), { recursive: true });
  writeFileSync(memory, path);
  return path;
}
