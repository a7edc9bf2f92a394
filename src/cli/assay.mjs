#!/usr/bin/env node
// The `assay` command of a clone. Plain JavaScript, so that an older Node can start it and hand over to a newer one.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as modules from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findNode, isNewEnough, NODE_WANTED, root } from '../../scripts/node.mjs';

const args = process.argv.slice(2);
const say = (line) => console.error(`assay: ${line}`);

if (!existsSync(join(root, 'node_modules', 'esbuild'))) {
  say('nothing is installed yet; run `npm start` in the project once');
  process.exitCode = 1;
} else if (!isNewEnough()) {
  const node = findNode(say);
  if (!node) say(`needs Node ${NODE_WANTED} or newer, and npx could not fetch one`);
  const again = node && spawnSync(node, [process.argv[1], ...args], { stdio: 'inherit' });
  process.exitCode = again?.status ?? 1;
} else {
  modules.enableCompileCache();
  const { freshCommand } = await import('../../scripts/package/freshCommand.mjs');
  await import(pathToFileURL(await freshCommand()).href);
}
