import { expect } from 'chai';
import type { Signer } from 'ethers';
import { submit } from '../../src/chain/submit.ts';

/** A look for the receipt, as the node answers it. */
type Look = { status: number } | null | Error;

/** An account whose transaction with nonce 7 is looked for; `used` is the account's nonce on the chain. */
function signerWith(looks: Look[], used = 7): Signer {
  const provider = {
    getTransactionCount: async () => used,
    getTransactionReceipt: async () => {
      const look = looks.length > 1 ? looks.shift() : looks[0];
      if (look instanceof Error) throw look;
      return look;
    },
  };
  const signer = {
    estimateGas: async () => 100_000n,
    sendTransaction: async ({ gasLimit }: { gasLimit: bigint }) => {
      expect(gasLimit).to.equal(110_000n);
      return { hash: '0x12', from: '0x34', nonce: 7, provider };
    },
  };
  return signer as unknown as Signer;
}

const outcome = (signer: Signer): Promise<unknown> =>
  submit(signer, {}, 'testing').then(
    ({ status }) => status,
    (error: Error) => `${error.name}: ${error.message}`,
  );

describe('waiting for a transaction', () => {
  it('goes on when the node fails to answer for a moment', async () => {
    const busy = new Error('429 Too Many Requests');
    expect(await outcome(signerWith([null, busy, busy, { status: 1 }]))).to.equal(1);
  });

  it('says that it was mined and reverted', async () => {
    expect(await outcome(signerWith([null, { status: 0 }]))).to.equal(
      'Refused: testing: it was mined and reverted',
    );
  });

  it('says that another transaction of the account took its place', async () => {
    expect(await outcome(signerWith([null], 8))).to.equal(
      'Refused: testing: another transaction of the account took its place',
    );
  });
});
