// `npm run shots`: takes the pictures of the explorer that its README shows, light and dark, of a desktop and a phone.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const MOST_BYTES = 1_500_000;
const root = join(import.meta.dirname, '..');
const folder = join(root, 'src/explorer/pictures');

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
const { status } = spawnSync(
  process.execPath,
  [
    ...[join(root, 'scripts/bootstrap.mjs'), 'hardhat', 'test', 'mocha', '--no-compile'],
    'test/explorer/page.test.ts',
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ASSAY_SHOTS: folder } },
);
const pictures = readdirSync(folder);
const bytes = pictures.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
console.log(`${pictures.length} pictures, ${(bytes / 1e6).toFixed(2)} MB`);
if (bytes > MOST_BYTES) console.error(`the repository takes ${MOST_BYTES / 1e6} MB of them at most`);
process.exitCode = status === 0 && bytes <= MOST_BYTES ? 0 : 1;
