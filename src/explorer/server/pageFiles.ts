import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import type { PageFile } from './server.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Where a bundle of the command has the page: beside its main file, of which this may be a part. */
const PLACES = ['./explorer', '../explorer'];

/** @throws Error in a program that was not bundled */
export function pageFolder(): string {
  const found = PLACES.map((place) => join(import.meta.dirname, place)).find((path) =>
    existsSync(join(path, 'index.html')),
  );
  if (!found) throw new Error(`the page of the explorer is not beside ${import.meta.dirname}`);
  return found;
}

/** The files of a folder by the paths under which they are served. */
export function readPage(folder: string): ReadonlyMap<string, PageFile> {
  const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((one) => one.isFile());
  const served = new Map(
    files.map((file): [string, PageFile] => {
      const path = join(file.parentPath, file.name);
      const type = TYPES[extname(file.name)] ?? 'application/octet-stream';
      return [
        `/${relative(folder, path).split(sep).join('/')}`,
        { bytes: new Uint8Array(readFileSync(path)), type },
      ];
    }),
  );
  const index = served.get('/index.html');
  if (index) served.set('/', index);
  return served;
}
