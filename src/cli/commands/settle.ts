import type { TransactionReceipt } from 'ethers';
import {
  cancel as cancelRequest,
  finalize as finalizeClaim,
  finalizeProven,
  runCallback,
} from '../../chain/actions/actions.ts';
import { type Contracts, signerOf } from '../../chain/contracts/contracts.ts';
import { eventsIn } from '../../chain/contracts/logs.ts';
import { type Address, type Hex, requestOf, ZERO_ADDRESS } from '../../chain/contracts/types.ts';
import { readUnit } from '../../chain/contracts/unit.ts';
import { EventIndex } from '../../chain/index/eventIndex.ts';
import { explain } from '../../chain/messages/explain.ts';
import { collect } from '../../chain/service/collect.ts';
import { readBytes } from '../../files/bytes.ts';
import { InputError } from '../../files/inputError.ts';
import { hexOf, isHex } from '../../merkle/hex.ts';
import { LIMITS } from '../../program/limits.ts';
import { parseWhole } from '../arguments.ts';
import { firstBlockOf, type OracleOptions, requireEther, withContracts } from '../connection/connection.ts';
import type { Console } from '../console.ts';
import { reportLine } from '../services/reportLine.ts';
import { parseBlock } from '../services/service.ts';
import { inTurn, type TurnOptions } from '../services/turn.ts';

/**
 * Steps at the end of a request that no service takes by itself: running the callback, ending a window by proof, taking the
 * request back, and taking out what is owed.
 */

export interface WithdrawOptions extends OracleOptions, TurnOptions {
  readonly json?: boolean;
}

export interface SettleOptions extends WithdrawOptions {
  readonly fromBlock?: string;
}

export interface FinalizeOptions extends SettleOptions {
  readonly proof?: string;
  readonly withCallback?: boolean;
}

const namesIn = async ({ oracle }: Contracts, receipt: TransactionReceipt): Promise<string[]> =>
  (await eventsIn(oracle, receipt)).map(({ name }) => name);

/** Outcome of the callback, if it ran in this transaction. */
async function callbackIn(
  contracts: Contracts,
  receipt: TransactionReceipt,
): Promise<'done' | 'failed' | undefined> {
  const names = await namesIn(contracts, receipt);
  if (names.includes('CallbackRun')) return 'done';
  return names.includes('CallbackFailed') ? 'failed' : undefined;
}

interface Scene {
  readonly contracts: Contracts;
  readonly index: EventIndex;
  readonly oracle: Address;
}

