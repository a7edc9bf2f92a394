// Compares the tables of this index with those of an explorer of the same deployment, row by row:
//
//   node compare.ts [EXPLORER [INDEXER]]
import type {
  AccountPageJson,
  ClaimJson,
  DisputeJson,
  PageJson,
  RequestJson,
  RequestPageJson,
} from '../../src/explorer/api.ts';

const [explorer = 'http://127.0.0.1:8490', indexer = 'http://127.0.0.1:42069'] = process.argv.slice(2);

/** Looks until both have the same rows: the chain goes on while they are read. */
const MOST_LOOKS = 20;
const PAUSE_MS = 1000;
const PAGE_ROWS = 500;

type Row = Readonly<Record<string, unknown>>;
/** Rows as text by a name for each, such as `claim 4294967297`. */
type Rows = ReadonlyMap<string, string>;

async function json<T>(url: string, init?: RequestInit): Promise<T> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return (await response.json()) as T;
}

// ---- rows of this index ----

const COLUMNS = {
  requests: `id model requester feeWei inputs inputUri requestedAt claimBondWei challengeBondWei windowSeconds clockSeconds
    patienceSeconds callbackGas callbackFeeWei answerByRoot provider verifier status callback feeHeld claims falsified
    disputes openDisputes`,
  claims: 'id requestId number claimant outputs answerUri claimedAt windowEnd bondWei status traceRoot',
  disputes:
    'id requestId claimId claimant challenger claimBondWei challengeBondWei transactions winner reason',
  accounts: 'address requests claims disputes disputesWon disputesLost bondsWei',
} as const;

interface Page {
  readonly items: readonly Row[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

interface Answer {
  readonly errors?: readonly { readonly message: string }[];
  readonly data: Readonly<Record<string, Page>>;
}

async function page(name: keyof typeof COLUMNS, after: string | null): Promise<Page> {
  const query = `query ($after: String) {
    ${name}(limit: ${PAGE_ROWS}, after: $after) { items { ${COLUMNS[name]} } pageInfo { hasNextPage endCursor } }
  }`;
  const { data, errors } = await json<Answer>(`${indexer}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { after } }),
  });
  if (errors) throw new Error(errors.map(({ message }) => message).join('; '));
  return data[name]!;
}

/** All rows of a table. */
async function table(name: keyof typeof COLUMNS): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after: string | null = null; ; ) {
    const { items, pageInfo }: Page = await page(name, after);
    rows.push(...items);
    if (!pageInfo.hasNextPage) return rows;
    after = pageInfo.endCursor;
  }
}

// ---- rows of the explorer, in the same columns ----

/** All rows of a list of the explorer. */
async function list<T>(path: string): Promise<T[]> {
  const rows: T[] = [];
  for (let before = ''; ; ) {
    const { rows: more, next }: PageJson<T> = await json<PageJson<T>>(`${explorer}${path}${before}`);
    rows.push(...more);
    if (next === null) return rows;
    before = `?before=${next}`;
  }
}

const NOBODY = `0x${'00'.repeat(20)}`;

function requestRow({ terms, inputRoots: _, ...row }: RequestJson): Row {
  const { provider, verifier } = terms;
  return { ...row, ...terms, provider: provider ?? NOBODY, verifier: verifier ?? NOBODY };
}

const claimRow = ({ request, ...row }: ClaimJson): Row => ({ ...row, requestId: request });

const disputeRow = (row: DisputeJson): Row => ({
  id: row.id,
  requestId: row.request,
  claimId: row.claim,
  claimant: row.claimant,
  challenger: row.challenger,
  claimBondWei: row.claimBondWei,
  challengeBondWei: row.challengeBondWei,
  transactions: row.moves,
  winner: row.ended?.winner ?? null,
  reason: row.ended?.reason ?? null,
});

/** The explorer's lists of an account are cut after 200 rows, so its counts are made from all rows. */
const accountRow = (
  { address, disputesWon, disputesLost, bondsWei }: AccountPageJson,
  requests: readonly RequestJson[],
  claims: readonly ClaimJson[],
  disputes: readonly DisputeJson[],
): Row => ({
  address,
  requests: requests.filter(({ requester }) => requester === address).length,
  claims: claims.filter(({ claimant }) => claimant === address).length,
  // An account that challenges its own claim is both sides.
  disputes: disputes
    .flatMap(({ claimant, challenger }) => [claimant, challenger])
    .filter((one) => one === address).length,
  disputesWon,
  disputesLost,
  bondsWei,
});

// ---- the comparison ----

/** Numbers and addresses have several spellings. */
const text = (value: unknown): string => `${value}`.toLowerCase();

function named(kind: string, rows: readonly Row[]): [string, string][] {
  return rows.map((row) => {
    const fields = Object.keys(row).sort();
    const name = `${kind} ${text(row['id'] ?? row['address'])}`;
    return [name, fields.map((field) => `${field}=${text(row[field])}`).join(' ')];
  });
}

async function ofIndexer(): Promise<Rows> {
  const [requests, claims, disputes, accounts] = await Promise.all([
    table('requests'),
    table('claims'),
    table('disputes'),
    table('accounts'),
  ]);
  return new Map([
    ...named('request', requests),
    ...named('claim', claims),
    ...named('dispute', disputes),
    ...named('account', accounts),
  ]);
}

async function ofExplorer(): Promise<Rows> {
  const [requests, disputes] = await Promise.all([
    list<RequestJson>('/api/requests'),
    list<DisputeJson>('/api/disputes'),
  ]);
  const claims: ClaimJson[] = [];
  for (const { id } of requests)
    claims.push(...(await json<RequestPageJson>(`${explorer}/api/requests/${id}`)).claims);
  const addresses = new Set([
    ...requests.map(({ requester }) => requester),
    ...claims.map(({ claimant }) => claimant),
    ...disputes.map(({ challenger }) => challenger),
  ]);
  const accounts: Row[] = [];
  for (const address of addresses) {
    const page = await json<AccountPageJson>(`${explorer}/api/accounts/${address}`);
    accounts.push(accountRow(page, requests, claims, disputes));
  }
  return new Map([
    ...named('request', requests.map(requestRow)),
    ...named('claim', claims.map(claimRow)),
    ...named('dispute', disputes.map(disputeRow)),
    ...named('account', accounts),
  ]);
}

let differences: string[] = [];
for (let look = 0; look < MOST_LOOKS; look++) {
  const [here, there] = await Promise.all([ofIndexer(), ofExplorer()]);
  const names = [...new Set([...here.keys(), ...there.keys()])];
  const other = names.filter((name) => here.get(name) !== there.get(name));
  if (other.length === 0) {
    const kinds = ['request', 'claim', 'dispute', 'account'];
    const counts = kinds.map((kind) => `${names.filter((name) => name.startsWith(kind)).length} ${kind}s`);
    console.log(`the same rows: ${counts.join(', ')}`);
    process.exit(0);
  }
  differences = other.map(
    (name) => `${name}\n  here:     ${here.get(name) ?? 'none'}\n  explorer: ${there.get(name) ?? 'none'}`,
  );
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
console.error(`${differences.length} rows differ:\n${differences.slice(0, 10).join('\n')}`);
process.exit(1);
