import type { ClaimJson, DisputeJson, RequestJson } from '../api.ts';
import { Account, Ago, Amount, ClaimStatus, Countdown, Model, RequestStatus, Table } from './parts.tsx';

export const Requests = ({ rows }: { readonly rows: readonly RequestJson[] }) =>
  rows.length === 0 ? (
    <p>No requests yet.</p>
  ) : (
    <Table label="Requests" head={['request', 'status', 'model', 'asked', 'fee', 'claims', 'disputes']}>
      {rows.map((request) => (
        <tr key={request.id}>
          <td>
            <a href={`#/request/${request.id}`}>request {request.id}</a>
          </td>
          <td>
            <RequestStatus request={request} />
          </td>
          <td>
            <Model id={request.model} />
          </td>
          <td>
            <Ago timestamp={request.requestedAt} />
          </td>
          <td>
            <Amount wei={request.feeWei} />
          </td>
          <td class="number">
            {request.claims}
            {request.falsified > 0 && `, ${request.falsified} false`}
          </td>
          <td class="number">{request.disputes}</td>
        </tr>
      ))}
    </Table>
  );

/** The state of a dispute, in words. */
export const Standing = ({ dispute }: { readonly dispute: DisputeJson }) => {
  const { ended, turn } = dispute;
  if (ended)
    return (
      <span class={`chip ${ended.winner === 'challenger' ? 'false' : 'final'}`}>{ended.winner} won</span>
    );
  if (!turn) return null;
  if (turn.isOvertaken) return <span class="chip">claim is false already</span>;
  return (
    <span>
      {turn.mover}'s move, <Countdown deadline={turn.deadline} past="clock has run out" />
    </span>
  );
};

export const Disputes = ({ rows }: { readonly rows: readonly DisputeJson[] }) =>
  rows.length === 0 ? (
    <p>No disputes yet.</p>
  ) : (
    <Table label="Disputes" head={['dispute', 'about', 'claimant', 'challenger', 'standing', 'moves']}>
      {rows.map((dispute) => (
        <tr key={dispute.id}>
          <td>
            <a href={`#/dispute/${dispute.id}`}>dispute {dispute.id}</a>
          </td>
          <td>
            <a href={`#/request/${dispute.request}`}>request {dispute.request}</a>
          </td>
          <td>
            <Account address={dispute.claimant} />
          </td>
          <td>
            <Account address={dispute.challenger} />
          </td>
          <td>
            <Standing dispute={dispute} />
          </td>
          <td class="number">{dispute.moves}</td>
        </tr>
      ))}
    </Table>
  );

export const Claims = ({ rows }: { readonly rows: readonly ClaimJson[] }) =>
  rows.length === 0 ? (
    <p>No claims yet.</p>
  ) : (
    <Table label="Claims" head={['claim', 'status', 'made', 'bond', 'window']}>
      {rows.map((claim) => (
        <tr key={claim.id}>
          <td>
            <a href={`#/request/${claim.request}`}>
              claim {claim.number} on request {claim.request}
            </a>
          </td>
          <td>
            <ClaimStatus claim={claim} />
          </td>
          <td>
            <Ago timestamp={claim.claimedAt} />
          </td>
          <td>
            <Amount wei={claim.bondWei} />
          </td>
          <td>
            {claim.status === 'open' ? <Countdown deadline={claim.windowEnd} past="has passed" /> : 'over'}
          </td>
        </tr>
      ))}
    </Table>
  );
