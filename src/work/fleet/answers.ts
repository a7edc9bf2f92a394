import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';

/** A question to a worker: the outputs of one run. */
export interface RunOrder {
  /** Inputs, and answers if the model has any, one after the other, in base64. */
  readonly input: string;
  /** Unix seconds after which the result is of no use. */
  readonly deadline?: number;
  /** Workers that have answered it already, by their keys: another one is wanted. */
  readonly not: readonly string[];
}

/** The answer of a worker. */
export interface RunAnswer {
  /** Output in base64. */
  readonly output: string;
  /** Public key of the worker. */
  readonly worker: string;
  /** Over what was run and what came of it. */
  readonly signature: string;
}

/** A worker's name that nobody else can use: an Ed25519 key (RFC 8032). */
export interface WorkerKey {
  /** Public part: 32 bytes in base64url. */
  readonly name: string;
  readonly secret: KeyObject;
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Names what is run: the same model on the same input is the same run, whoever asks for it. */
export const runKey = (modelId: string, input: Uint8Array): string => `${modelId}-${digest(input)}`;

const statement = (key: string, output: Uint8Array): Uint8Array =>
  Buffer.from(`assay run ${key} yields ${digest(output)}`);

const nameOf = (key: KeyObject): string => key.export({ format: 'jwk' }).x as string;

export function createWorkerKey(): WorkerKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { name: nameOf(publicKey), secret: privateKey };
}

/** @param pem a private key as {@link pemOf} writes it. @throws Error if it is none */
export function workerKeyFrom(pem: string): WorkerKey {
  const secret = createPrivateKey(pem);
  return { name: nameOf(createPublicKey(secret)), secret };
}

export const pemOf = ({ secret }: WorkerKey): string =>
  secret.export({ type: 'pkcs8', format: 'pem' }) as string;

/** Whether a text can be the public part of a worker's key. */
export const isWorkerName = (text: string): boolean => /^[\w-]{43}$/.test(text);

/** @param key of {@link runKey} */
export const answerOf = (key: string, output: Uint8Array, { name, secret }: WorkerKey): RunAnswer => ({
  output: Buffer.from(output).toString('base64'),
  worker: name,
  signature: sign(null, statement(key, output), secret).toString('base64'),
});

/**
 * The output that an answer gives, if the worker that it names has signed just that.
 *
 * @param answer whatever came out of the queue
 * @param byteLength of all outputs together
 */
export function outputIn(key: string, answer: unknown, byteLength: number): Uint8Array | undefined {
  const { output, worker, signature } = (answer ?? {}) as Partial<Record<keyof RunAnswer, unknown>>;
  if (typeof output !== 'string' || typeof worker !== 'string' || typeof signature !== 'string')
    return undefined;
  if (!isWorkerName(worker)) return undefined;
  const bytes = Uint8Array.from(Buffer.from(output, 'base64'));
  if (bytes.length !== byteLength) return undefined;
  try {
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: worker }, format: 'jwk' });
    const isSigned = verify(null, statement(key, bytes), publicKey, Buffer.from(signature, 'base64'));
    return isSigned ? bytes : undefined;
  } catch {
    // No point of the curve has this name.
    return undefined;
  }
}
