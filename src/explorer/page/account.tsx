import type { AccountPageJson } from '../api.ts';
import { later } from './later.tsx';
import { useApi } from './live.ts';
import { Amount, Card, Facts, Shown } from './parts.tsx';
import { Claims, Disputes, Requests } from './tables.tsx';

const Withdraw = later(async () => (await import('./act/withdraw.tsx')).Withdraw);

/** An account: what it has at stake, what it is owed, what it did. */
export function AccountView({ address }: { readonly address: string }) {
  const read = useApi<AccountPageJson>(`/api/accounts/${address}`);
  return (
    <>
      <h1>Account</h1>
      <p class="hash id">{address}</p>
      <Shown read={read}>
        {({ owedWei, bondsWei, disputesWon, disputesLost, claims, disputes, requests }) => (
          <>
            <Card title="Its money here">
              <Facts
                rows={[
                  ['bonds at stake', <Amount key="bonds" wei={bondsWei} />],
                  ['owed to it, to be withdrawn', <Amount key="owed" wei={owedWei} />],
                  ['disputes won', `${disputesWon}`],
                  ['disputes lost', `${disputesLost}`],
                ]}
              />
              {owedWei !== '0' && <Withdraw address={address} owedWei={owedWei} />}
            </Card>
            <Card title="Claims">
              <Claims rows={claims} />
            </Card>
            <Card title="Disputes">
              <Disputes rows={disputes} />
            </Card>
            <Card title="Requests">
              <Requests rows={requests} />
            </Card>
          </>
        )}
      </Shown>
    </>
  );
}
