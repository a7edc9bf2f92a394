import { Wallet } from 'ethers';
import { readBytes } from '../../files/bytes.ts';
import { InputError } from '../../files/inputError.ts';
import { RemoteSigner } from '../../operator/remoteSigner.ts';
import { isWebAddress } from '../../operator/webAddress.ts';
import { KEY_VARIABLE } from '../../settings/keyVariables.ts';
import type { Console } from '../console.ts';
import { readPassword } from './password.ts';
import { requireAddress } from './requireAddress.ts';
import { readSecretFile } from './secretFile.ts';

/** Where the key of the account is; one of them. */
export interface KeyOptions {
  /** A file with the private key itself. */
  readonly keyFile?: string;
  /** A file with the key under a password: keystore JSON, version 3, as ethers, geth and others write it. */
  readonly keystore?: string;
  readonly passwordFile?: string;
  /** Address of a program that holds the key and signs. */
  readonly signer?: string;
  readonly signerAddress?: string;
}

/** An account that signs here or elsewhere. */
export type AccountSigner = Wallet | RemoteSigner;

const KEY = /^0x[0-9a-fA-F]{64}$/;
/** A keystore has about 500 bytes. */
const MAX_KEYSTORE_BYTES = 65_536;

/** @throws InputError if the text is no private key; the message has none of it */
function walletWith(key: string, where: string): Wallet {
  const code = where === KEY_VARIABLE ? 2 : 1;
  const malformed = `${where}: holds no private key; that is 0x and 64 hexadecimal digits`;
  if (!KEY.test(key)) throw new InputError(malformed, code);
  try {
    return new Wallet(key);
  } catch {
    // Zero, or not below the order of the curve.
    throw new InputError(malformed, code);
  }
}

async function unlock(
  path: string,
  passwordFile: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  console: Console,
): Promise<Wallet> {
  const json = new TextDecoder().decode(readBytes(path, MAX_KEYSTORE_BYTES));
  const password = await readPassword(path, passwordFile, environment, console);
  console.progress(`unlocking ${path}`);
  try {
    const { privateKey } = await Wallet.fromEncryptedJson(json, password);
    return new Wallet(privateKey);
  } catch (failure) {
    const isPassword = /incorrect password/.test((failure as Error).message);
    throw new InputError(
      isPassword
        ? `${path}: the password is wrong`
        : `${path}: holds no encrypted key; that is keystore JSON of version 3, as \`cast wallet import\` and geth write it`,
    );
  }
}

function remote(url: string, address: string | undefined): RemoteSigner {
  if (!isWebAddress(url)) throw new InputError('--signer: write the http or https address of the signer', 2);
  if (address === undefined) {
    throw new InputError('--signer needs --signer-address ADDRESS, the account that it signs for', 2);
  }
  requireAddress('--signer-address', address);
  return new RemoteSigner(url, address);
}

/**
 * The account of the one key that the options name, or else of the one in the environment. No message ever holds any
 * of a key or password.
 *
 * @throws InputError if there is no key or more than one, others can read it, or it is malformed
 */
export async function readAccount(
  options: KeyOptions,
  environment: Readonly<Record<string, string | undefined>>,
  console: Console,
): Promise<AccountSigner> {
  const { keyFile, keystore, passwordFile, signer, signerAddress } = options;
  const named = Object.entries({ '--key-file': keyFile, '--keystore': keystore, '--signer': signer })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name);
  if (named.length > 1)
    throw new InputError(`${named.join(' and ')} exclude each other; give one of them`, 2);
  if (keyFile !== undefined) return walletWith(readSecretFile(keyFile, 'one private key'), keyFile);
  if (keystore !== undefined) return unlock(keystore, passwordFile, environment, console);
  if (signer !== undefined) return remote(signer, signerAddress);
  const key = environment[KEY_VARIABLE];
  if (key === undefined) {
    throw new InputError(
      `no account: add --key-file FILE, --keystore FILE or --signer URL, or set ${KEY_VARIABLE} to a private key`,
      2,
    );
  }
  return walletWith(key.trim(), KEY_VARIABLE);
}
