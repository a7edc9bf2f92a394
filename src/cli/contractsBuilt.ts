import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from './inputError.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * To be called before anything is imported that speaks to the contracts.
 *
 * @throws InputError if this checkout has not compiled them
 */
export function requireContracts(): void {
  if (existsSync(join(root, 'build', 'typechain'))) return;
  throw new InputError('the contracts are not compiled yet; run `npm run compile` in the project once');
}
