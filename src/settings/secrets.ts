import { existsSync } from 'node:fs';

/** Values in which a secret may be: they are neither shown nor named in messages. */

interface Addresses {
  readonly schemes: readonly string[];
  readonly wanted: string;
}

const WEB: Addresses = { schemes: ['http', 'https'], wanted: 'write an http or https address' };
const NODE: Addresses = {
  schemes: ['http', 'https', 'ws', 'wss'],
  wanted: 'write an http, https, ws or wss address',
};
const QUEUE: Addresses = {
  schemes: ['redis', 'rediss'],
  wanted: 'write it as redis://HOST:PORT or rediss://HOST:PORT',
};
const MIRROR: Addresses = {
  schemes: ['http', 'https', 'ipfs'],
  wanted: 'write an http, https or ipfs address',
};

/** Settings whose value is an address. Names, passwords and API keys of services stand in many. */
const ADDRESSES: Readonly<Record<string, Addresses>> = {
  rpc: NODE,
  'private-relay': NODE,
  signer: WEB,
  webhook: WEB,
  draft: WEB,
  'ipfs-gateway': WEB,
  mirror: MIRROR,
  queue: QUEUE,
};

/** Why the value of a setting is no address that it takes. @returns undefined if it is one, or the setting takes none */
export function notAddress(name: string, text: string): string | undefined {
  const addresses = ADDRESSES[name];
  if (addresses === undefined) return undefined;
  const [, scheme = '', next] = /^([a-z]+):\/\/(.?)/i.exec(text.trim()) ?? [];
  // Redis has a host by default.
  const hasHost = addresses === QUEUE || (next !== '' && next !== '/');
  const isOne = hasHost && addresses.schemes.includes(scheme.toLowerCase()) && URL.canParse(text);
  return isOne ? undefined : addresses.wanted;
}

/** A private key has 64 hexadecimal digits; one that was cut short gives most of it away too. */
const KEY = /^(0x)?[0-9a-f]{60,}$/i;
/** A phrase for a key, as BIP 39 has them: 12, 15, 18, 21 or 24 words. */
const PHRASE = /^[a-z]+(\s+[a-z]+){11,23}$/i;

/** Says in words which secret a value looks like, if any. An amount has decimal digits only. */
export function keyIn(text: string): string | undefined {
  const value = text.trim();
  if (KEY.test(value) && !/^\d+$/.test(value)) return 'a private key';
  return PHRASE.test(value) ? 'the phrase of a private key' : undefined;
}

/** What to do with a key that was given in place of something else. */
export const KEY_REMEDY = 'put the key into a file with mode 600, and name that with --key-file';

/** An address without what may be a password or an API key: the name, path and query are hidden. */
export function withoutSecrets(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Where a scheme was forgotten, any part may be the secret.
  if (url === undefined || url.host === '') return '…';
  const isPlain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (isPlain && (url.pathname === '/' || url.pathname === '')) return text;
  return `${url.protocol}//${url.host}/…`;
}

/** The value of a setting as it may be shown. */
export function shownValue(name: string, text: string): string {
  if (name in ADDRESSES) return withoutSecrets(text);
  // In place of the name of its file, it may be the password.
  const mayBePassword = name === 'password-file' && !existsSync(text);
  return mayBePassword || keyIn(text) !== undefined ? '…' : text;
}
