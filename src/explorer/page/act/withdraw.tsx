import { withdraw } from '../../../chain/actions/actions.ts';
import { Amount } from '../parts.tsx';
import { Deed } from './deed.tsx';

/** Has a wallet collect what its account is owed. */
export const Withdraw = ({ address, owedWei }: { readonly address: string; readonly owedWei: string }) => (
  <Deed
    verb="Withdraw"
    facts={[['you get', <Amount key="owed" wei={owedWei} />]]}
    risk="All of it goes to this account; you pay gas."
    pays={false}
    from={address}
    send={async (contracts) => {
      await withdraw(contracts);
      return 'It is withdrawn.';
    }}
  />
);
