import { RemoteError } from './remoteError.ts';

/** Asked for `ipfs://` URIs unless others are named. What they send is checked like anything else. */
export const IPFS_GATEWAYS = ['https://ipfs.io', 'https://dweb.link'] as const;

/** A content identifier: version 0 in base58, or version 1 in base32 or base36. */
const CID = /^(?:Qm[1-9A-HJ-NP-Za-km-z]{44}|b[a-z2-7]{20,120}|k[a-z0-9]{20,120})$/;

/** Longest URI that is followed, characters. */
export const MAX_URI_LENGTH = 2048;

/** A part of a path that stays a part, however often it is decoded. */
const PART = /^[\w.~!$&'()*+,;=:@-]+$/;

/** Text of a stranger, quoted, of which no character does anything but show itself. */
const quoted = (text: string): string =>
  JSON.stringify(text.slice(0, 200)).replaceAll(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

function partsOf(path: string, uri: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.every((part) => PART.test(part) && part !== '.' && part !== '..')) return parts;
  throw new RemoteError(`${quoted(uri)} has a path that is not followed`);
}

/**
 * The http and https URLs at which a URI may be had, in the order in which to try them.
 *
 * @param gateways of IPFS
 * @throws RemoteError for another scheme, a URI that is too long, or one that is no URI
 */
export function locationsOf(uri: string, gateways: readonly string[] = IPFS_GATEWAYS): string[] {
  const shown = quoted(uri);
  if (uri.length > MAX_URI_LENGTH)
    throw new RemoteError(`${shown}… is longer than ${MAX_URI_LENGTH} characters`);
  const [, scheme] = /^([a-z][a-z0-9+.-]{0,20}):\/\//i.exec(uri) ?? [];
  switch (scheme?.toLowerCase()) {
    case 'http':
    case 'https':
      // As the parser writes it: in ASCII and without control characters, because messages have it.
      if (URL.canParse(uri)) return [new URL(uri).href];
      throw new RemoteError(`${shown} is no URL`);
    case 'ipfs': {
      const rest = uri.slice('ipfs://'.length);
      const isFolder = rest.endsWith('/');
      const [cid = '', ...path] = partsOf(rest.replace(/^ipfs\//, ''), uri);
      if (!CID.test(cid)) throw new RemoteError(`${shown} names no content of IPFS`);
      const tail = ['ipfs', cid, ...path].join('/');
      return gateways.map((gateway) => `${gateway.replace(/\/+$/, '')}/${tail}${isFolder ? '/' : ''}`);
    }
    default:
      throw new RemoteError(`${shown} is not followed: it begins with none of http://, https:// and ipfs://`);
  }
}

/** A URL, and who chose its server. */
export interface Place {
  readonly url: string;
  /** Whether it was made from a setting of the operator: a gateway or a mirror. */
  readonly isOwn: boolean;
}

/**
 * The places at which a URI may be had, as {@link locationsOf} has them.
 *
 * @param isMirror whether the operator named the URI
 */
export const placesOf = (uri: string, gateways?: readonly string[], isMirror = false): Place[] =>
  locationsOf(uri, gateways).map((url) => ({ url, isOwn: isMirror || !/^https?:/i.test(uri) }));

/**
 * The places at which a model may be had: mirrors of the operator, then what publishers say.
 *
 * @param refuse is told of a URI that is not followed
 */
export const modelPlaces = (
  { mirrors, gateways }: { readonly mirrors: readonly string[]; readonly gateways: readonly string[] },
  uris: readonly string[],
  refuse: (error: Error) => void = () => undefined,
): Place[] =>
  [...mirrors, ...uris].flatMap((uri, i) => {
    try {
      return placesOf(uri, gateways, i < mirrors.length);
    } catch (error) {
      // Others may say it better.
      refuse(error as Error);
      return [];
    }
  });

/** The URL of a name below another URL, whose query stays. @param name of safe characters only */
export function below(url: string, name: string): string {
  const base = new URL(url);
  base.pathname = `${base.pathname.replace(/\/+$/, '')}/${name}`;
  return base.href;
}
