import { Refused } from '../../chain/actions/submit.ts';
import { type Contracts, connect, DeploymentError } from '../../chain/contracts/contracts.ts';
import type { Address } from '../../chain/contracts/types.ts';
import { EndpointError, type Endpoints, openEndpoints } from '../../chain/endpoints/endpoints.ts';
import { IndexStoreError } from '../../chain/index/store.ts';
import { explain } from '../../chain/messages/explain.ts';
import { NoAnswer } from '../../client/client.ts';
import { InputError } from '../../files/inputError.ts';
import { SignerError } from '../../operator/remoteSigner.ts';
import type { Console } from '../console.ts';
import { type AccountSigner, type KeyOptions, readAccount } from '../keys/account.ts';
import { requireAddress } from '../keys/requireAddress.ts';
import { type Deployment, readDeployment, recordPath } from './deployments.ts';

/** Options of every command that uses a chain. */
export interface AccountOptions extends KeyOptions {
  /** Nodes of one chain. */
  readonly rpc: readonly string[];
  /** A node that shows transactions to nobody before they are mined. */
  readonly privateRelay?: string;
}

export interface OracleOptions extends AccountOptions {
  /** Left out, it is the one that is recorded for the chain. */
  readonly oracle?: string;
}

/** Options of commands that only read the chain. */
export type ReaderOptions = Pick<OracleOptions, 'rpc' | 'oracle'>;

/** An account on a node. */
export interface Account {
  readonly wallet: AccountSigner;
  readonly chainId: bigint;
  readonly balanceWei: bigint;
  /** Number of the latest block when it was opened. */
  readonly block: number;
}

/** Errors that are a sentence about the chain, the node or what was asked of them. */
const SENTENCES = [EndpointError, IndexStoreError, DeploymentError, Refused, NoAnswer, SignerError];

/** Ethers gives what a node did or did not answer a `shortMessage`; Node gives broken connections a `code`. */
const isFromOutside = (error: Error): boolean =>
  'shortMessage' in error || /^(E[A-Z]+|UND_ERR_\w+)$/.test(`${(error as NodeJS.ErrnoException).code}`);

/** A refusal by the chain or the node is no fault of this program, so it gets one line, not a stack. */
function inOneLine(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (SENTENCES.some((kind) => error instanceof kind)) return new InputError(error.message);
  return isFromOutside(error) ? new InputError(explain(error)) : error;
}

/** @throws InputError for an empty list, which file and environment can give */
function requireNodes({ rpc }: Pick<AccountOptions, 'rpc'>): void {
  if (rpc.length === 0) throw new InputError('no node is named; add --rpc URL, or set ASSAY_RPC', 2);
}

const openNodes = (urls: readonly string[], console: Console, privateRelay?: string): Promise<Endpoints> =>
  openEndpoints(urls, { privateRelay, onNotice: (sentence) => console.err(`assay: ${sentence}`) });

/**
 * Opens the account, does the work and closes the connection.
 *
 * @throws InputError for a missing key, a node that does not answer, and everything that chain or node refuse
 */
export async function withAccount(
  { rpc, privateRelay, ...keys }: AccountOptions,
  console: Console,
  work: (account: Account) => Promise<void>,
): Promise<void> {
  requireNodes({ rpc });
  const key = await readAccount(keys, process.env, console);
  console.progress('connecting');
  let provider: Endpoints | undefined;
  try {
    provider = await openNodes(rpc, console, privateRelay);
    const [{ chainId }, balanceWei, block] = await Promise.all([
      provider.getNetwork(),
      provider.getBalance(key.address),
      provider.getBlockNumber(),
    ]);
    await work({ wallet: key.connect(provider), chainId, balanceWei, block });
  } catch (error) {
    throw inOneLine(error);
  } finally {
    provider?.destroy();
  }
}

/** @throws InputError if the account cannot pay for anything */
export function requireEther({ wallet, chainId, balanceWei }: Account): void {
  if (balanceWei > 0n) return;
  throw new InputError(`the account ${wallet.address} has no ether on chain ${chainId}; send it some first`);
}

/**
 * The oracle that is asked for, or else the one that is recorded for the chain.
 *
 * @throws InputError if there is neither
 */
function chooseOracle({ oracle }: ReaderOptions, chainId: bigint): Address {
  const chosen = oracle ?? readDeployment(chainId)?.oracle;
  if (chosen !== undefined) return chosen;
  throw new InputError(
    `no oracle is recorded for chain ${chainId}: add --oracle ADDRESS, or run \`assay deploy\`, which writes ${recordPath(chainId)}`,
    2,
  );
}

/**
 * Block before which the oracle has said nothing: the one that is given, or as it is recorded; else 0.
 *
 * @throws InputError for one that the chain does not have yet: from there on nothing is to be seen
 */
export async function firstBlockOf({ oracle, provider }: Contracts, given?: number): Promise<number> {
  if (given !== undefined) {
    const newest = await provider.getBlockNumber();
    if (given <= newest) return given;
    throw new InputError(
      `--from-block ${given}: the chain has only ${newest} blocks; give one before the first request`,
      2,
    );
  }
  const deployment = readDeployment((await provider.getNetwork()).chainId);
  const isRecorded = deployment?.oracle === (await oracle.getAddress());
  return isRecorded ? (deployment as Deployment).fromBlock : 0;
}

/**
 * Like {@link withAccount}, with the contracts around the oracle that was named, or that is recorded for the chain.
 *
 * @throws InputError also if there is no Assay oracle of this version of the instruction set
 */
export async function withContracts(
  options: OracleOptions,
  console: Console,
  work: (contracts: Contracts, account: Account) => Promise<void>,
): Promise<void> {
  if (options.oracle !== undefined) requireAddress('--oracle', options.oracle);
  await withAccount(options, console, async (account) =>
    work(await connect(chooseOracle(options, account.chainId), account.wallet), account),
  );
}

/**
 * Like {@link withContracts}, without an account: nothing can be sent.
 *
 * @throws InputError as that does
 */
export async function withReader(
  options: ReaderOptions,
  console: Console,
  work: (contracts: Contracts) => Promise<void>,
): Promise<void> {
  requireNodes(options);
  if (options.oracle !== undefined) requireAddress('--oracle', options.oracle);
  console.progress('connecting');
  let provider: Endpoints | undefined;
  try {
    provider = await openNodes(options.rpc, console);
    const { chainId } = await provider.getNetwork();
    await work(await connect(chooseOracle(options, chainId), provider));
  } catch (error) {
    throw inOneLine(error);
  } finally {
    provider?.destroy();
  }
}
