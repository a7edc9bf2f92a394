import { statSync } from 'node:fs';
import { readBytes } from '../../files/bytes.ts';
import { InputError } from '../../files/inputError.ts';

/** Longer files are not read: whatever they are, they are no key or password with some blanks around it. */
const MAX_BYTES = 1024;
/** Read, write and search for the group and for all others. */
const OTHERS = 0o077;

/**
 * The text of a file that holds a secret, without blanks at its ends.
 *
 * @param what it holds, for messages, such as `one private key`
 * @throws InputError if anybody but its owner may open it, or it is too long
 */
export function readSecretFile(path: string, what: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() && stat.size > MAX_BYTES) {
    throw new InputError(`${path}: too long for a file that holds ${what}`);
  }
  // Windows has no such bits and shows them all as set.
  if (stat?.isFile() && stat.mode & OTHERS && process.platform !== 'win32') {
    const mode = (stat.mode & 0o777).toString(8);
    throw new InputError(
      `${path}: others than its owner may open it (mode ${mode}); run \`chmod 600 ${path}\`, and replace the secret if somebody may have read it`,
    );
  }
  return new TextDecoder().decode(readBytes(path)).trim();
}
