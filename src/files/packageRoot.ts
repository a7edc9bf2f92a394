import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The closest folder at or above `folder` that has a package.json. */
function findRoot(folder: string): string {
  const above = dirname(folder);
  return existsSync(join(folder, 'package.json')) || above === folder ? folder : findRoot(above);
}

/** The folder of this package: source files and the bundled ones, at another depth, find its data from here. */
export const packageRoot = findRoot(dirname(fileURLToPath(import.meta.url)));
