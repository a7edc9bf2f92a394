import type { ClaimJson, DisputeJson, RequestJson, RequestPageJson } from '../api.ts';
import { MOST_ROWS } from '../api.ts';
import { later } from './later.tsx';
import { useApi, useLive } from './live.ts';
import {
  Account,
  Ago,
  Amount,
  Card,
  ClaimStatus,
  Countdown,
  Facts,
  Fold,
  Hash,
  Model,
  RequestStatus,
  Shown,
} from './parts.tsx';
import { Standing } from './tables.tsx';
import { Verify } from './verify.tsx';
import { durationText } from './words.ts';

const Challenge = later(async () => (await import('./act/challenge.tsx')).Challenge);
const ClaimAnswer = later(async () => (await import('./act/claim.tsx')).ClaimAnswer);
const Texts = later(async () => (await import('./text/texts.tsx')).Texts);
const Contents = later(async () => (await import('./contents.tsx')).Contents);
const Cancel = later(async () => (await import('./act/cancel.tsx')).Cancel);

/** The next event of a request, in words. */
function Outlook({
  request,
  claims,
}: {
  readonly request: RequestJson;
  readonly claims: readonly ClaimJson[];
}) {
  const standing = claims.find(({ status }) => status === 'open');
  const { requestedAt, terms } = request;
  if (request.status === 'answered') return <>It has its final answer.</>;
  if (request.status === 'cancelled') return <>Its requester has taken it back.</>;
  if (request.openDisputes > 0) return <>A claim on it is disputed.</>;
  if (standing)
    return (
      <>
        A claim stands unchallenged. Time to challenge it:{' '}
        <Countdown deadline={standing.windowEnd} past="over, so anybody may make it final" />.
      </>
    );
  return (
    <>
      Nobody has answered it. Its requester can take it back:{' '}
      <Countdown deadline={requestedAt + terms.patienceSeconds} past="now" />.
    </>
  );
}

const Roots = ({ hexes }: { readonly hexes: readonly string[] }) => (
  <>
    {hexes.map((hex, i) => (
      <span key={`${i} ${hex}`}>
        <Hash hex={hex} />{' '}
      </span>
    ))}
  </>
);

const CALLBACK_WORDS = {
  notRun: 'not run yet',
  failed: 'failed; anybody may run it again',
  done: 'done',
} as const;

function RequestFacts({ request }: { readonly request: RequestJson }) {
  const { terms } = request;
  return (
    <Facts
      rows={[
        ['model', <Model key="model" id={request.model} />],
        ['asked by', <Account key="by" address={request.requester} />],
        ['asked', <Ago key="asked" timestamp={request.requestedAt} />],
        ['fee', <Amount key="fee" wei={request.feeWei} />],
        ['claim bond', <Amount key="claim" wei={terms.claimBondWei} />],
        ['challenge bond', <Amount key="challenge" wei={terms.challengeBondWei} />],
        ['window', durationText(terms.windowSeconds)],
        ['clock of each side', durationText(terms.clockSeconds)],
        ['commitment to its input', <Hash key="inputs" hex={request.inputs} />],
        ...(request.inputUri === null
          ? []
          : [
              [
                'input is given by its roots',
                <Roots key="roots" hexes={request.inputRoots ?? []} />,
              ] as const,
              ['and is said to be at', request.inputUri || 'no place'] as const,
            ]),
        ...(terms.provider
          ? [['who alone may answer', <Account key="p" address={terms.provider} />] as const]
          : []),
        ...(terms.verifier
          ? [['who may end a window', <Account key="v" address={terms.verifier} />] as const]
          : []),
        ...(terms.callbackGas > 0 ? [['callback', CALLBACK_WORDS[request.callback]] as const] : []),
      ]}
    />
  );
}

/** Transactions about a request that a wallet can sign. */
function Deeds({ request }: { readonly request: RequestJson }) {
  const { now } = useLive();
  const { status, requestedAt, terms } = request;
  const isPatient = now <= requestedAt + terms.patienceSeconds;
  return (
    <>
      {status === 'open' && (
        <Fold summary="Answer it">
          {terms.answerByRoot ? (
            <p>
              Its answer is claimed by its roots: run <code>assay provide</code>.
            </p>
          ) : (
            <ClaimAnswer request={request} />
          )}
        </Fold>
      )}
      {(status === 'open' || status === 'closed') && !isPatient && (
        <Fold summary="Take it back">
          <Cancel request={request} />
        </Fold>
      )}
    </>
  );
}

interface ClaimProps {
  readonly request: RequestJson;
  readonly claim: ClaimJson;
  readonly disputes: readonly DisputeJson[];
}

function Claim({ request, claim, disputes }: ClaimProps) {
  const { now } = useLive();
  return (
    <Card title={`Claim ${claim.number}`} aside={<ClaimStatus claim={claim} />}>
      <Facts
        rows={[
          ['claimed by', <Account key="by" address={claim.claimant} />],
          ['claimed', <Ago key="at" timestamp={claim.claimedAt} />],
          ['bond', <Amount key="bond" wei={claim.bondWei} />],
          ...(claim.status === 'open'
            ? [
                [
                  'can be challenged',
                  <Countdown key="window" deadline={claim.windowEnd} past="no longer" />,
                ] as const,
              ]
            : []),
          ['commitment to its answer', <Hash key="outputs" hex={claim.outputs} />],
          ...(claim.answerUri === null ? [] : [['answer is said to be at', claim.answerUri] as const]),
        ]}
      />
      {disputes.length > 0 && (
        <ul class="plain">
          {disputes.map((dispute) => (
            <li key={dispute.id}>
              <a href={`#/dispute/${dispute.id}`}>dispute {dispute.id}</a> by{' '}
              <Account address={dispute.challenger} />: <Standing dispute={dispute} />
            </li>
          ))}
        </ul>
      )}
      <Verify request={request} claim={claim} />
      {claim.status === 'open' && now <= claim.windowEnd && (
        <Fold summary="Challenge this claim">
          <Challenge request={request} claim={claim} />
        </Fold>
      )}
    </Card>
  );
}

/** A request, the claims on it, and every deadline. */
export function Request({ id }: { readonly id: string }) {
  const read = useApi<RequestPageJson>(`/api/requests/${id}`);
  return (
    <>
      <h1>Request {id}</h1>
      <Shown read={read}>
        {({ request, claims, disputes, isText, hasProgram }) => (
          <>
            <p class="outlook">
              <RequestStatus request={request} /> <Outlook request={request} claims={claims} />
            </p>
            <Card title="What was asked">
              <RequestFacts request={request} />
              <Deeds request={request} />
            </Card>
            {isText ? (
              <Texts request={request} claims={claims} />
            ) : (
              hasProgram && <Contents request={request} claims={claims} />
            )}
            {claims.map((claim) => (
              <Claim
                key={claim.id}
                request={request}
                claim={claim}
                disputes={disputes.filter((one) => one.claim === claim.id)}
              />
            ))}
            {request.claims > MOST_ROWS && <p>The first {MOST_ROWS} claims are shown.</p>}
          </>
        )}
      </Shown>
    </>
  );
}
