import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** Makes certificates for servers of tests, which nobody trusts. DER by X.690, the certificate by RFC 5280, section 4.1. */

const der = (tag: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 0x80 ? [length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
};
const sequence = (...parts: Uint8Array[]): Buffer => der(0x30, ...parts);
const objectId = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const utcTime = (time: Date): Buffer =>
  der(0x17, Buffer.from(`${time.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));

/** ecdsa-with-SHA256, commonName and subjectAltName. */
const SIGNATURE = sequence(objectId('2a8648ce3d040302'));
const COMMON_NAME = objectId('550403');
const OTHER_NAMES = objectId('551d11');

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/**
 * A certificate that signed itself.
 *
 * @param host an IPv4 address
 */
export function selfSigned(host: string, notBefore: Date, notAfter: Date): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from('test')))));
  const address = der(0x87, Uint8Array.from(host.split('.'), Number));
  const body = sequence(
    der(0xa0, der(0x02, Uint8Array.of(2))),
    der(0x02, Uint8Array.of(1)),
    SIGNATURE,
    name,
    sequence(utcTime(notBefore), utcTime(notAfter)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(OTHER_NAMES, der(0x04, sequence(address))))),
  );
  const signature = der(0x03, Uint8Array.of(0), sign('sha256', body, privateKey));
  return { key: pem(privateKey), cert: wrapped(sequence(body, SIGNATURE, signature)) };
}

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const wrapped = (bytes: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
