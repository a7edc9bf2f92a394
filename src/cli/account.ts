import { statSync } from 'node:fs';
import { Wallet } from 'ethers';
import type { Console } from './console.ts';
import { readBytes } from './files/bytes.ts';
import { InputError } from './inputError.ts';

/** Holds the private key if no file is named. */
export const KEY_VARIABLE = 'ASSAY_KEY';

const KEY = /^0x[0-9a-fA-F]{64}$/;
/** Longer files are not read: whatever they are, they are not a key with some blanks around it. */
const MAX_KEY_FILE_BYTES = 1024;
const OTHERS_MAY_READ = 0o004;

function readKeyFile(path: string, console: Console): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() && stat.size > MAX_KEY_FILE_BYTES) {
    throw new InputError(`${path}: too long for a file that holds one private key`);
  }
  const text = new TextDecoder().decode(readBytes(path));
  // Windows has no such bits and shows them all as set.
  if (stat && stat.mode & OTHERS_MAY_READ && process.platform !== 'win32') {
    console.err(`assay: ${path}: every user of this machine can read this key; run \`chmod 600\` on it`);
  }
  return text;
}

/**
 * The account of the key in a file, or else of the one in the environment. No message ever holds any of the key.
 *
 * @throws InputError if there is no key, or it is malformed
 */
export function readAccount(
  keyFile: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  console: Console,
): Wallet {
  const given = environment[KEY_VARIABLE];
  if (keyFile === undefined && given === undefined) {
    throw new InputError(`no account: add --key-file FILE, or set ${KEY_VARIABLE} to a private key`, 2);
  }
  const where = keyFile ?? KEY_VARIABLE;
  const key = (keyFile === undefined ? given : readKeyFile(keyFile, console))?.trim() ?? '';
  const malformed = `${where}: holds no private key; that is 0x and 64 hexadecimal digits`;
  if (!KEY.test(key)) throw new InputError(malformed);
  try {
    return new Wallet(key);
  } catch {
    // Zero, or not below the order of the curve.
    throw new InputError(malformed);
  }
}
