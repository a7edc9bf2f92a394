import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { InputError } from '../../files/inputError.ts';
import { PASSWORD_VARIABLE } from '../../settings/keyVariables.ts';
import type { Console } from '../console.ts';
import { readSecretFile } from './secretFile.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Asks on the terminal without showing what is typed. */
async function prompt(question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  // Only now does the terminal show nothing of what is typed.
  process.stderr.write(question);
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}

/**
 * The password of a keystore: from a file, the environment, or the terminal.
 *
 * @throws InputError if it is in none of them
 */
export async function readPassword(
  keystore: string,
  passwordFile: string | undefined,
  environment: Environment,
  console: Console,
): Promise<string> {
  if (passwordFile !== undefined && !existsSync(passwordFile)) {
    // Nothing of the text: it may be the password itself.
    throw new InputError(
      '--password-file: there is no such file; write the name of a file that holds the password',
    );
  }
  if (passwordFile !== undefined) return readSecretFile(passwordFile, 'one password');
  const given = environment[PASSWORD_VARIABLE];
  if (given !== undefined) return given;
  if (process.stdin.isTTY) {
    console.progress(undefined);
    return prompt(`password of ${keystore}: `);
  }
  throw new InputError(
    `${keystore}: no password is given; add --password-file FILE, or set ${PASSWORD_VARIABLE}`,
    2,
  );
}
