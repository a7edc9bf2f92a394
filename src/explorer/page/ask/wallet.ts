import { useEffect, useState } from 'preact/hooks';

/** Wallets that other programs put into the page (EIP-6963), and what is asked of them (EIP-1193). */

export interface Wallet {
  readonly info: { readonly uuid: string; readonly name: string };
  readonly provider: { request(asked: { method: string; params?: readonly unknown[] }): Promise<unknown> };
}

/** Between looks at a transaction, ms. */
const PAUSE_MS = 1000;

const isWallet = (detail: unknown): detail is Wallet => {
  const { info, provider } = (detail ?? {}) as Partial<Wallet>;
  return (
    typeof info?.uuid === 'string' && typeof info.name === 'string' && typeof provider?.request === 'function'
  );
};

/** The wallets that have announced themselves to the page. */
export function useWallets(): readonly Wallet[] {
  const [wallets, setWallets] = useState<readonly Wallet[]>([]);
  useEffect(() => {
    const meet = ({ detail }: CustomEvent): void => {
      if (!isWallet(detail)) return;
      setWallets((known) =>
        known.some(({ info }) => info.uuid === detail.info.uuid) ? known : [...known, detail],
      );
    };
    addEventListener('eip6963:announceProvider', meet as EventListener);
    dispatchEvent(new Event('eip6963:requestProvider'));
    return () => removeEventListener('eip6963:announceProvider', meet as EventListener);
  }, []);
  return wallets;
}

/** The reason that a wallet gives for a refusal. */
const wordsOf = (failure: unknown): string => {
  const { message } = (failure ?? {}) as { message?: unknown };
  return typeof message === 'string' && message !== '' ? message.slice(0, 300) : 'the wallet refused';
};

export interface Log {
  readonly address: string;
  readonly topics: readonly string[];
}

export interface Sent {
  /** Of the deployment, decimal. */
  readonly chainId: string;
  readonly to: string;
  readonly data: string;
  readonly valueWei: bigint;
  /** Who has to send it; the wallet's first account if left out. */
  readonly from?: string;
}

/**
 * Has a wallet send a transaction and waits until it is mined.
 *
 * @returns its logs
 * @throws Error whose message says, in the wallet's words, why not
 */
export async function send({ provider }: Wallet, sent: Sent): Promise<readonly Log[]> {
  const { chainId, to, data, valueWei } = sent;
  const ask = <T>(method: string, params: readonly unknown[] = []): Promise<T> =>
    provider.request({ method, params }).catch((failure: unknown) => {
      throw new Error(wordsOf(failure));
    }) as Promise<T>;
  const accounts = await ask<string[]>('eth_requestAccounts');
  const isSender = (one: string): boolean => one.toLowerCase() === sent.from?.toLowerCase();
  const from = sent.from === undefined ? accounts[0] : accounts.find(isSender);
  if (from === undefined) throw new Error(`the wallet does not give ${sent.from ?? 'any account'}`);
  const wanted = `0x${BigInt(chainId).toString(16)}`;
  // RULE: nothing is signed for another chain than the one that is shown.
  if (BigInt(await ask<string>('eth_chainId')) !== BigInt(chainId)) {
    await ask('wallet_switchEthereumChain', [{ chainId: wanted }]);
    if (BigInt(await ask<string>('eth_chainId')) !== BigInt(chainId))
      throw new Error(`the wallet is on another chain than ${chainId}`);
  }
  const value = `0x${valueWei.toString(16)}`;
  const hash = await ask<string>('eth_sendTransaction', [{ from, to, data, value }]);
  for (;;) {
    const receipt = await ask<{ status: string; logs: Log[] } | null>('eth_getTransactionReceipt', [hash]);
    if (receipt && BigInt(receipt.status) === 1n) return receipt.logs;
    if (receipt) throw new Error('the chain did not take the transaction');
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
