import { join } from 'node:path';
import { withdraw } from '../../chain/actions/actions.ts';
import { type Contracts, signerOf } from '../../chain/contracts/contracts.ts';
import { type Terms, ZERO_ADDRESS } from '../../chain/contracts/types.ts';
import { amountText, balanceIn, currencyText, ETHER, readUnit } from '../../chain/contracts/unit.ts';
import { publish } from '../../client/client.ts';
import { wasmEngine } from '../../engine/wasm/wasm.ts';
import { InputError } from '../../files/inputError.ts';
import { packageRoot } from '../../files/packageRoot.ts';
import { concat } from '../../merkle/tree.ts';
import { type Canary, playFalseClaim, playRightClaim, Stuck } from '../../rehearsal/canary.ts';
import { deepestNode, plantLie } from '../../rehearsal/fault.ts';
import { RunTrace } from '../../trace/run.ts';
import { readInputs, requireAll } from '../arguments.ts';
import { type Account, type OracleOptions, requireEther, withContracts } from '../connection/connection.ts';
import type { Console } from '../console.ts';
import { loadModel } from '../models/loadModel.ts';
import { inTurn, type TurnOptions } from '../services/turn.ts';
import { usualTerms } from './request.ts';

export interface CanaryOptions extends OracleOptions, TurnOptions {
  readonly json?: boolean;
}

const DIGITS = join(packageRoot, 'examples', 'digits');

/** Windows up to this long are waited for, s. */
const LONGEST_WINDOW = 60n;
/** Gas of all that a canary sends, with room: about fifteen transactions, and a token's allowances. */
const GAS = 4_000_000n;

/** An honest run of the digits model, and the same run with a lie in its longest fold. */
async function prepare(console: Console) {
  const loaded = await loadModel(join(DIGITS, 'digits.onnx'), {}, console);
  const given = readInputs([`image=${join(DIGITS, 'three.npy')}`], loaded.inputs);
  const inputs = requireAll(given, loaded.inputs);
  const session = await wasmEngine.load(loaded.program, loaded.weights);
  const { tensors, trees } = await session.runTrace(inputs, () => undefined);
  const honest = new RunTrace(loaded.model, tensors, trees);
  const lie = await plantLie(honest, deepestNode(loaded.program.nodes), session);
  if (!lie) throw new Error('no output of the digits model depends on its longest fold');
  return { honest, lie, input: concat(inputs) };
}

/** @throws InputError if the account cannot pay for bonds and gas */
async function requireFunds(
  { provider, currency }: Contracts,
  terms: Terms,
  isShort: boolean,
  { wallet: { address }, balanceWei }: Account,
): Promise<void> {
  const { maxFeePerGas, gasPrice } = await provider.getFeeData();
  const gasWei = GAS * (maxFeePerGas ?? gasPrice ?? 0n);
  // The bond of the right claim is put up before that of the false one comes back.
  const bondsWei = terms.claimBondWei * (isShort ? 2n : 1n) + terms.challengeBondWei;
  const inEther = currency === ZERO_ADDRESS;
  const unit = await readUnit(currency, provider);
  const needs = [
    {
      unit: ETHER,
      wei: inEther ? bondsWei + gasWei : gasWei,
      has: balanceWei,
      why: inEther ? 'bonds and gas' : 'gas',
    },
    ...(inEther
      ? []
      : [{ unit, wei: bondsWei, has: await balanceIn(currency, address, provider), why: 'bonds' }]),
  ];
  const lacking = needs.find(({ wei, has }) => has < wei);
  if (!lacking) return;
  const burned = amountText(unit, terms.claimBondWei / 2n);
  throw new InputError(
    `the canary needs ${amountText(lacking.unit, lacking.wei)} for ${lacking.why}, the account has ${amountText(lacking.unit, lacking.has)}; half of the claim bond, ${burned}, is burned, the rest comes back`,
  );
}

/** The account's money is taken out again, whatever was found. */
async function withdrawAll(contracts: Contracts): Promise<bigint> {
  const owedWei = await contracts.oracle.owed(await signerOf(contracts).getAddress());
  if (owedWei > 0n) await withdraw(contracts);
  return owedWei;
}

/**
 * `assay canary`: one false claim and its dispute on a deployment, with the digits model, and where windows may be
 * short a right claim as well. Says whether the deployment works.
 *
 * @throws InputError if it does not
 */
export async function canary(options: CanaryOptions, console: Console): Promise<void> {
  await withContracts(options, console, async (contracts, account) => {
    requireEther(account);
    await inTurn(options, account, console, () => play(options, contracts, account, console));
  });
}

/** Plays on a deployment whose account is nobody else's meanwhile. @throws InputError if it does not work */
async function play(
  options: CanaryOptions,
  contracts: Contracts,
  account: Account,
  console: Console,
): Promise<void> {
  const { honest, lie, input } = await prepare(console);
  const terms = await usualTerms(contracts);
  const { min } = await contracts.oracle.bounds();
  const isShort = min.windowSeconds <= LONGEST_WINDOW;
  await requireFunds(contracts, terms, isShort, account);
  const say = (line: string): void => {
    if (!options.json) console.out(line);
  };
  const oracle = await contracts.oracle.getAddress();
  say(`canary at oracle ${oracle}, chain ${account.chainId}, as ${account.wallet.address}`);
  const { currency, provider } = contracts;
  if (currency !== ZERO_ADDRESS) {
    const name = currencyText(await readUnit(currency, provider), currency);
    say(`bonds are in ${name}; before each payment the oracle is allowed exactly that much`);
  }
  console.progress('publishing the digits model');
  const model = await publish(contracts, honest.model, '');
  const onStep = (sentence: string): void => console.progress(sentence);
  const parts: Canary = { contracts, fromBlock: account.block, input, honest, lie, onStep };
  const problems: string[] = [];
  let gas: number | null = null;
  let final: boolean | null = null;
  try {
    const falseClaim = await playFalseClaim(parts, terms);
    problems.push(...falseClaim.problems);
    const { moves } = falseClaim.played;
    gas = moves.reduce((sum, move) => sum + move.gas, 0);
    console.progress(undefined);
    if (falseClaim.problems.length === 0) {
      say(`a false claim was challenged and lost at its leaf: ${moves.length} transactions, ${gas} gas`);
    }
    if (isShort) {
      const found = await playRightClaim(parts, { ...terms, windowSeconds: min.windowSeconds });
      problems.push(...found);
      final = found.length === 0;
      console.progress(undefined);
      if (final) say('a right claim became final, and the answer can be read');
    } else {
      say(`a right claim takes ${min.windowSeconds} seconds to become final here; that was not waited for`);
    }
  } catch (failure) {
    if (!(failure instanceof Stuck)) throw failure;
    problems.push(failure.message);
  } finally {
    console.progress('withdrawing');
    const withdrawnWei = await withdrawAll(contracts);
    console.progress(undefined);
    if (withdrawnWei > 0n) say(`withdrew ${amountText(await readUnit(currency, provider), withdrawnWei)}`);
  }
  const works = problems.length === 0;
  if (options.json) {
    const chainId = Number(account.chainId);
    console.out(JSON.stringify({ works, chainId, oracle, model, disputeGas: gas, final, problems }));
  }
  if (!works) throw new InputError(`this deployment does not work: ${problems.join('; ')}`);
  say('this deployment works');
}
