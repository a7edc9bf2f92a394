import type { ContractTransaction, TransactionReceipt } from 'ethers';
import type { Audience } from '../../../src/chain/endpoints/endpoints.ts';
import type { Due } from '../../../src/chain/transactions/due.ts';
import type { Fees } from '../../../src/chain/transactions/fees.ts';
import type { Look, SendingNode } from '../../../src/chain/transactions/node.ts';
import type { TransactionContent } from '../../../src/chain/transactions/slot.ts';

interface Pooled {
  readonly hash: string;
  readonly nonce: number;
  readonly fees: Fees;
  readonly calls: readonly string[];
  readonly gasLimit: bigint;
}

/** A node's words when it refuses a transaction. */
const say = (words: string): never => {
  throw Object.assign(new Error('could not coalesce error'), {
    info: { error: { code: -32000, message: words } },
  });
};

const noAnswer = (): Error => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });

const GWEI = 10n ** 9n;

/**
 * A chain of one account in memory, with a pool as geth has it. A call is a word; a block applies each word once, and a
 * second time it reverts.
 */
export class PoolChain implements SendingNode {
  readonly address = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
  /** Transactions of each block. */
  #blocks: Pooled[][] = [[]];
  #pool = new Map<number, Pooled>();
  #signed = new Map<string, Pooled>();
  baseFeeWei = GWEI;
  tipWei = GWEI / 10n;
  /** The pool takes nothing that tips less. */
  leastTipWei = 0n;
  /** Blocks take nothing that tips less. */
  leastMinedTipWei = 0n;
  /** Transactions in one block. */
  room = 100;
  balanceWei = 10n ** 20n;
  /** Gas of one call. */
  gas = 50_000n;
  /** The pool refuses transactions with a higher gas limit. */
  mostGas: bigint | undefined;
  /** The pool refuses transactions that may cost more. */
  mostCostWei: bigint | undefined;
  /** Whether the pool refuses transactions that the account cannot pay for. */
  checksFunds = false;
  /** The pool's words about a tip that is too low. */
  leastTipWords = 'transaction underpriced';
  /** Whether requests for an estimate get no answer. */
  isEstimateMute = false;
  /** The pool refuses transactions with any of these calls. */
  readonly barred = new Set<string>();
  /** Set if sent transactions get no answer: the pool has taken them, or they were lost on the way. */
  muteness: 'taken' | 'lost' | undefined;
  /** Whether nodes deny having any transaction. */
  isForgetful = false;
  /** Estimates that were asked for. */
  estimates = 0;
  hasRelay = false;
  /** Hashes of the transactions that the private relay has and shows to nobody. */
  readonly relayed = new Set<string>();
  /** The relay's words when it refuses a transaction. */
  relayRefusal: string | undefined;
  isRelayAway = false;
  /** Whether nodes answer at all. */
  isDown = false;
  /** Answers like a node that is so many blocks behind. */
  behind = 0;
  /** What the node that is asked says instead of the truth. */
  distort: (truth: Look) => Look = (truth) => truth;
  /** What other nodes say; undefined if there is only one. */
  others: ((truth: Look) => readonly Look[]) | undefined;
  /** Pending transactions that nodes tell of and do not have. */
  phantoms = 0;
  /** Whether nodes have no receipts yet, though they have the blocks. */
  hidesReceipts = false;
  /** Calls that would revert. */
  readonly refused = new Set<string>();
  /** Words said to the next transactions that are sent. */
  readonly refusals: string[] = [];

