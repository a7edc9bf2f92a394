// How the page of the explorer becomes files: esbuild, for browsers. Plain JavaScript, because the `assay` command of a clone
// is bundled before any TypeScript can run.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const sources = join(import.meta.dirname, 'page');

/** Files that are served as they are. */
const STATIC = ['index.html', 'page.css', 'icon.svg'];

/**
 * Bundles the page. What it needs later, such as the engine, is in files of its own.
 *
 * @param {string} outdir the folder to write, which the server serves
 * @returns {Promise<import('esbuild').Metafile>} which sources went into which file
 */
export async function bundleExplorer(outdir) {
  const { metafile } = await build({
    absWorkingDir: join(import.meta.dirname, '../..'),
    entryPoints: {
      page: join(sources, 'main.tsx'),
      check: join(sources, 'check/worker.ts'),
      text: join(sources, 'text/worker.ts'),
    },
    outdir,
    bundle: true,
    splitting: true,
    minify: true,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    // It extends the project's, which says nothing about how to bundle.
    tsconfigRaw: {},
    chunkNames: 'chunks/[name]-[hash]',
    logLevel: 'error',
  });
  mkdirSync(outdir, { recursive: true });
  for (const name of STATIC) copyFileSync(join(sources, name), join(outdir, name));
  return metafile;
}
