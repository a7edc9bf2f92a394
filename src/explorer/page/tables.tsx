import type { ClaimJson, DisputeJson, ForecastJson, RequestJson } from '../api.ts';
import {
  Account,
  Ago,
  Amount,
  ClaimStatus,
  Countdown,
  Ending,
  LongTable,
  Model,
  RequestStatus,
  Table,
} from './parts.tsx';

export const Requests = ({ rows }: { readonly rows: readonly RequestJson[] }) =>
  rows.length === 0 ? (
    <p>No requests yet.</p>
  ) : (
    <LongTable
      label="Requests"
      head={['request', 'status', 'asked', 'claims', 'disputes', 'fee', 'model']}
      rows={rows}
      show={(request, index) => (
        <tr key={request.id} aria-rowindex={index}>
          <td>
            <a href={`#/request/${request.id}`}>request {request.id}</a>
          </td>
          <td>
            <RequestStatus request={request} />
          </td>
          <td>
            <Ago timestamp={request.requestedAt} />
          </td>
          <td class="number">
            {request.claims}
            {request.falsified > 0 && `, ${request.falsified} of them false`}
          </td>
          <td class="number">{request.disputes}</td>
          <td>
            <Amount wei={request.feeWei} />
          </td>
          <td>
            <Model id={request.model} />
          </td>
        </tr>
      )}
    />
  );

/** The state of a dispute, in words. */
export const Standing = ({ dispute }: { readonly dispute: DisputeJson }) => {
  const { ended, turn } = dispute;
  if (ended) return <Ending ended={ended} />;
  if (!turn) return null;
  if (turn.isOvertaken) return <span class="chip">claim is false already</span>;
  return (
    <span>
      {turn.mover}'s move, <Countdown deadline={turn.deadline} past="clock has run out" />
    </span>
  );
};

/** The end of a dispute as things stand, in a few words. */
const Outcome = ({ forecast }: { readonly forecast: ForecastJson | undefined }) => {
  if (!forecast) return <>–</>;
  const { ifPlayed, ifIdle, isOvertaken } = forecast;
  if (isOvertaken) return <>bond given back</>;
  if (ifPlayed === null) return <>{ifIdle}, if nobody moves</>;
  return <>{ifPlayed}, if both play</>;
};

/** @param forecasts of those that are open; left out, they are not shown */
export const Disputes = ({
  rows,
  forecasts,
}: {
  readonly rows: readonly DisputeJson[];
  readonly forecasts?: readonly ForecastJson[];
}) =>
  rows.length === 0 ? (
    <p>No disputes yet.</p>
  ) : (
    <LongTable
      label="Disputes"
      head={[
        ...['dispute', 'about', 'standing'],
        ...(forecasts ? ['will win'] : []),
        ...['moves', 'claimant', 'challenger'],
      ]}
      rows={rows}
      show={(dispute, index) => (
        <tr key={dispute.id} aria-rowindex={index}>
          <td>
            <a href={`#/dispute/${dispute.id}`}>dispute {dispute.id}</a>
          </td>
          <td>
            <a href={`#/request/${dispute.request}`}>request {dispute.request}</a>
          </td>
          <td>
            <Standing dispute={dispute} />
          </td>
          {forecasts && (
            <td>
              <Outcome forecast={forecasts.find((one) => one.dispute === dispute.id)} />
            </td>
          )}
          <td class="number">{dispute.moves}</td>
          <td>
            <Account address={dispute.claimant} />
          </td>
          <td>
            <Account address={dispute.challenger} />
          </td>
        </tr>
      )}
    />
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
