#!/usr/bin/env node
// The part of the `solc` command that slither calls, over the compiler from npm: `--version` and `--standard-json`.
// slither reads syntax trees. The bytecode that it asks for besides takes most of the time, so it gets none.
import { readFileSync } from 'node:fs';
import solc from 'solc';

if (process.argv.includes('--version')) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else {
  const input = JSON.parse(readFileSync(0, 'utf8'));
  input.settings.outputSelection = { '*': { '*': ['abi', 'metadata', 'devdoc', 'userdoc'], '': ['ast'] } };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const none = { object: '', sourceMap: '', linkReferences: {}, opcodes: '' };
  for (const contracts of Object.values(output.contracts ?? {})) {
    for (const contract of Object.values(contracts))
      contract.evm = { bytecode: none, deployedBytecode: none };
  }
  process.stdout.write(JSON.stringify(output));
}
