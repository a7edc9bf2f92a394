// How sources become the JavaScript that runs: esbuild, with what may load late in files of its own.
// Plain JavaScript, because the `assay` command of a clone is bundled before any TypeScript can run.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from '../node.mjs';

/** Found in the user's project if at all: they are large, and only some uses need them. */
const OPTIONAL = ['@nomicfoundation/*', 'bullmq', 'hardhat', 'ioredis', 'webgpu'];

/** The body of worker threads, which whatever runs models starts as a file of its own. */
const THREADS = { runThread: 'src/work/thread.ts' };

/** Packages in CommonJS ask for Node's own modules with `require`, which modules lack. In a page it stays undefined. */
const REQUIRE =
  "const require = globalThis.process?.getBuiltinModule?.('node:module').createRequire(import.meta.url);";

/** Whether the contracts are compiled, whose code and interfaces the command line uses. */
export const hasContracts = () => existsSync(join(root, 'build', 'typechain', 'index.ts'));

/**
 * Bundles for Node 22.
 *
 * @param {{ entries: Record<string, string>, outdir: string, external?: string[] }} what files to write by their
 *   names without `.js`, each from the path of its source
 * @returns {Promise<import('esbuild').Metafile>} which sources went into which file
 */
export async function bundle({ entries, outdir, external = [] }) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { ...entries, ...THREADS },
    outdir,
    bundle: true,
    splitting: true,
    metafile: true,
    format: 'esm',
    platform: 'node',
    // protobufjs, among others, is smaller as a module.
    mainFields: ['module', 'main'],
    target: 'node22.13',
    chunkNames: 'chunks/[name]-[hash]',
    external: [...OPTIONAL, ...external, ...(hasContracts() ? [] : ['#typechain'])],
    banner: { js: REQUIRE },
    logLevel: 'error',
  });
  return metafile;
}
