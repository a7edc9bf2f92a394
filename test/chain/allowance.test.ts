// Strangers choose how many bonds become due and when: that never keeps earlier ones from being paid.
import { expect } from 'chai';
import { Interface } from 'ethers';
import type { Contracts } from '../../src/chain/contracts/contracts.ts';
import { Allowance, type Bond } from '../../src/chain/money/allowance.ts';
import { byUrgency, type Due } from '../../src/chain/transactions/due.ts';
import { Random } from '../support/randomProgram.ts';

const TOKEN = new Interface([
  'function allowance(address,address) view returns (uint256)',
  'function approve(address,uint256) returns (bool)',
]);
const address = (byte: string): string => `0x${byte.repeat(20)}`;

/** A token that changes an allowance only from or to zero, and an account that mines its transactions in their order. */
class TokenChain {
  allowanceWei = 0n;
  block = 0;
  /** Changes of the allowance that were sent. */
  approvals = 0;
  /** Blocks that each bond waited for. */
  readonly waits: number[] = [];
  readonly #allowance = new Allowance();
  readonly #bonds = new Map<string, Bond & { readonly sinceBlock: number }>();
  #count = 0;
  #pool: Due[] = [];
  readonly #sent = new Set<string>();

  /** Makes a bond due. */
  add(bondWei: bigint, deadline?: bigint): void {
    const name = `bond/${this.#count++}`;
    const populate = async () => ({ to: '', data: '' });
    const due = { key: name, what: name, deadline, stakeWei: 0n, populate, mined: () => undefined };
    this.#bonds.set(name, { due, bondWei, sinceBlock: this.block });
  }

  get isDone(): boolean {
    return this.#bonds.size === 0;
  }

  /** A pass of the service. */
  async pass(): Promise<void> {
    const bonds = [...this.#bonds.values()].toSorted((a, b) => byUrgency(a.due, b.due));
    const transactions = {
      isSent: (key: string) => this.#sent.has(key),
      isOpen: (prefix: string) => this.#pool.some(({ key }) => key.startsWith(prefix)),
    };
    const dues = await this.#allowance.due(
      this.#contracts(),
      address('bb'),
      bonds,
      transactions,
      () => undefined,
    );
    const stated = new Set(dues.map(({ key }) => key));
    expect(
      this.#pool.filter(({ key }) => !stated.has(key)),
      'sent, and not due any more',
    ).to.deep.equal([]);
    for (const due of dues) {
      if (this.#sent.has(due.key)) continue;
      this.#sent.add(due.key);
      this.#pool.push(due);
      if (!this.#bonds.has(due.key)) this.approvals++;
    }
  }

  /** Mines some of what was sent, in its order. */
  async mine(room = this.#pool.length): Promise<void> {
    this.block++;
    for (const due of this.#pool.splice(0, room)) {
      const bond = this.#bonds.get(due.key);
      if (bond) {
        expect(bond.bondWei <= this.allowanceWei, 'it reverts').to.equal(true);
        this.allowanceWei -= bond.bondWei;
        this.waits.push(this.block - bond.sinceBlock);
        this.#bonds.delete(due.key);
      } else {
        const wei = TOKEN.decodeFunctionData('approve', `${(await due.populate()).data}`)[1] as bigint;
        expect(wei === 0n || this.allowanceWei === 0n, 'the token refuses it').to.equal(true);
        this.allowanceWei = wei;
      }
    }
  }

  #contracts(): Contracts {
    const call = async () => TOKEN.encodeFunctionResult('allowance', [this.allowanceWei]);
    return {
      currency: address('aa'),
      signer: { call, provider: null },
      oracle: { getAddress: async () => address('cc') },
    } as unknown as Contracts;
  }
}

describe('the allowance of a token', () => {
  for (const [what, deadline] of [
    ['with later windows', (block: number) => BigInt(1000 + block)],
    ['with earlier windows', (block: number) => BigInt(1000 - block)],
    ['without a deadline', () => undefined],
  ] as const) {
    it(`pays bonds of which there is a new one every other block, ${what}`, async () => {
      const chain = new TokenChain();
      for (let block = 0; block < 200; block++) {
        if (block % 2 === 0) chain.add(100n, deadline(block));
        await chain.pass();
        await chain.mine();
      }
      expect(chain.waits).to.have.length.at.least(95);
      expect(Math.max(...chain.waits)).to.be.at.most(6);
      expect(chain.approvals, 'no more than bonds').to.be.at.most(100);
    });
  }

  it('pays the bonds that it covers, and changes only where it covers not the first', async () => {
    const chain = new TokenChain();
    chain.allowanceWei = 250n;
    for (let i = 0; i < 3; i++) chain.add(100n, BigInt(1000 + i));
    await chain.pass();
    await chain.mine();
    expect([chain.waits.length, chain.approvals, chain.allowanceWei]).to.deep.equal([2, 0, 50n]);
    for (let i = 0; i < 3; i++) {
      await chain.pass();
      await chain.mine();
    }
    expect([chain.isDone, chain.approvals, chain.allowanceWei]).to.deep.equal([true, 2, 0n]);
  });

  it('is raised for a bond that is more urgent than those on their way', async () => {
    const chain = new TokenChain();
    chain.allowanceWei = 100n;
    chain.add(100n, 1000n);
    await chain.pass();
    chain.add(500n, 100n);
    // The first one is not mined, because gas is dear.
    for (let i = 0; i < 3; i++) {
      await chain.pass();
      await chain.mine(0);
    }
    expect(chain.approvals).to.equal(1);
    for (let i = 0; i < 4; i++) {
      await chain.pass();
      await chain.mine();
    }
    expect([chain.isDone, chain.allowanceWei]).to.deep.equal([true, 0n]);
  });

  it('pays all bonds, whatever becomes due and is mined when', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new Random(seed);
      const chain = new TokenChain();
      for (let block = 0; block < 60; block++) {
        for (let count = random.below(3); count > 0; count--) {
          const deadline = random.below(4) > 0 ? BigInt(random.below(1000)) : undefined;
          chain.add(BigInt(1 + random.below(1000)), deadline);
        }
        await chain.pass();
        await chain.mine(random.below(6));
      }
      for (let block = 0; block < 200 && !chain.isDone; block++) {
        await chain.pass();
        await chain.mine();
      }
      expect(chain.isDone, `seed ${seed}`).to.equal(true);
    }
  });
});
