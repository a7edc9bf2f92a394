import { useEffect, useState } from 'preact/hooks';
import type { DisputeJson, ModelRowJson, OverviewJson, PageJson, RequestJson } from '../api.ts';
import { joined } from './joined.ts';
import { useApi, useDeployment } from './live.ts';
import { Account, Amount, Card, Facts, Model, Shown, Table } from './parts.tsx';
import { useSource } from './source.ts';
import { Disputes, Requests } from './tables.tsx';

const Figure = ({
  name,
  value,
  note,
}: {
  readonly name: string;
  readonly value: preact.ComponentChildren;
  readonly note?: string;
}) => (
  <div class="figure">
    <dt>{name}</dt>
    <dd>{value}</dd>
    {note !== undefined && <dd class="note">{note}</dd>}
  </div>
);

/** Everything that is open, and what happened last. */
export function Overview() {
  const read = useApi<OverviewJson>('/api/overview');
  const { oracle, game, registry, chainId } = useDeployment();
  return (
    <>
      <h1>Overview</h1>
      <p class="lead">
        Contracts ask neural networks here. Whoever answers puts up a bond. Whoever runs the model again and
        gets another answer can challenge, and the chain settles the dispute by computing a few steps itself.
      </p>
      <Shown read={read}>
        {({ counts, bondsWei, slashedWei, latest, disputes, forecasts }) => (
          <>
            <dl class="figures">
              <Figure
                name="requests"
                value={counts.requests.toLocaleString('en-US')}
                note={`${counts.waiting} not final`}
              />
              <Figure
                name="claims"
                value={counts.claims.toLocaleString('en-US')}
                note={`${counts.openClaims} open, ${counts.falsified} false`}
              />
              <Figure
                name="disputes"
                value={counts.disputes.toLocaleString('en-US')}
                note={`${counts.openDisputes} open`}
              />
              <Figure name="bonds at stake" value={<Amount wei={bondsWei} />} />
              <Figure name="lost by false claims" value={<Amount wei={slashedWei} />} />
            </dl>
            <Card title="Latest requests" aside={<a href="#/requests">all requests</a>}>
              <Requests rows={latest} />
            </Card>
            <Card title="Disputes" aside={<a href="#/disputes">all disputes</a>}>
              <Disputes rows={disputes} forecasts={forecasts} />
            </Card>
          </>
        )}
      </Shown>
      <Card title="This deployment">
        <Facts
          rows={[
            ['chain', chainId],
            ['oracle', <Account key="oracle" address={oracle} />],
            ['game', <Account key="game" address={game} />],
            ['registry', <Account key="registry" address={registry} />],
          ]}
        />
      </Card>
    </>
  );
}

/** Rows that a page keeps of one list. */
const MOST_KEPT = 20_000;

/** A list, newest first, of which older rows are read when they are asked for. */
function Pages<Row extends { readonly id: string }>(props: {
  readonly title: string;
  readonly path: string;
  readonly show: (rows: readonly Row[]) => preact.ComponentChildren;
}) {
  const { path, title, show } = props;
  const source = useSource();
  const read = useApi<PageJson<Row>>(path);
  const [rows, setRows] = useState<readonly Row[]>([]);
  const [next, setNext] = useState<string | null>();
  const [isReading, setReading] = useState(false);
  const page = read.data;
  useEffect(() => {
    if (!page) return;
    const all = page.next === null ? page.rows : joined(page.rows, rows);
    setRows(all);
    if (next === undefined || all.length === page.rows.length) setNext(page.next);
  }, [page]);
  const more = (): void => {
    setReading(true);
    source
      .read<PageJson<Row>>(`${path}?before=${next}`)
      .then(
        (older) => {
          setRows((all) => [...all, ...older.rows]);
          setNext(older.next);
        },
        () => undefined,
      )
      .finally(() => setReading(false));
  };
  return (
    <>
      <h1>{title}</h1>
      <Shown read={read}>{(first) => show(rows.length > 0 ? rows : first.rows)}</Shown>
      {next && rows.length < MOST_KEPT && (
        <p>
          <button type="button" disabled={isReading} onClick={more}>
            {isReading ? 'Reading …' : 'Older ones'}
          </button>
        </p>
      )}
    </>
  );
}

export const RequestList = () => (
  <Pages<RequestJson> title="Requests" path="/api/requests" show={(rows) => <Requests rows={rows} />} />
);

export const DisputeList = () => (
  <Pages<DisputeJson> title="Disputes" path="/api/disputes" show={(rows) => <Disputes rows={rows} />} />
);

export const ModelList = () => (
  <Pages<ModelRowJson>
    title="Models"
    path="/api/models"
    show={(rows) => (
      <Table label="Models" head={['model', 'requests', 'last']}>
        {rows.map(({ id, requests, lastRequest }) => (
          <tr key={id}>
            <td>
              <Model id={id} />
            </td>
            <td class="number">{requests}</td>
            <td>
              <a href={`#/request/${lastRequest}`}>request {lastRequest}</a>
            </td>
          </tr>
        ))}
      </Table>
    )}
  />
);