  /** All calls that are on the chain, oldest first; with a `!` if they reverted. */
  get applied(): string[] {
    const seen = new Set<string>();
    return this.#blocks.flat().flatMap(({ calls }) => {
      const isRefused = calls.some((call) => seen.has(call) || this.refused.has(call));
      if (isRefused) return calls.map((call) => `${call}!`);
      for (const call of calls) seen.add(call);
      return calls;
    });
  }

  /** Transactions on the chain, oldest first. */
  get mined(): readonly Pooled[] {
    return this.#blocks.flat();
  }

  get block(): number {
    return this.#blocks.length - 1;
  }

  get pooled(): readonly Pooled[] {
    return [...this.#pool.values()].toSorted((a, b) => a.nonce - b.nonce);
  }

  get #used(): number {
    return this.#blocks.flat().length;
  }

  /** Has the relay put what it was given into the next block. */
  mineRelayed(): void {
    for (const hash of this.relayed) {
      const sent = this.#signed.get(hash)!;
      this.#pool.set(sent.nonce, sent);
    }
    this.mine();
  }

  mine(blocks = 1): void {
    for (let i = 0; i < blocks; i++) {
      const mined: Pooled[] = [];
      for (let nonce = this.#used; mined.length < this.room; nonce++) {
        const next = this.#pool.get(nonce);
        if (!next || next.fees.maxFeePerGas < this.baseFeeWei) break;
        if (next.fees.maxPriorityFeePerGas < this.leastMinedTipWei) break;
        mined.push(next);
        this.#pool.delete(nonce);
      }
      this.#blocks.push(mined);
    }
  }

  /** Takes blocks away. @param handBack whether their transactions are in the pool again */
  reorganise(depth: number, handBack: boolean): void {
    for (const pooled of this.#blocks.splice(-depth).flat()) {
      if (handBack && !this.#pool.has(pooled.nonce)) this.#pool.set(pooled.nonce, pooled);
    }
  }

  forget(nonce?: number): void {
    if (nonce === undefined) this.#pool.clear();
    else this.#pool.delete(nonce);
  }

  /** Another process sends with the same key. */
  intrude(call: string, maxFeePerGas: bigint, nonce = this.#nextNonce()): void {
    const fees = { maxFeePerGas, maxPriorityFeePerGas: GWEI / 10n };
    this.#pool.set(nonce, {
      hash: `0xforeign${nonce}${call}`,
      nonce,
      fees,
      calls: [call],
      gasLimit: this.gas,
    });
  }

  #nextNonce(): number {
    let nonce = this.#used;
    while (this.#pool.has(nonce)) nonce++;
    return nonce;
  }

  // ---- as a node ----

  #answer(): void {
    if (this.isDown) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  }

  balance = async (): Promise<bigint> => this.balanceWei;

  async look(): Promise<Look> {
    this.#answer();
    return this.distort(this.#truth());
  }

  async looks(): Promise<readonly Look[]> {
    const truth = this.#truth();
    return this.others ? [this.distort(truth), ...this.others(truth)] : [];
  }

  #truth(): Look {
    const block = Math.max(0, this.block - this.behind);
    const used = this.#blocks.slice(0, block + 1).flat().length;
    const pending = this.behind > 0 ? used : this.#nextNonce() + this.phantoms;
    const market = { baseFeeWei: this.baseFeeWei, tipWei: this.tipWei };
    return { block, timestamp: BigInt(12 * block), used, pending, market, isDynamic: true };
  }

  async receipt(hash: string): Promise<TransactionReceipt | null> {
    this.#answer();
    if (this.hidesReceipts) return null;
    const blockNumber = this.#blocks.findIndex((mined) => mined.some((one) => one.hash === hash));
    if (blockNumber < 0 || blockNumber > this.block - this.behind) return null;
    const { calls } = this.#blocks[blockNumber]!.find((one) => one.hash === hash)!;
    const before = this.#blocks.slice(0, blockNumber).flat();
    const isDone = calls.some(
      (call) => this.refused.has(call) || before.some((one) => one.calls.includes(call)),
    );
    return { hash, blockNumber, status: isDone ? 0 : 1 } as TransactionReceipt;
  }

  async knows(hash: string): Promise<boolean> {
    if (this.isForgetful) return false;
    const shown = this.#blocks.slice(0, this.#blocks.length - this.behind);
    return [...this.pooled, ...shown.flat()].some((one) => one.hash === hash);
  }

  async estimate({ data }: ContractTransaction): Promise<bigint> {
    this.#answer();
    if (this.isEstimateMute) throw noAnswer();
    this.estimates++;
    const done = new Set(this.applied);
    for (const call of data.split('+')) {
      if (done.has(call) || this.refused.has(call)) throw new Error(`${call} would revert`);
    }
    return this.gas * BigInt(data.split('+').length);
  }

  async sign(
    nonce: number,
    { data, keys, gasLimit }: TransactionContent,
    fees: Fees,
  ): Promise<{ hash: string; raw: string }> {
    const calls = keys.length === 0 ? [] : data.split('+');
    const hash = `0x${this.#signed.size}`;
    this.#signed.set(hash, { hash, nonce, fees, calls, gasLimit });
    return { hash, raw: hash };
  }

  async broadcast(raw: string, audience: Audience): Promise<void> {
    this.#answer();
    if (audience === 'private') {
      if (this.isRelayAway) throw noAnswer();
      if (this.relayRefusal !== undefined) say(this.relayRefusal);
      this.relayed.add(raw);
      return;
    }
    const words = this.refusals.shift();
    if (words !== undefined) say(words);
    const sent = this.#signed.get(raw)!;
    if (this.muteness === 'taken') this.#pool.set(sent.nonce, sent);
    if (this.muteness) throw noAnswer();
    if (sent.calls.some((call) => this.barred.has(call))) say('rejected by policy');
    if (sent.gasLimit > (this.mostGas ?? sent.gasLimit)) say('exceeds block gas limit');
    const costWei = sent.gasLimit * sent.fees.maxFeePerGas;
    if (this.checksFunds && costWei > this.balanceWei) say('insufficient funds for gas * price + value');
    if (costWei > (this.mostCostWei ?? costWei)) say('tx fee exceeds the configured cap');
    if (sent.nonce < this.#used) say('nonce too low');
    const pending = this.#pool.get(sent.nonce);
    if (pending?.hash === sent.hash) say('already known');
    if (sent.fees.maxPriorityFeePerGas < this.leastTipWei) say(this.leastTipWords);
    if (pending && !this.#isTenthMore(sent.fees, pending.fees)) say('replacement transaction underpriced');
    this.#pool.set(sent.nonce, sent);
  }

  #isTenthMore(fees: Fees, than: Fees): boolean {
    return (
      10n * fees.maxFeePerGas >= 11n * than.maxFeePerGas &&
      10n * fees.maxPriorityFeePerGas >= 11n * than.maxPriorityFeePerGas
    );
  }
}

/** A due whose call is its key. */
export const dueNamed = (key: string, changes: Partial<Due> = {}): Due => ({
  key,
  what: key,
  deadline: undefined,
  stakeWei: 0n,
  populate: async () => ({ to: '0x01', data: key }),
  mined: () => undefined,
  ...changes,
});

export const joinWords = (calls: readonly string[]) => ({ to: '0x02', data: calls.join('+') });
