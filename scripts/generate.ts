// Writes the files whose source is a TypeScript table:
//
//   src/scalar/instructions.ts      →  contracts/libraries/generated/Opcodes.sol
//   src/merkle/tags.ts              →  contracts/libraries/generated/Tags.sol
//   src/program/limits.ts           →  contracts/libraries/generated/Limits.sol
//   src/chain/deployment/bounds.ts  →  ignition/parameters/*.json
import { writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { BOUNDS, type Bounds } from '../src/chain/deployment/bounds.ts';
import { TAGS } from '../src/merkle/tags.ts';
import { CHUNK_BYTES, LEAF_GAS, LIMITS, MAX_INTERVALS, MAX_REVEAL_LEVELS } from '../src/program/limits.ts';
import { INSTRUCTION_SET_VERSION, INSTRUCTIONS } from '../src/scalar/instructions.ts';

const constant = (type: string, name: string, value: number | string, notice?: string): string =>
  `${notice ? `/// @notice ${notice}\n` : ''}${type} internal constant ${name} = ${value};`;

const library = (name: string, source: string, notice: string, constants: readonly string[]) => ({
  file: `contracts/libraries/generated/${name}.sol`,
  text: `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title ${name}
/// @notice ${notice} Generated from ${source}: change that, then \`npm run generate\`.
library ${name} {
${constants.join('\n')}
}
`,
});

/** `f32.from_i32` → `F32_FROM_I32` */
const upperSnake = (name: string): string => name.replace('.', '_').toUpperCase();

/** One word with a field of `bits` for each of 256 / bits opcodes from `first` on, the lowest field first. */
function packed(bits: number, first: number, field: (opcode: number) => number): string {
  let word = 0n;
  for (let i = 0; i < 256 / bits; i++) word |= BigInt(field(first + i)) << BigInt(i * bits);
  return `0x${word.toString(16).padStart(64, '0')}`;
}

const arityOf = (opcode: number): number => INSTRUCTIONS[opcode - 1]?.arity ?? 0;
const gasOf = (opcode: number): number => INSTRUCTIONS[opcode - 1]?.gas ?? 0;

const libraries = [
  library('Opcodes', 'src/scalar/instructions.ts', 'The scalar instruction set.', [
    constant('uint32', 'VERSION', INSTRUCTION_SET_VERSION, 'Version of the instruction set.'),
    ...INSTRUCTIONS.map(({ name, opcode }) => constant('uint8', upperSnake(name), opcode)),
    constant('uint8', 'LAST', INSTRUCTIONS.length, 'The greatest opcode; 0 is none.'),
    constant('uint256', 'ARITIES', packed(2, 0, arityOf), 'References that each opcode reads, 2 bits each.'),
    constant('uint256', 'GAS_LOW', packed(16, 0, gasOf), 'Gas bound of opcodes 0..15, 16 bits each.'),
    constant('uint256', 'GAS_HIGH', packed(16, 16, gasOf), 'Gas bound of opcodes 16..31, 16 bits each.'),
  ]),
  library(
    'Tags',
    'src/merkle/tags.ts',
    'First byte of every hash preimage.',
    Object.entries(TAGS).map(([name, value]) => constant('uint8', name, value)),
  ),
  library('Limits', 'src/program/limits.ts', 'Static limits of a program and of the moves.', [
    ...Object.entries(LIMITS).map(([name, value]) => constant('uint256', name, value)),
    ...Object.entries(LEAF_GAS).map(([name, value]) => constant('uint256', `LEAF_GAS_${name}`, value)),
    constant('uint256', 'CHUNK_BYTES', CHUNK_BYTES),
    constant('uint256', 'MAX_REVEAL_LEVELS', MAX_REVEAL_LEVELS),
    constant('uint256', 'MAX_INTERVALS', MAX_INTERVALS),
  ]),
];

for (const { file, text } of libraries) {
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}

/** The parameters of the module Assay, numbers as Hardhat Ignition writes large ones: `123n`. */
const parameters = ({ min, max }: Bounds): string =>
  JSON.stringify({ Assay: { min, max } }, (_, value) => (typeof value === 'bigint' ? `${value}n` : value), 2);

for (const [name, bounds] of Object.entries(BOUNDS)) {
  writeFileSync(`ignition/parameters/${name}.json`, `${parameters(bounds)}\n`);
}
