import {
  AbstractSigner,
  BrowserProvider,
  type Eip1193Provider,
  type JsonRpcSigner,
  makeError,
  type Provider,
  type TransactionRequest,
  type TransactionResponse,
  toQuantity,
} from 'ethers';
import { useEffect, useState } from 'preact/hooks';
import { Refused } from '../../../chain/actions/submit.ts';
import { type Contracts, connect } from '../../../chain/contracts/contracts.ts';
import { explain } from '../../../chain/messages/explain.ts';
import type { DeploymentJson } from '../../api.ts';

/** Wallets that other programs put into the page (EIP-6963), and what is asked of them (EIP-1193). */

export interface Wallet {
  readonly info: { readonly uuid: string; readonly name: string };
  readonly provider: Eip1193Provider;
}

const isWallet = (detail: unknown): detail is Wallet => {
  const { info, provider } = (detail ?? {}) as Partial<Wallet>;
  return (
    typeof info?.uuid === 'string' && typeof info.name === 'string' && typeof provider?.request === 'function'
  );
};

/** The wallets that are here, as they say so. */
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

/** An account of a wallet, which sends what it signs itself. */
class WalletSigner extends AbstractSigner {
  readonly #signer: JsonRpcSigner;

  constructor(signer: JsonRpcSigner) {
    super(signer.provider);
    this.#signer = signer;
  }

  getAddress(): Promise<string> {
    return this.#signer.getAddress();
  }

  /** Leaves to the wallet what it fills in better itself. */
  override async sendTransaction({
    to,
    from,
    data,
    value,
    gasLimit,
  }: TransactionRequest): Promise<TransactionResponse> {
    const kept = Object.entries({ to, from, data, value, gasLimit }).filter(([, one]) => one != null);
    return this.#signer.sendTransaction(Object.fromEntries(kept));
  }

  signTransaction(): Promise<string> {
    // As ethers' own signers say it that cannot; then it is sent to be signed.
    return Promise.reject(
      makeError('wallets sign what they send', 'UNSUPPORTED_OPERATION', { operation: 'sign' }),
    );
  }

  signMessage(message: string): Promise<string> {
    return this.#signer.signMessage(message);
  }

  signTypedData(...given: Parameters<JsonRpcSigner['signTypedData']>): Promise<string> {
    return this.#signer.signTypedData(...given);
  }

  connect(_provider: Provider | null): WalletSigner {
    return this;
  }
}

/** The reason why something was not sent, as one sentence. */
export function reasonOf(failure: unknown): string {
  if (failure instanceof Refused) return failure.message;
  // A wallet's own words.
  const { info } = (failure ?? {}) as { info?: { error?: { message?: unknown } } };
  const words = info?.error?.message;
  return (typeof words === 'string' && words !== '' ? words : explain(failure)).slice(0, 300);
}

/**
 * The contracts of the deployment as an account of a wallet sees them, through the wallet's own node.
 *
 * @param from who has to send; the wallet's first account if left out
 * @throws DeploymentError if the contracts are not those of this release
 * @throws Error whose message says why the wallet does not do it
 */
export async function openAccount(
  { provider: given }: Wallet,
  { chainId, oracle }: DeploymentJson,
  from?: string,
): Promise<Contracts> {
  const provider = new BrowserProvider(given, 'any');
  const accounts: string[] = await provider.send('eth_requestAccounts', []);
  const isSender = (one: string): boolean => one.toLowerCase() === from?.toLowerCase();
  const account = from === undefined ? accounts[0] : accounts.find(isSender);
  if (account === undefined) throw new Error(`the wallet does not give ${from ?? 'any account'}`);
  const isThere = async (): Promise<boolean> =>
    BigInt(await provider.send('eth_chainId', [])) === BigInt(chainId);
  // RULE: nothing is signed for another chain than the one that is shown.
  if (!(await isThere())) {
    await provider.send('wallet_switchEthereumChain', [{ chainId: toQuantity(chainId) }]);
    if (!(await isThere())) throw new Error(`the wallet is on another chain than ${chainId}`);
  }
  // RULE: no money goes to contracts that only the index calls an oracle: their code has to be this release's.
  return connect(oracle, new WalletSigner(await provider.getSigner(account)));
}
