import { ExponentialBackoff, handleAll, type IPolicy, retry } from 'cockatiel';
import { connectionReason } from '../chain/messages/connection.ts';
import { splitCredentials } from './webAddress.ts';

export interface WebhookOptions {
  /** Told, in one sentence, that a message was given up. */
  readonly onFailure: (sentence: string) => void;
  /** Longest wait for one answer, ms. */
  readonly timeoutMs?: number;
  /** Tries after the first one, and the rest before the second, ms; rests double. */
  readonly retries?: number;
  readonly restMs?: number;
}

/** Messages that wait while another is on its way; the oldest are dropped. */
const MOST_WAITING = 100;

/**
 * Posts messages to an address, one after the other, each again after rests that double until it is taken. Nothing
 * waits for it, and it holds a bounded number of messages.
 */
export class Webhook {
  readonly #url: string;
  readonly #policy: IPolicy;
  readonly #timeoutMs: number;
  readonly #onFailure: (sentence: string) => void;
  readonly #waiting: string[] = [];
  #dropped = 0;
  #sending: Promise<void> | undefined;

  constructor(url: string, options: WebhookOptions) {
    const { timeoutMs = 10_000, retries = 5, restMs = 1000, onFailure } = options;
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#onFailure = onFailure;
    const backoff = new ExponentialBackoff({ initialDelay: restMs, maxDelay: 60_000 });
    this.#policy = retry(handleAll, { maxAttempts: retries, backoff });
  }

  /** @param message what JSON can hold */
  post(message: unknown): void {
    if (this.#waiting.length >= MOST_WAITING) {
      this.#waiting.shift();
      this.#dropped++;
    }
    this.#waiting.push(JSON.stringify(message));
    this.#sending ??= this.#sendAll();
  }

  /** Waits until everything was sent or given up. */
  async settled(): Promise<void> {
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    for (let body = this.#waiting.shift(); body !== undefined; body = this.#waiting.shift()) {
      const text = body;
      try {
        await this.#policy.execute(() => this.#send(text));
      } catch (failure) {
        this.#onFailure(
          `the webhook at ${new URL(this.#url).host} did not take a message: ${(failure as Error).message}`,
        );
      }
      if (this.#dropped > 0)
        this.#onFailure(`${this.#dropped} messages for the webhook were dropped: too many at once`);
      this.#dropped = 0;
    }
    this.#sending = undefined;
  }

  async #send(body: string): Promise<void> {
    const { address, headers } = splitCredentials(this.#url);
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(this.#timeoutMs),
    }).catch((failure: unknown) => {
      throw new Error(connectionReason(failure, new URL(address).protocol));
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`it answered ${response.status}`);
  }
}
