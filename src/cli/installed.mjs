#!/usr/bin/env node
// The `assay` command of an installed package. It imports nothing before it knows that this Node can.
import * as modules from 'node:module';

// node:sqlite came with it.
const WANTED = [22, 13];

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < WANTED[0] || (major === WANTED[0] && minor < WANTED[1])) {
  console.error(`assay: needs Node ${WANTED.join('.')} or newer; this is ${process.versions.node}`);
  process.exitCode = 1;
} else {
  modules.enableCompileCache();
  await import('./command/main.js');
}
