import {
  AbstractSigner,
  getAddress,
  type Provider,
  resolveAddress,
  Transaction,
  type TransactionLike,
  type TransactionRequest,
} from 'ethers';
import { connectionReason } from '../chain/messages/connection.ts';
import { oneLine } from '../chain/messages/revert.ts';
import { splitCredentials } from './webAddress.ts';

/** The signer did not answer, or refused, or signed something else. */
export class SignerError extends Error {
  override name = 'SignerError';
}

/** The signer did not answer at all. */
export class SignerAway extends SignerError {
  override name = 'SignerAway';
}

/** A person may have to agree first, ms. */
const PATIENCE_MS = 60_000;
const METHOD_NOT_FOUND = -32601;

const quantity = (value: bigint | number | null): string | undefined =>
  value === null ? undefined : `0x${BigInt(value).toString(16)}`;

/** Fields of `eth_signTransaction` in the execution APIs; what is undefined is left out of the JSON. */
const parameters = (from: string, tx: Transaction) => ({
  from,
  to: tx.to ?? undefined,
  gas: quantity(tx.gasLimit),
  nonce: quantity(tx.nonce),
  value: quantity(tx.value),
  data: tx.data,
  chainId: quantity(tx.chainId),
  ...(tx.maxFeePerGas === null
    ? { gasPrice: quantity(tx.gasPrice) }
    : {
        maxFeePerGas: quantity(tx.maxFeePerGas),
        maxPriorityFeePerGas: quantity(tx.maxPriorityFeePerGas),
      }),
});

interface Answer {
  readonly result?: string | { readonly raw?: string };
  readonly error?: { readonly code?: number; readonly message?: string };
}

/**
 * An account whose key another program holds: web3signer, which speaks `eth_signTransaction`, or clef, which calls it
 * `account_signTransaction`. What comes back is checked to be the very transaction that was handed over, signed by the
 * account.
 */
export class RemoteSigner extends AbstractSigner {
  readonly address: string;
  readonly #url: string;

  /** @param address of the account that the signer holds the key of */
  constructor(url: string, address: string, provider: Provider | null = null) {
    super(provider);
    this.#url = url;
    this.address = getAddress(address);
  }

  override connect(provider: Provider | null): RemoteSigner {
    return new RemoteSigner(this.#url, this.address, provider);
  }

  override async getAddress(): Promise<string> {
    return this.address;
  }

  /** Accounts that the signer holds keys of. @throws SignerError if it does not answer */
  async accounts(): Promise<string[]> {
    const answer = await this.#ask(['eth_accounts', 'account_list'], []);
    if (!Array.isArray(answer)) throw new SignerError(`the signer at ${this.#host} lists no accounts`);
    return answer.map((one) => getAddress(String(one)));
  }

  /** @throws SignerError if it refuses, does not answer, or signs anything else */
  override async signTransaction(request: TransactionRequest): Promise<string> {
    const unsigned = await this.#unsigned(request);
    const methods = ['eth_signTransaction', 'account_signTransaction'];
    const answer = await this.#ask(methods, [parameters(this.address, unsigned)]);
    const raw = typeof answer === 'string' ? answer : (answer as { raw?: string } | null)?.raw;
    const signed = parsed(raw);
    if (signed?.unsignedHash !== unsigned.unsignedHash) {
      throw new SignerError(
        `the signer at ${this.#host} signed another transaction than the one it was given`,
      );
    }
    if (signed.from !== this.address) {
      throw new SignerError(`the signer at ${this.#host} signed as ${signed.from}, not as ${this.address}`);
    }
    return signed.serialized;
  }

  /** The transaction itself: what sending hands over is one already, a caller may hand over its fields. */
  async #unsigned(request: TransactionRequest): Promise<Transaction> {
    if (request instanceof Transaction) return request.clone();
    const { from: _, to, ...fields } = request;
    const resolved = to ? await resolveAddress(to, this.provider) : null;
    return Transaction.from({ ...(fields as TransactionLike<string>), to: resolved });
  }

  override signMessage(): Promise<string> {
    throw new SignerError('remote signers sign transactions only');
  }

  override signTypedData(): Promise<string> {
    throw new SignerError('remote signers sign transactions only');
  }

  /** The host of the address, without a user name or password. */
  get #host(): string {
    return new URL(this.#url).host;
  }

  /** Asks by the first method that the signer knows. */
  async #ask(methods: readonly string[], params: unknown[]): Promise<unknown> {
    let last: Answer['error'];
    for (const method of methods) {
      const { result, error } = await this.#post(method, params);
      if (!error) return result;
      last = error;
      if (error.code !== METHOD_NOT_FOUND) break;
    }
    throw new SignerError(`the signer at ${this.#host} says: ${oneLine(last?.message ?? 'no')}`);
  }

  async #post(method: string, params: unknown[]): Promise<Answer> {
    const { address, headers } = splitCredentials(this.#url);
    let why = 'what answers is no signer';
    try {
      const response = await fetch(address, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      }).catch((failure: unknown) => {
        why = connectionReason(failure, address.protocol);
        throw failure;
      });
      const answer = (await response.json()) as unknown;
      if (answer !== null && typeof answer === 'object') return answer as Answer;
    } catch {
      // A page of HTML, and an answer that ends too early, are no signer's.
    }
    throw new SignerAway(`no signer answers at ${this.#host} (${why}); check --signer and that it runs`);
  }
}

function parsed(raw: string | undefined): Transaction | undefined {
  try {
    return Transaction.from(raw as string);
  } catch {
    return undefined;
  }
}
