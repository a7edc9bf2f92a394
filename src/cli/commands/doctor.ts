import { type Contracts, connect } from '../../chain/contracts/contracts.ts';
import { isSameAddress, ZERO_ADDRESS } from '../../chain/contracts/types.ts';
import { amountText, balanceIn, currencyText, ETHER, readUnit } from '../../chain/contracts/unit.ts';
import { type Endpoints, openEndpoint, openEndpoints } from '../../chain/endpoints/endpoints.ts';
import { explain } from '../../chain/messages/explain.ts';
import { InputError } from '../../files/inputError.ts';
import { hexOf } from '../../merkle/keccak.ts';
import { KEY_VARIABLE } from '../../settings/keyVariables.ts';
import { withoutSecrets } from '../../settings/secrets.ts';
import type { OracleOptions } from '../connection/connection.ts';
import { type Deployment, readDeployment, recordPath } from '../connection/deployments.ts';
import type { Console } from '../console.ts';
import { type Finding, fail, findingLine, ok, warn } from '../doctor/finding.ts';
import { checkData, checkMemory, checkNode } from '../doctor/machine.ts';
import { checkEndpoint } from '../doctor/node.ts';
import { Exit } from '../exit.ts';
import { readAccount } from '../keys/account.ts';
import { loadAny } from '../models/holding.ts';
import type { ImportArguments } from '../models/loadModel.ts';
import { dataFolder, type SourceOptions } from '../models/sources.ts';

export interface DoctorOptions extends OracleOptions, ImportArguments, SourceOptions {
  readonly json?: boolean;
}

/** Gas of the moves of a few disputes, which an account should have ether for. */
const MOVES_GAS = 2_000_000n;

/** One of the nodes. */
async function checkUrl(
  url: string,
  { oracle }: DoctorOptions,
): Promise<{ readonly found: readonly Finding[]; readonly answers: boolean }> {
  let provider: Endpoints | undefined;
  try {
    provider = await openEndpoint(url);
    const { chainId } = await provider.getNetwork();
    return {
      found: await checkEndpoint(provider, url, recordedBlock(chainId, oracle), Date.now),
      answers: true,
    };
  } catch (failure) {
    const shown = withoutSecrets(url);
    // The address may hold an API key.
    const why = explain(failure).replaceAll(url, shown);
    return {
      found: [fail('node', why.includes(shown) ? why : `${shown}: ${why}`, 'see --rpc')],
      answers: false,
    };
  } finally {
    provider?.destroy();
  }
}

/** The block of the recorded deployment; 0 if there is none, or of another oracle, or unreadable, which is told elsewhere. */
function recordedBlock(chainId: bigint, oracle: string | undefined): number {
  try {
    const record = readDeployment(chainId);
    return record && (oracle === undefined || isSameAddress(oracle, record.oracle)) ? record.fromBlock : 0;
  } catch {
    return 0;
  }
}

/** The record of the deployment, and the contracts that it or `--oracle` names. */
async function checkDeployment(
  provider: Endpoints,
  chainId: bigint,
  { oracle }: DoctorOptions,
): Promise<{ readonly findings: readonly Finding[]; readonly contracts: Contracts | undefined }> {
  const findings: Finding[] = [];
  let record: Deployment | undefined;
  try {
    record = readDeployment(chainId);
  } catch (failure) {
    findings.push(fail('record', (failure as Error).message, 'repair or remove the file'));
  }
  const chosen = oracle ?? record?.oracle;
  if (record) {
    const differs = oracle !== undefined && !isSameAddress(oracle, record.oracle);
    findings.push(
      differs
        ? warn('record', `names the oracle ${record.oracle}, not ${oracle}`, 'correct one of them')
        : ok('record', `${record.bounds} bounds, from block ${record.fromBlock}`),
    );
  } else if (findings.length === 0) {
    const remedy = `copy ${recordPath(chainId)} here, so that less of the chain is read`;
    findings.push(warn('record', `none for chain ${chainId}`, remedy));
  }
  if (chosen === undefined) {
    findings.push(fail('contracts', 'no oracle is named', 'add --oracle ADDRESS, or run `assay deploy`'));
    return { findings, contracts: undefined };
  }
  try {
    const contracts = await connect(chosen, provider);
    const unit = await readUnit(contracts.currency, provider);
    const currency = currencyText(unit, contracts.currency);
    findings.push(
      ok('contracts', `oracle ${chosen} and what it leads to; a known leaf is right; in ${currency}`),
    );
    return { findings, contracts };
  } catch (failure) {
    const remedy =
      oracle === undefined
        ? 'check that the node is on the chain of the record; if that was started again, deploy again'
        : 'check --oracle and that the node is on its chain';
    findings.push(fail('contracts', explain(failure), remedy));
    return { findings, contracts: undefined };
  }
}

