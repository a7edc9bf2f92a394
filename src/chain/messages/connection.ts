import { oneLine } from './revert.ts';

/** Says why a connection to a server failed, whether node:net, node:https, fetch or OpenSSL under them tells of it. */

const REFUSED = 'the connection is refused';
const NO_HOST = 'there is no such host';
const NO_ROUTE = 'the network has no way to it';
const LATE = 'it does not answer in time';
const BROKE = 'the connection broke';
const CLOSED = 'it ends the connection without an answer';
const TOO_MANY = 'this program has too many files and connections open';

/** Words for error codes that mean that no server answers at the address. */
const SILENCE: Readonly<Record<string, string>> = {
  ...{ ECONNREFUSED: REFUSED, ENOTFOUND: NO_HOST, EAI_NODATA: NO_HOST, EAI_NONAME: NO_HOST },
  EAI_AGAIN: 'its name cannot be looked up at present',
  ...{ EHOSTUNREACH: NO_ROUTE, EHOSTDOWN: NO_ROUTE, ENETUNREACH: NO_ROUTE, ENETDOWN: NO_ROUTE },
  ...{ ETIMEDOUT: LATE, ESOCKETTIMEDOUT: LATE, UND_ERR_CONNECT_TIMEOUT: LATE },
};

const NO_TLS = 'it does not speak TLS';
const NOT_AGREED = 'it agrees on no version of TLS, or no cipher';
const WANTS_CERTIFICATE = 'it asks for a certificate of the client, which this program has not';
const UNTRUSTED = (why: string): string => `its certificate is not trusted (${why}); see NODE_EXTRA_CA_CERTS`;
const SELF_SIGNED = UNTRUSTED('self-signed');
const OWN_AUTHORITY = UNTRUSTED('its authority is not known here');
const OTHER_HOST = 'its certificate is for another host';

/** Words for error codes of a server that cannot be talked to, or of a limit of this machine. */
const TROUBLES: Readonly<Record<string, string>> = {
  ...{ ECONNRESET: BROKE, ECONNABORTED: BROKE, EPIPE: BROKE, UND_ERR_SOCKET: BROKE, UND_ERR_CLOSED: BROKE },
  ...{ UND_ERR_HEADERS_TIMEOUT: LATE, UND_ERR_BODY_TIMEOUT: LATE },
  ...{ EMFILE: TOO_MANY, ENFILE: TOO_MANY, EADDRNOTAVAIL: 'this machine has no address or port left for it' },
  ...{ EACCES: 'this machine does not allow it', EPERM: 'this machine does not allow it' },
  ...{ EPROTO: NO_TLS, ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS, ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS },
  ERR_SSL_HTTP_REQUEST: NO_TLS,
  ...{ ERR_SSL_UNSUPPORTED_PROTOCOL: NOT_AGREED, ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: NOT_AGREED },
  ...{
    ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: NOT_AGREED,
    ERR_SSL_SSL_TLS_ALERT_HANDSHAKE_FAILURE: NOT_AGREED,
  },
  ...{ ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: WANTS_CERTIFICATE },
  ...{ ERR_SSL_TLSV1_UNRECOGNIZED_NAME: OTHER_HOST, ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME: OTHER_HOST },
  ...{ ERR_TLS_CERT_ALTNAME_INVALID: OTHER_HOST, HOSTNAME_MISMATCH: OTHER_HOST },
  ...{ DEPTH_ZERO_SELF_SIGNED_CERT: SELF_SIGNED, SELF_SIGNED_CERT_IN_CHAIN: OWN_AUTHORITY },
  ...{ UNABLE_TO_GET_ISSUER_CERT: OWN_AUTHORITY, UNABLE_TO_GET_ISSUER_CERT_LOCALLY: OWN_AUTHORITY },
  ...{ UNABLE_TO_VERIFY_LEAF_SIGNATURE: OWN_AUTHORITY, CERT_UNTRUSTED: OWN_AUTHORITY },
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; check the clock of this machine',
  CERT_REVOKED: 'its certificate was revoked',
};

/** Words for error messages of fetch that come without a code. */
const SAID: Readonly<Record<string, string>> = {
  'bad port': 'this port is not allowed for HTTP; choose another one',
  'redirect count exceeded': 'it redirects too often',
  'unexpected redirect': 'it redirects, which is not followed',
};

/** Said of a connection that the server ended before it answered anything. */
const ENDED = /^(socket hang up|other side closed|Connection is closed\.?)$/;

interface Reason {
  /** Of Node, undici or OpenSSL; empty if there is none. */
  readonly code: string;
  readonly message: string;
}

/** The innermost reason: fetch itself says "fetch failed" for everything. */
function reasonIn(failure: unknown, depth = 0): Reason {
  const { name, cause, code, message } = (failure ?? {}) as Record<string, unknown>;
  const isNamed = typeof code === 'string' && code !== '';
  if (!isNamed && cause && depth < 8) {
    const inner = reasonIn(cause, depth + 1);
    // Of fetch, for an answer that ends too early.
    return message === 'terminated' && ENDED.test(inner.message) ? { ...inner, message } : inner;
  }
  const text = typeof message === 'string' ? message : String(failure);
  if (name === 'TimeoutError') return { code: 'ETIMEDOUT', message: text };
  if (name === 'HTTPParserError') return { code: isNamed ? code : 'HPE', message: text };
  if (!isNamed) return { code: '', message: text };
  // node:https has one code for all that OpenSSL says, and fetch one for each: ERR_SSL_ and the reason.
  const reason = code === 'EPROTO' ? /:SSL routines:[^:]*:([^:]+):/.exec(text)?.[1] : undefined;
  return { code: reason ? `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}` : code, message: text };
}

/** Protocols with TLS, by the same ones without. */
const SECURE: Readonly<Record<string, string>> = { 'http:': 'https:', 'ws:': 'wss:', 'redis:': 'rediss:' };

/**
 * Says in a clause why a connection failed, such as "its certificate has expired".
 *
 * @param failure whatever was thrown
 * @param protocol of the address, such as `https:`; left out, no other one is proposed
 */
export function connectionReason(failure: unknown, protocol = ''): string {
  const { code, message } = reasonIn(failure);
  if (ENDED.test(message)) {
    const secure = SECURE[protocol];
    return secure ? `${CLOSED}; if it speaks TLS only, try ${secure}//` : CLOSED;
  }
  const words = SILENCE[code] ?? TROUBLES[code] ?? SAID[message];
  const plain = Object.keys(SECURE).find((one) => SECURE[one] === protocol);
  if (words === NO_TLS && plain) return `${words}; try ${plain}//`;
  if (words !== undefined) return words;
  if (code.startsWith('HPE')) return 'it does not speak HTTP';
  if (code.startsWith('ERR_SSL_')) return `TLS with it fails (${oneLine(code)})`;
  if (/CERT|_CA$|_CRL/.test(code)) return `its certificate is not accepted (${oneLine(code)})`;
  return oneLine(message) || oneLine(code) || 'for a reason that nobody says';
}

/** Whether a connection failed because nobody seems to be there. */
export const isSilence = (failure: unknown): boolean => reasonIn(failure).code in SILENCE;
