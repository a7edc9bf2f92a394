import { getAddress } from 'ethers';
import type { Contracts } from '../../chain/contracts/contracts.ts';
import { type Address, isSameAddress, ZERO_ADDRESS } from '../../chain/contracts/types.ts';
import { amountText, currencyText, isToken, readUnit } from '../../chain/contracts/unit.ts';
import {
  BOUNDS,
  type Bounds,
  type BoundsName,
  boundsFor,
  MOST_LEAST_BOND_WEI,
  outlastsSeconds,
  tokenBounds,
} from '../../chain/deployment/bounds.ts';
import { editionFor } from '../../chain/deployment/edition.ts';
import { release, releaseAddress } from '../../chain/deployment/release.ts';
import { InputError } from '../../files/inputError.ts';
import { parseWhole } from '../arguments.ts';
import { type Account, type AccountOptions, requireEther, withAccount } from '../connection/connection.ts';
import {
  type Deployment,
  recordPath,
  requireRecordable,
  writeDeployment,
} from '../connection/deployments.ts';
import type { Console } from '../console.ts';
import { requireAddress } from '../keys/requireAddress.ts';
import { inTurn, type TurnOptions } from '../services/turn.ts';

export interface DeployOptions extends AccountOptions, TurnOptions {
  readonly trial?: boolean;
  readonly bounds?: string;
  readonly currency?: string;
  readonly leastBond?: string;
  readonly confirmations?: string;
  readonly replace?: boolean;
  readonly json?: boolean;
}

const DEVELOPMENT_CHAIN = 31337n;
/** Blocks after which a deployment counts on a chain that others use: what Hardhat Ignition waits for too. */
const USUAL_CONFIRMATIONS = 5;

/** @throws InputError for a set that does not exist, or two at once */
function boundsChosen({ trial, bounds }: DeployOptions, chainId: bigint): BoundsName {
  if (bounds === undefined) return trial ? 'trial' : boundsFor(chainId);
  if (trial) throw new InputError('--trial and --bounds exclude each other; give one of them', 2);
  if (bounds in BOUNDS) return bounds as BoundsName;
  throw new InputError(`--bounds ${bounds}: write ${Object.keys(BOUNDS).join(', ')}`, 2);
}

/** @throws InputError for what is no number above zero */
function confirmationsChosen({ confirmations }: DeployOptions, chainId: bigint): number {
  // A development chain mines when it is told something, so waiting there may never end.
  if (confirmations === undefined) return chainId === DEVELOPMENT_CHAIN ? 1 : USUAL_CONFIRMATIONS;
  const count = Number(parseWhole('--confirmations', confirmations));
  if (count < 1 || count > 1000) {
    throw new InputError(`--confirmations ${confirmations}: write a number from 1 to 1000`, 2);
  }
  return count;
}

/** @throws InputError for a token without a least bond, the reverse, or one that no bond may have */
function tokenChosen({ currency, leastBond }: DeployOptions, bounds: Bounds) {
  if (currency === undefined) {
    if (leastBond !== undefined)
      throw new InputError('--least-bond is for a token; add --currency ADDRESS', 2);
    return { currency: ZERO_ADDRESS, bounds };
  }
  requireAddress('--currency', currency);
  if (leastBond === undefined) {
    throw new InputError(
      '--currency needs --least-bond N, in the smallest unit of the token: its price is not known here',
      2,
    );
  }
  const leastWei = parseWhole('--least-bond', leastBond);
  if (leastWei < 2n || leastWei > MOST_LEAST_BOND_WEI) {
    throw new InputError(`--least-bond ${leastBond}: write a number from 2 to ${MOST_LEAST_BOND_WEI}`, 2);
  }
  return { currency: getAddress(currency), bounds: tokenBounds(bounds, leastWei) };
}

/** @throws InputError if the chain has no token there */
async function requireToken(currency: Address, { wallet, chainId }: Account): Promise<void> {
  if (currency === ZERO_ADDRESS) throw new InputError('--currency 0x00…: leave it out for ether', 2);
  const provider = wallet.provider!;
  if ((await provider.getCode(currency)) === '0x')
    throw new InputError(`--currency ${currency}: there is no contract on chain ${chainId}`);
  if (!(await isToken(currency, provider)))
    throw new InputError(`--currency ${currency}: the contract there does not answer as an ERC-20 token`);
}

async function addressesOf({ oracle, game, registry, referee }: Contracts) {
  const [atOracle, atGame, atRegistry, atReferee] = await Promise.all(
    [oracle, game, registry, referee].map((contract) => contract.getAddress()),
  );
  return {
    oracle: atOracle as string,
    game: atGame as string,
    registry: atRegistry as string,
    referee: atReferee as string,
  };
}