interface Sent {
  /** The outcome as it is printed, such as "request 7: cancelled". */
  readonly done: string;
  readonly receipt: TransactionReceipt;
  /** What is told as JSON in place of the callback. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Opens the deployment, reads its events, sends one transaction, and takes out what it earned. */
async function settle(
  options: SettleOptions,
  console: Console,
  send: (scene: Scene) => Promise<Sent>,
): Promise<void> {
  const given = options.fromBlock === undefined ? undefined : parseBlock(options.fromBlock);
  await withContracts(options, console, async (contracts, account) => {
    requireEther(account);
    console.progress('reading the chain');
    const fromBlock = await firstBlockOf(contracts, given);
    const index = new EventIndex(contracts, { fromBlock });
    await index.update();
    const oracle = await contracts.oracle.getAddress();
    await inTurn(options, account, console, async () => {
      const { done, receipt, fields } = await send({ contracts, index, oracle });
      console.progress(undefined);
      const callback = await callbackIn(contracts, receipt);
      if (options.json) {
        const facts = fields ?? { callback: callback ?? null };
        console.out(JSON.stringify({ transaction: receipt.hash, ...facts }));
      } else {
        const how = {
          done: '; the callback succeeded',
          failed: '; the callback failed and can be run again',
        };
        console.out(`${done}${callback ? how[callback] : ''} (${receipt.hash})`);
      }
      const unit = await readUnit(contracts.currency, contracts.provider);
      await collect(contracts, await signerOf(contracts).getAddress(), (report) => {
        if (!options.json) console.out(reportLine(report, unit));
      }).catch((failure: unknown) =>
        console.err(`assay: ${explain(failure)}; \`assay withdraw\` tries again`),
      );
    });
  });
}

const unknown = (what: string, oracle: Address): InputError =>
  new InputError(`${what} is unknown at the oracle ${oracle}; check it, and --from-block if you gave one`);

/**
 * `assay callback`: runs the callback of an answered request.
 *
 * @throws InputError if there is none to run
 */
export async function callback(id: string, options: SettleOptions, console: Console): Promise<void> {
  const requestId = parseWhole('REQUEST_ID', id);
  await settle(options, console, async ({ contracts, index, oracle }) => {
    const found = await index.recall(requestId);
    if (!found) throw unknown(`request ${requestId}`, oracle);
    const { request, claims } = found;
    const { answer } = await contracts.oracle.progress(requestId);
    const made = claims.get((requestId << 32n) | answer);
    if (answer === 0n || !made) {
      const why = request.status === 'cancelled' ? 'was cancelled' : 'has no final answer yet';
      throw new InputError(`request ${requestId} ${why}, so it has no callback to run`);
    }
    console.progress(`running the callback of request ${requestId}`);
    return { done: `request ${requestId}: ran the callback`, receipt: await runCallback(contracts, made) };
  });
}

/** A proof as bytes, or as text of hex digits. @throws InputError for a file that is empty or too long */
function readProof(file: string): Hex {
  const bytes = readBytes(file, 2 * LIMITS.MAX_DATA_BYTES);
  const text = bytes[0] === 0x30 ? new TextDecoder().decode(bytes).trim() : '';
  const proof = isHex(text) ? text : hexOf(bytes);
  const length = (proof.length - 2) / 2;
  if (bytes.length === 0) throw new InputError(`${file}: holds no proof; it is empty`);
  if (length > LIMITS.MAX_DATA_BYTES) {
    throw new InputError(
      `${file}: a proof of ${length} bytes fits no transaction, ${LIMITS.MAX_DATA_BYTES} do`,
    );
  }
  return proof;
}

/**
 * `assay finalize`: makes a claim final, after its window or by a proof.
 *
 * @throws InputError if the claim is unknown, or a proof is given where its request names no verifier
 */
export async function finalize(id: string, options: FinalizeOptions, console: Console): Promise<void> {
  const claimId = parseWhole('CLAIM_ID', id);
  const proof = options.proof === undefined ? undefined : readProof(options.proof);
  const withCallback = options.withCallback ?? false;
  await settle(options, console, async ({ contracts, index, oracle }) => {
    const made = (await index.recall(requestOf(claimId)))?.claims.get(claimId);
    if (!made) throw unknown(`claim ${claimId}`, oracle);
    if (proof !== undefined && made.request.request.terms.verifier === ZERO_ADDRESS) {
      throw new InputError(
        `request ${requestOf(claimId)} names no verifier, so no proof ends the window of claim ${claimId}`,
      );
    }
    console.progress(`making claim ${claimId} final`);
    const receipt =
      proof === undefined
        ? await finalizeClaim(contracts, made, withCallback)
        : await finalizeProven(contracts, made, proof, withCallback);
    return { done: `claim ${claimId}: final`, receipt };
  });
}

/**
 * `assay cancel`: takes back a request that nobody has answered, and its fees. While claims on it are open, it is closed to
 * further ones instead.
 *
 * @throws InputError if the request is unknown or over
 */
export async function cancel(id: string, options: SettleOptions, console: Console): Promise<void> {
  const requestId = parseWhole('REQUEST_ID', id);
  await settle(options, console, async ({ contracts, index, oracle }) => {
    const found = await index.recall(requestId);
    if (!found) throw unknown(`request ${requestId}`, oracle);
    const { status } = found.request;
    if (status === 'answered')
      throw new InputError(`request ${requestId} is answered, so it cannot be cancelled`);
    if (status === 'cancelled') throw new InputError(`request ${requestId} was cancelled already`);
    console.progress(`cancelling request ${requestId}`);
    const receipt = await cancelRequest(contracts, found.request);
    const isOver = (await namesIn(contracts, receipt)).includes('Cancelled');
    const done = isOver
      ? 'cancelled'
      : 'closed to further claims, as some on it are open; cancel it again if none of them becomes final';
    return {
      done: `request ${requestId}: ${done}`,
      receipt,
      fields: { status: isOver ? 'cancelled' : 'closed' },
    };
  });
}

/** `assay withdraw`: takes out what the oracle owes to the account, if anything. */
export async function withdraw(options: WithdrawOptions, console: Console): Promise<void> {
  await withContracts(options, console, async (contracts, account) => {
    requireEther(account);
    const { address } = account.wallet;
    await inTurn(options, account, console, async () => {
      console.progress('withdrawing');
      const unit = await readUnit(contracts.currency, contracts.provider);
      let withdrawn: { readonly amountWei: bigint; readonly transaction: string } | undefined;
      await collect(contracts, address, (report) => {
        console.progress(undefined);
        if (report.kind === 'withdrawn')
          withdrawn = { amountWei: report.amountWei, transaction: report.receipt.hash };
        if (!options.json) console.out(reportLine(report, unit));
      });
      console.progress(undefined);
      if (options.json) {
        const { amountWei = 0n, transaction = null } = withdrawn ?? {};
        console.out(JSON.stringify({ withdrawnWei: `${amountWei}`, transaction }));
      } else if (!withdrawn) console.out(`nothing is owed to ${address}`);
    });
  });
}
