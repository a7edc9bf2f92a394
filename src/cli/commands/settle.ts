import type { TransactionReceipt } from 'ethers';
import { finalize as finalizeClaim, finalizeProven, runCallback } from '../../chain/actions/actions.ts';
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

/** Steps at the end of a request that its provider need not take: running the callback, and ending a window by proof. */

export interface SettleOptions extends OracleOptions, TurnOptions {
  readonly fromBlock?: string;
  readonly json?: boolean;
}

export interface FinalizeOptions extends SettleOptions {
  readonly proof?: string;
  readonly withCallback?: boolean;
}

/** Outcome of the callback, if it ran in this transaction. */
async function callbackIn(
  { oracle }: Contracts,
  receipt: TransactionReceipt,
): Promise<'done' | 'failed' | undefined> {
  const names = (await eventsIn(oracle, receipt)).map(({ name }) => name);
  if (names.includes('CallbackRun')) return 'done';
  return names.includes('CallbackFailed') ? 'failed' : undefined;
}

interface Scene {
  readonly contracts: Contracts;
  readonly index: EventIndex;
  readonly oracle: Address;
}

/** Opens the deployment, reads its events, sends one transaction, and takes out what it earned. */
async function settle(
  options: SettleOptions,
  console: Console,
  send: (scene: Scene) => Promise<{ readonly done: string; readonly receipt: TransactionReceipt }>,
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
      const { done, receipt } = await send({ contracts, index, oracle });
      console.progress(undefined);
      const callback = await callbackIn(contracts, receipt);
      if (options.json)
        console.out(JSON.stringify({ transaction: receipt.hash, callback: callback ?? null }));
      else {
        const how = {
          done: '; the callback succeeded',
          failed: '; the callback failed and can be run again',
        };
        console.out(`${done}${callback ? how[callback] : ''} (${receipt.hash})`);
      }
      const unit = await readUnit(contracts.currency, contracts.provider);
      await collect(contracts, await signerOf(contracts).getAddress(), (report) => {
        if (!options.json) console.out(reportLine(report, unit));
      }).catch((failure: unknown) => console.err(`assay: ${explain(failure)}`));
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
