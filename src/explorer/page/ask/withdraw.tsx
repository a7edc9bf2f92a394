import { useState } from 'preact/hooks';
import { callData } from '../abi.ts';
import { useDeployment } from '../live.ts';
import { send, useWallets, type Wallet } from './wallet.ts';

/** Has a wallet collect what its account is owed. */
export function Withdraw({ address }: { readonly address: string }) {
  const { oracle, chainId } = useDeployment();
  const wallets = useWallets();
  const [state, setState] = useState<'ready' | 'sending' | 'done' | Error>('ready');
  const withdraw = (wallet: Wallet): void => {
    setState('sending');
    send(wallet, { chainId, to: oracle, data: callData('withdraw()'), valueWei: 0n, from: address }).then(
      () => setState('done'),
      setState,
    );
  };
  if (state === 'sending') return <p role="status">Waiting for the wallet and the chain …</p>;
  if (state === 'done') return <p role="status">It is withdrawn.</p>;
  return (
    <>
      {wallets.map((wallet) => (
        <button key={wallet.info.uuid} type="button" onClick={() => withdraw(wallet)}>
          Withdraw with {wallet.info.name}
        </button>
      ))}
      {state instanceof Error && (
        <p class="trouble" role="alert">
          {state.message}
        </p>
      )}
    </>
  );
}
