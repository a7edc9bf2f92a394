import { join } from 'node:path';
import { build } from 'esbuild';

const INDEX =
  '<!doctype html><meta charset="utf-8"><title>Assay</title><script type="module" src="assay.js"></script>\n';

/**
 * The pure parts of Assay as a page: its files by their paths.
 *
 * @param entry the module that the page runs
 */
export async function bundlePage(
  entry = join(import.meta.dirname, 'page.ts'),
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    write: false,
    logLevel: 'silent',
  });
  return new Map([
    ['/', new TextEncoder().encode(INDEX)],
    ['/assay.js', outputFiles[0]!.contents],
  ]);
}