async function checkModels(
  paths: readonly string[],
  contracts: Contracts,
  options: DoctorOptions,
  console: Console,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const path of paths) {
    try {
      const { model } = await loadAny(path, options, { ...console, err: () => undefined });
      const id = hexOf(model.id);
      findings.push(
        (await contracts.registry.isPublished(id))
          ? ok('model', `${path}: ${id}, published`)
          : fail(
              'model',
              `${path}: ${id} is not published here`,
              'run `assay publish`, or check its options',
            ),
      );
    } catch (failure) {
      if (!(failure instanceof InputError)) throw failure;
      findings.push(fail('model', failure.message, 'name another file'));
    }
  }
  return findings;
}

/** The account, if one is named: its key, its ether, and whether it has transactions on their way. */
async function checkAccount(
  provider: Endpoints,
  contracts: Contracts | undefined,
  options: DoctorOptions,
  console: Console,
): Promise<Finding[]> {
  const { keyFile, keystore, signer } = options;
  if ([keyFile, keystore, signer, process.env[KEY_VARIABLE]].every((one) => one === undefined)) {
    return [warn('account', 'none is named', 'add --key-file, --keystore or --signer to have it checked')];
  }
  let address: string;
  try {
    const account = await readAccount(options, process.env, console);
    address = account.address;
    if ('accounts' in account) {
      const held = await account.accounts();
      if (!held.includes(address)) {
        return [fail('account', `the signer does not hold the key of ${address}`, 'check --signer-address')];
      }
    }
  } catch (failure) {
    return [fail('account', (failure as Error).message, 'see docs/operating')];
  }
  const [balanceWei, mined, sent, { maxFeePerGas, gasPrice }] = await Promise.all([
    provider.getBalance(address),
    provider.getTransactionCount(address, 'latest'),
    provider.getTransactionCount(address, 'pending'),
    provider.getFeeData(),
  ]);
  const needed = MOVES_GAS * (maxFeePerGas ?? gasPrice ?? 0n);
  const has = `${address} has ${amountText(ETHER, balanceWei)}`;
  const findings: Finding[] = [];
  if (balanceWei === 0n) findings.push(fail('account', has, 'send it some'));
  else if (balanceWei < needed) {
    findings.push(
      warn(
        'account',
        `${has}; moves of a few disputes may cost ${amountText(ETHER, needed)}`,
        'send it some',
      ),
    );
  } else findings.push(ok('account', has));
  if (sent > mined) {
    findings.push(
      warn(
        'pending',
        `${sent - mined} transactions are on their way`,
        'if they stay, see docs/operating/runbook/transaction-stuck.md',
      ),
    );
  }
  if (contracts && contracts.currency !== ZERO_ADDRESS) {
    const unit = await readUnit(contracts.currency, provider);
    const amount = await balanceIn(contracts.currency, address, provider);
    const text = `${address} has ${amountText(unit, amount)} for bonds`;
    findings.push(amount > 0n ? ok('bonds', text) : fail('bonds', text, 'send it some'));
  }
  return findings;
}

/**
 * `assay doctor`: checks everything that a service needs, one line each, with what to do about what is wrong.
 *
 * @throws Exit with code 1 if a service would not work
 */
export async function doctor(
  paths: readonly string[],
  options: DoctorOptions,
  console: Console,
): Promise<void> {
  const findings: Finding[] = [];
  const tell = (found: readonly Finding[]): void => {
    findings.push(...found);
    console.progress(undefined);
    if (!options.json) for (const finding of found) console.out(findingLine(finding));
  };
  tell([checkNode(process.versions.node), checkMemory(), ...checkData(dataFolder(options))]);
  console.progress('asking the nodes');
  if (options.rpc.length === 0) tell([fail('node', 'no node is named', 'set --rpc')]);
  const answering: string[] = [];
  for (const url of options.rpc) {
    const { found, answers } = await checkUrl(url, options);
    tell(found);
    if (answers) answering.push(url);
  }
  let provider: Endpoints | undefined;
  try {
    if (answering.length > 0) {
      provider = await openEndpoints(answering);
      const { chainId } = await provider.getNetwork();
      const deployment = await checkDeployment(provider, chainId, options);
      tell(deployment.findings);
      if (deployment.contracts) tell(await checkModels(paths, deployment.contracts, options, console));
      tell(await checkAccount(provider, deployment.contracts, options, console));
    }
  } catch (failure) {
    tell([fail('node', explain(failure), 'see --rpc')]);
  } finally {
    provider?.destroy();
  }
  const isWell = findings.every(({ level }) => level !== 'fail');
  if (options.json) console.out(JSON.stringify({ ok: isWell, findings }));
  if (!isWell) throw new Exit(1);
}
