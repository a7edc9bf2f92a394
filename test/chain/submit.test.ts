import { expect } from 'chai';
import { type Signer, type TransactionReceipt, Wallet } from 'ethers';
import { submit } from '../../src/chain/actions/submit.ts';
import { keyOf } from '../support/protocol.ts';

/** A look for the receipt, as the node answers it. */
type Look = { status: number } | null | Error;

interface Scene {
  readonly looks: Look[];
  /** The account's nonce on the chain. */
  readonly used?: number;
  /** The node's answers to transactions that are sent to it, in order; the last one repeats. */
  readonly answers?: (string | undefined)[];
  /** Whether the node has it in its pool. */
  readonly knows?: boolean;
}

const NONCE = 7;
const ADDRESS = new Wallet(keyOf(0)).address;
const PATIENCE = { firstRestMs: 1, longestRestMs: 2, minedMs: 60, receiptMs: 30, silenceMs: 40 };

/** Sends with nonce 7 through a node that answers as told. */
async function outcome(scene: Scene): Promise<{ said: unknown; sent: number }> {
  const { looks, used = NONCE, answers = [undefined], knows = true } = scene;
  let sent = 0;
  const next = <T>(list: T[]): T => (list.length > 1 ? (list.shift() as T) : (list[0] as T));
  const provider = {
    getTransactionCount: async () => used,
    getTransactionReceipt: async () => {
      const look = next(looks);
      if (look instanceof Error) throw look;
      return look as TransactionReceipt | null;
    },
    getTransaction: async () => (knows ? {} : null),
    broadcastTransaction: async () => {
      sent++;
      const words = next(answers);
      if (words !== undefined)
        throw Object.assign(new Error('could not coalesce error'), {
          info: { error: { code: -32000, message: words } },
        });
    },
  };
  const wallet = new Wallet(keyOf(0));
  const signer = {
    provider,
    estimateGas: async () => 100_000n,
    populateTransaction: async ({ gasLimit }: { gasLimit: bigint }) => {
      expect(gasLimit).to.equal(149_200n);
      return {
        from: wallet.address,
        to: wallet.address,
        nonce: NONCE,
        gasLimit,
        chainId: 1n,
        type: 2,
        maxFeePerGas: 9n,
        maxPriorityFeePerGas: 1n,
      };
    },
    signTransaction: (request: object) => wallet.signTransaction(request),
  } as unknown as Signer;
  // A clock that a look takes a millisecond on, however busy the machine is.
  let now = 0;
  const said = await submit(signer, {}, 'testing', PATIENCE, () => now++).then(
    ({ status }) => status,
    (error: Error) => `${error.name}: ${error.message}`,
  );
  return { said, sent };
}

describe('waiting for a transaction', () => {
  it('goes on when the node fails to answer for a moment', async () => {
    const busy = new Error('429 Too Many Requests');
    expect((await outcome({ looks: [null, busy, busy, { status: 1 }] })).said).to.equal(1);
  });

  it('says that it was mined and reverted', async () => {
    const { said } = await outcome({ looks: [null, { status: 0 }] });
    expect(said).to.equal('Refused: testing: it was mined and reverted');
  });

  it('says that another transaction of the account took its place', async () => {
    const { said } = await outcome({ looks: [null], used: NONCE + 1 });
    expect(said).to.equal(
      `Refused: testing: another transaction of the account took its place; another process sends with the key of ${ADDRESS}: end it, or use another key`,
    );
  });

  it('says what to do when somebody else was faster with the nonce', async () => {
    const { said } = await outcome({ looks: [null], answers: ['nonce too low: next nonce 8, tx nonce 7'] });
    expect(said).to.equal(
      `Refused: testing: the node says: nonce too low: next nonce 8, tx nonce 7; another process sends with the key of ${ADDRESS}: end it, or use another key`,
    );
  });

  it('takes a receipt that comes long after the nonce is used up for what it is', async () => {
    const looks = [...Array.from({ length: 8 }, () => null), { status: 1 }];
    expect((await outcome({ looks, used: NONCE + 1 })).said).to.equal(1);
  });

  it('takes a node that has the transaction already for one that took it', async () => {
    expect((await outcome({ looks: [{ status: 1 }], answers: ['already known'] })).said).to.equal(1);
  });

  it("says in the node's own words why it does not take it", async () => {
    const { said } = await outcome({ looks: [null], answers: ['txpool is full'] });
    expect(said).to.equal('Refused: testing: the node says: txpool is full');
  });

  it('attack 49: sends again what the pool forgot, and ends if it is never mined', async () => {
    const { said, sent } = await outcome({ looks: [null], knows: false });
    expect(said).to.match(/^Refused: testing: 0x[0-9a-f]{64} was not mined in 0 minutes and may still be/);
    expect(sent).to.be.greaterThan(2);
  });
});
