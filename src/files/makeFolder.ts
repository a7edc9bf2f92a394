import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/**
 * Makes a folder and the ones above it that are missing. Node's `recursive` option tries for ever where a folder that is
 * there cannot have others made in it and says that it is missing, as under /proc.
 *
 * @throws the system's error, such as ENOENT, EACCES, EEXIST for a file in its place, or EROFS
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); ; at = dirname(at)) {
    try {
      mkdirSync(at);
      break;
    } catch (error) {
      if (codeOf(error) === 'EEXIST' && statSync(at).isDirectory()) break;
      if (codeOf(error) !== 'ENOENT' || at === dirname(at)) throw error;
      missing.push(at);
    }
  }
  for (const at of missing.reverse()) {
    try {
      mkdirSync(at);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}
