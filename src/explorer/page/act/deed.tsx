import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Contracts } from '../../../chain/contracts/contracts.ts';
import { useDeployment } from '../live.ts';
import { Facts } from '../parts.tsx';
import { openAccount, reasonOf, useWallets, type Wallet } from './wallet.ts';

export interface DeedProps {
  /** Text of the button, such as `Challenge`. */
  readonly verb: string;
  /** Amounts and times. */
  readonly facts: readonly (readonly [string, ComponentChildren])[];
  /** The risks. */
  readonly risk: ComponentChildren;
  /** True if it pays in the currency of the deployment. */
  readonly pays: boolean;
  /** The account that has to sign, if not any can. */
  readonly from?: string;
  /** Sends it, and says what there is now. */
  readonly send: (contracts: Contracts) => Promise<ComponentChildren>;
}

type State =
  | { readonly kind: 'ready'; readonly trouble?: string }
  | { readonly kind: 'sending' }
  | { readonly kind: 'done'; readonly what: ComponentChildren };

/** Something that a wallet signs: amounts, times and risks first, then a button for each wallet that is here. */
export function Deed({ verb, facts, risk, pays, from, send }: DeedProps) {
  const deployment = useDeployment();
  const wallets = useWallets();
  const [state, setState] = useState<State>({ kind: 'ready' });
  const { address, symbol } = deployment.currency;

  const begin = async (wallet: Wallet): Promise<void> => {
    setState({ kind: 'sending' });
    try {
      setState({ kind: 'done', what: await send(await openAccount(wallet, deployment, from)) });
    } catch (failure) {
      setState({ kind: 'ready', trouble: reasonOf(failure) });
    }
  };

  if (state.kind === 'done') return <p role="status">{state.what}</p>;
  return (
    <div class="deed">
      {facts.length > 0 && <Facts rows={facts} />}
      <p>{risk}</p>
      {pays && address !== null && (
        <p>
          This deployment takes {symbol}, the token at <span class="hash">{address}</span>. The wallet is
          first asked to allow the oracle exactly this amount, and then to pay it.
        </p>
      )}
      {state.kind === 'sending' ? (
        <p role="status">Waiting for the wallet and the chain …</p>
      ) : wallets.length === 0 ? (
        <p>No wallet is here. Install one that announces itself (EIP-6963), or use the command line.</p>
      ) : (
        wallets.map((wallet) => (
          <button key={wallet.info.uuid} type="button" class="main" onClick={() => void begin(wallet)}>
            {verb} with {wallet.info.name.slice(0, 60)}
          </button>
        ))
      )}
      {state.kind === 'ready' && state.trouble !== undefined && (
        <p class="trouble" role="alert">
          {state.trouble}
        </p>
      )}
    </div>
  );
}