/** The block before the contracts were there; a run that was killed may have written down an earlier one. */
function firstBlock(
  account: Account,
  known: Deployment | undefined,
  oracle: string,
  created: readonly string[],
): number {
  if (known?.oracle === oracle) return Math.min(known.fromBlock, account.block);
  return created.includes('oracle') ? account.block : 0;
}

const timeText = (seconds: number): string => {
  const [count, unit] = seconds >= 3600 ? [Math.floor(seconds / 3600), 'hour'] : [seconds, 'second'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
};

/**
 * RULE: the record of a deployment that is in use is replaced only on demand. Services that name no oracle would move to
 * the new one, away from their open bonds and disputes.
 *
 * @param known the record that would be replaced
 * @param planned address of the oracle, as far as it is known before
 * @throws InputError for a record of another oracle that is on the chain
 */
async function requireReplaced(known: Deployment, planned: Address | undefined, account: Account) {
  if (planned !== undefined && isSameAddress(planned, known.oracle)) return;
  // A development chain that was started again has lost its contracts.
  if ((await account.wallet.provider!.getCode(known.oracle)) === '0x') return;
  throw new InputError(
    `${recordPath(account.chainId)} records the oracle ${known.oracle}, which services may be using; add --replace to record another in its place, or set ASSAY_DEPLOYMENTS to another folder`,
    2,
  );
}

/** Writes the record. @returns the file, or why there is none */
function record(deployment: Deployment): { readonly file: string } | { readonly why: string } {
  try {
    return { file: writeDeployment(deployment) };
  } catch (failure) {
    if (!(failure instanceof InputError)) throw failure;
    return { why: failure.message };
  }
}

/** `assay deploy`: the protocol's contracts, on a chain that has none, or as others beside those. */
export async function deploy(options: DeployOptions, console: Console): Promise<void> {
  await withAccount(options, console, async (account) => {
    requireEther(account);
    const bounds = boundsChosen(options, account.chainId);
    const confirmations = confirmationsChosen(options, account.chainId);
    const { currency, bounds: chosen } = tokenChosen(options, BOUNDS[bounds]);
    if (options.currency !== undefined) await requireToken(currency, account);
    const edition = await editionFor(account.wallet.provider!);
    const plan = { edition, bounds: chosen, currency };
    const known = requireRecordable(account.chainId);
    if (known && !options.replace)
      await requireReplaced(known, await releaseAddress(plan, account.wallet.provider!), account);
    const { contracts, created, sameEverywhere } = await inTurn(options, account, console, () =>
      release(account.wallet, plan, { confirmations, onStep: (doing) => console.progress(doing) }),
    );
    console.progress(undefined);
    const addresses = await addressesOf(contracts);
    const deployment: Deployment = {
      chainId: Number(account.chainId),
      bounds,
      clz: edition.clz,
      ...(currency === ZERO_ADDRESS ? {} : { currency }),
      fromBlock: firstBlock(account, known, addresses.oracle, created),
      ...addresses,
    };
    const recorded = record(deployment);
    const file = 'file' in recorded ? recorded.file : null;
    const lost =
      'why' in recorded
        ? new InputError(`could not be recorded in ${recorded.why}; keep these lines`)
        : undefined;
    if (options.json) {
      console.out(JSON.stringify({ ...deployment, created, sameEverywhere, file }));
      if (lost) throw lost;
      return;
    }
    const done = created.length === 0 ? 'everything was there already' : `deployed ${created.join(', ')}`;
    console.out(
      `${done}: chain ${account.chainId}, ${bounds} bounds, ${edition.clz ? 'with' : 'without'} CLZ, --from-block ${deployment.fromBlock}`,
    );
    for (const [name, address] of Object.entries(addresses)) console.out(`${name.padEnd(8)}  ${address}`);
    if (lost) throw lost;
    if (currency !== ZERO_ADDRESS) {
      const unit = await readUnit(currency, account.wallet.provider!);
      const least = amountText(unit, chosen.min.claimBondWei);
      console.out(`fees and bonds are in ${currencyText(unit, currency)}; claim bonds are ${least} at least`);
    }
    console.out(
      `windows and clocks outlast ${timeText(outlastsSeconds(BOUNDS[bounds]))} of censorship or outage`,
    );
    if (!sameEverywhere)
      console.out('this chain lacks CreateX, so the addresses differ from those on other chains');
    console.out(`recorded in ${file}, where the other commands find it`);
  });
}
