import { getAddress, isAddress } from 'ethers';
import type { Contracts } from '../../../chain/contracts/contracts.ts';
import type { Case, ClaimRecord, DisputeRecord } from '../../../chain/contracts/world.ts';
import { hexOf } from '../../../merkle/keccak.ts';
import { type Publication, readPublication } from '../../../store/publications.ts';
import {
  type AccountPageJson,
  type BlockJson,
  type ClaimJson,
  type DisputeJson,
  type DisputePageJson,
  type ForecastJson,
  MOST_ROWS,
  type ModelPageJson,
  type ModelRowJson,
  type OverviewJson,
  type PageJson,
  type RequestJson,
  type RequestPageJson,
} from '../../api.ts';
import { forecastsOf } from '../../records/forecasts.ts';
import { readWalk } from '../../records/moves.ts';
import { claimRow, disputeRow, requestRow } from '../../records/rows.ts';
import { ApiError } from '../source.ts';
import type { EventWindow } from './eventWindow.ts';

/** The answers of the API, made in the page from the events that it has read. */

/** Rows of each list of the overview. */
const LATEST = 20;
/** Blocks in which it is looked for where models can be had. */
const PUBLICATION_BLOCKS = 200_000;

const descending = (a: bigint, b: bigint): number => (a > b ? -1 : a < b ? 1 : 0);

const rowOf = ({ request, claims, disputes }: Case): RequestJson => {
  const [ofClaims, ofDisputes] = [[...claims.values()], [...disputes.values()]];
  return requestRow(request, {
    claims: ofClaims.length,
    falsified: ofClaims.filter(({ status }) => status === 'falsified').length,
    disputes: ofDisputes.length,
    openDisputes: ofDisputes.filter(({ ended }) => !ended).length,
  });
};

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, one) => total + one, 0n);

export class NodeAnswers {
  readonly #contracts: Contracts;
  readonly #window: EventWindow;
  readonly #fromBlock: number;
  readonly #publications = new Map<string, Promise<Publication>>();

  constructor(contracts: Contracts, window: EventWindow, fromBlock: number) {
    this.#contracts = contracts;
    this.#window = window;
    this.#fromBlock = fromBlock;
  }

  get block(): BlockJson {
    const { head, since = null } = this.#window;
    return { number: head.number, timestamp: Number(head.timestamp), since };
  }

  case(requestId: string): Case | undefined {
    return /^\d{1,29}$/.test(requestId) ? this.#window.cases.get(BigInt(requestId)) : undefined;
  }

  /** Where a model's publishers say that it is, read once. */
  publication(id: string): Promise<Publication> {
    const known = this.#publications.get(id);
    if (known) return known;
    const from = Math.max(this.#fromBlock, this.#window.head.number - PUBLICATION_BLOCKS);
    const read = readPublication(this.#contracts, id, from);
    this.#publications.set(id, read);
    read.catch(() => this.#publications.delete(id));
    return read;
  }

  /** @throws ApiError for a path that leads to nothing */
  async answer(path: string): Promise<unknown> {
    const { pathname, searchParams } = new URL(path, 'http://page');
    const [, , kind = '', id = ''] = pathname.split('/');
    const before = searchParams.get('before');
    if (kind === 'overview') return this.#overview();
    if (id === '') {
      if (kind === 'requests') return this.#page(this.#requests(), before);
      if (kind === 'disputes') return this.#page(this.#disputes().map(disputeRow), before);
      if (kind === 'models')
        return { block: this.block, rows: this.#models().slice(0, MOST_ROWS), next: null };
    }
    if (kind === 'requests') return this.#request(id);
    if (kind === 'disputes') return this.#dispute(id);
    if (kind === 'models') return this.#model(id);
    if (kind === 'accounts') return this.#account(id);
    throw new ApiError(404, 'there is nothing here');
  }

  /** Newest first. */
  #cases(): Case[] {
    return [...this.#window.cases.values()].sort((a, b) =>
      descending(a.request.requestId, b.request.requestId),
    );
  }

  #requests(): RequestJson[] {
    return this.#cases().map(rowOf);
  }

  #claims(): ClaimRecord[] {
    return this.#cases().flatMap(({ claims }) => [...claims.values()]);
  }

  #disputes(): DisputeRecord[] {
    return this.#cases()
      .flatMap(({ disputes }) => [...disputes.values()])
      .sort((a, b) => descending(a.disputeId, b.disputeId));
  }

