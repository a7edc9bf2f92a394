import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The packages that bundled files came from, as folders in node_modules. */
function packagesOf(inputs: readonly string[]): string[] {
  const folders = inputs.flatMap(
    (path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [],
  );
  return [...new Set(folders)].sort();
}

/**
 * The licences of bundled packages, which ask to go where the code goes.
 *
 * @param inputs paths of bundled files, relative to `root`
 * @throws Error if a package has no licence to show
 */
export function notices(root: string, inputs: readonly string[]): string {
  const parts = packagesOf(inputs).map((folder) => {
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
      readonly name: string;
      readonly version: string;
      readonly license?: string;
      readonly author?: string | { readonly name?: string };
    };
    const file = readdirSync(join(root, folder)).find((name) => /^(licen[cs]e|copying)/i.test(name));
    const author = typeof manifest.author === 'object' ? manifest.author.name : manifest.author;
    const text = file
      ? readFileSync(join(root, folder, file), 'utf8').trim()
      : manifest.license && `${manifest.license} License${author ? `, © ${author}` : ''}`;
    if (!text) throw new Error(`${manifest.name} has no licence, so it cannot be bundled`);
    return `${manifest.name} ${manifest.version}\n\n${text}\n`;
  });
  return `This package holds code of the following packages.\n\n${parts.join(`\n${'-'.repeat(78)}\n\n`)}`;
}