  /** Forecasts by the clocks alone: the page runs no claim before its user asks for it. */
  #forecasts(): Map<string, ForecastJson> {
    const disputes = new Map(
      this.#disputes().flatMap((one) => (one.ended ? [] : [[one.disputeId, one] as const])),
    );
    const { number, timestamp } = this.#window.head;
    return forecastsOf({ block: { number, timestamp, hash: '' }, disputes }, () => 'unknown');
  }

  #page<Row extends { readonly id: string }>(all: readonly Row[], before: string | null): PageJson<Row> {
    const older = before === null ? all : all.filter(({ id }) => BigInt(id) < BigInt(before));
    const rows = older.slice(0, MOST_ROWS);
    return { block: this.block, rows, next: older.length > MOST_ROWS ? (rows.at(-1)?.id ?? null) : null };
  }

  #overview(): OverviewJson {
    const [requests, claims, disputes] = [this.#requests(), this.#claims(), this.#disputes()];
    const open = disputes.filter(({ ended }) => !ended).map(disputeRow);
    open.sort((a, b) => (a.turn?.deadline ?? 0) - (b.turn?.deadline ?? 0));
    const ended = disputes.filter((one) => one.ended).slice(0, LATEST);
    const count = (status: ClaimJson['status']): number =>
      claims.filter((claim) => claim.status === status).length;
    const bondOf = ({ request }: ClaimRecord): bigint => request.request.terms.claimBondWei;
    return {
      block: this.block,
      counts: {
        requests: requests.length,
        answered: requests.filter(({ status }) => status === 'answered').length,
        waiting: requests.filter(({ status }) => status === 'open' || status === 'closed').length,
        claims: claims.length,
        falsified: count('falsified'),
        openClaims: count('open'),
        disputes: disputes.length,
        openDisputes: open.length,
        models: this.#models().length,
      },
      bondsWei: `${this.#bondsWei(() => true)}`,
      slashedWei: `${sum(claims.filter(({ status }) => status === 'falsified').map(bondOf))}`,
      forecasts: [...this.#forecasts().values()].slice(0, LATEST),
      latest: requests.slice(0, LATEST),
      disputes: [...open, ...ended.map(disputeRow)].slice(0, LATEST),
    };
  }

  #bondsWei(isHis: (account: string) => boolean): bigint {
    const claims = this.#claims().filter(({ status, claimant }) => status === 'open' && isHis(claimant));
    const disputes = this.#disputes().filter(({ ended, challenger }) => !ended && isHis(challenger));
    return (
      sum(claims.map(({ request }) => request.request.terms.claimBondWei)) +
      sum(disputes.map(({ claim }) => claim.request.request.terms.challengeBondWei))
    );
  }

  #models(): ModelRowJson[] {
    const rows = new Map<string, ModelRowJson>();
    for (const { id, model } of this.#requests()) {
      const known = rows.get(model);
      rows.set(model, {
        id: model,
        requests: (known?.requests ?? 0) + 1,
        lastRequest: known?.lastRequest ?? id,
      });
    }
    return [...rows.values()];
  }

  async #request(id: string): Promise<RequestPageJson> {
    const found = this.case(id);
    if (!found) throw new ApiError(404, await this.#whyNot(id));
    const claims = [...found.claims.values()].slice(0, MOST_ROWS).map(claimRow);
    const disputes = [...found.disputes.values()].slice(0, MOST_ROWS).map(disputeRow);
    const isText = await this.publication(found.request.request.modelId).then(
      ({ published }) => (published?.answers.length ?? 0) > 0,
      () => false,
    );
    return { block: this.block, request: rowOf(found), claims, disputes, isText, hasProgram: false };
  }

  async #whyNot(id: string): Promise<string> {
    const count = await this.#contracts.oracle.requestCount();
    const exists = /^[1-9]\d{0,28}$/.test(id) && BigInt(id) <= count;
    return exists ? 'it is from before the blocks that were read' : 'it is not on this chain';
  }

  async #dispute(id: string): Promise<DisputePageJson> {
    const record = this.#disputes().find(({ disputeId }) => `${disputeId}` === id);
    if (!record) throw new ApiError(404, 'it is not in the blocks that were read');
    const walk = await readWalk(this.#contracts, record);
    const forecast = this.#forecasts().get(id) ?? null;
    return {
      block: this.block,
      dispute: disputeRow(record),
      forecast,
      claim: claimRow(record.claim),
      ...walk,
    };
  }

  async #model(id: string): Promise<ModelPageJson> {
    if (!/^0x[0-9a-f]{64}$/.test(id)) throw new ApiError(404, 'that is no id of a model');
    if (!(await this.#contracts.registry.isPublished(id))) throw new ApiError(404, 'nobody has published it');
    const { published, uris, publishers } = await this.publication(id);
    if (!published) throw new ApiError(404, 'nobody has published it');
    const tensors = (refs: readonly { readonly node: number; readonly byteLength: number }[]) =>
      refs.map(({ node, byteLength }) => ({ node, bytes: byteLength }));
    const requests = this.#requests().filter(({ model }) => model === id);
    return {
      block: this.block,
      id,
      programRoot: hexOf(published.programRoot),
      nodes: published.nodeCount,
      inputs: tensors(published.inputs),
      outputs: tensors(published.outputs),
      answers: tensors(published.answers),
      publishers,
      uris,
      files: { state: 'elsewhere', why: null },
      requests: requests.length,
      latest: requests.slice(0, MOST_ROWS),
    };
  }

  async #account(given: string): Promise<AccountPageJson> {
    if (!isAddress(given)) throw new ApiError(404, 'that is no address');
    const address = getAddress(given);
    const claims = this.#claims().filter(({ claimant }) => claimant === address);
    const disputes: DisputeJson[] = this.#disputes()
      .map(disputeRow)
      .filter(({ claimant, challenger }) => claimant === address || challenger === address);
    const isWinner = ({ ended, claimant, challenger }: DisputeJson): boolean =>
      address === (ended?.winner === 'claimant' ? claimant : challenger);
    const ended = disputes.filter((one) => one.ended && !one.ended.isOvertaken);
    return {
      block: this.block,
      address,
      owedWei: `${await this.#contracts.oracle.owed(address)}`,
      bondsWei: `${this.#bondsWei((account) => account === address)}`,
      disputesWon: ended.filter(isWinner).length,
      disputesLost: ended.filter((one) => !isWinner(one)).length,
      claims: claims.slice(0, MOST_ROWS).map(claimRow),
      disputes: disputes.slice(0, MOST_ROWS),
      requests: this.#requests()
        .filter(({ requester }) => requester === address)
        .slice(0, MOST_ROWS),
    };
  }
}
