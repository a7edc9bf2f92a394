import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatEther } from 'ethers';
import { signerOf, withdraw } from '../../chain/actions.ts';
import type { Contracts } from '../../chain/contracts.ts';
import type { Terms } from '../../chain/types.ts';
import { publish } from '../../client/client.ts';
import { concat } from '../../merkle/tree.ts';
import { RunTrace } from '../../trace/run.ts';
import { readInputs, requireAll } from '../arguments.ts';
import { type Account, type OracleOptions, requireEther, withContracts } from '../connection.ts';
import type { Console } from '../console.ts';
import { engineOf } from '../engines.ts';
import { InputError } from '../inputError.ts';
import { loadModel } from '../loadModel.ts';
import { deepestNode, plantLie } from '../rehearsal/fault.ts';
import { usualTerms } from '../request.ts';
import { type Canary, playFalseClaim, playRightClaim, Stuck } from './play.ts';

export interface CanaryOptions extends OracleOptions {
  readonly json?: boolean;
}

const DIGITS = join(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))), 'examples', 'digits');

/** Windows up to this long are waited for, s. */
const LONGEST_WINDOW = 60n;
/** Gas of all that a canary sends, with room: about fifteen transactions. */
const GAS = 4_000_000n;

/** An honest run of the digits model, and the same run with a lie in its longest fold. */
async function prepare(console: Console) {
  const loaded = loadModel(join(DIGITS, 'digits.onnx'), {}, console);
  const given = readInputs([`image=${join(DIGITS, 'three.npy')}`], loaded.inputs);
  const inputs = requireAll(given, loaded.inputs);
  const session = await engineOf({ engine: 'wasm', threads: '1' }).load(loaded.program, loaded.weights);
  const { tensors, trees } = await session.runTrace(inputs, () => undefined);
  const honest = new RunTrace(loaded.model, tensors, trees);
  const lie = await plantLie(honest, deepestNode(loaded.program.nodes), session);
  if (!lie) throw new Error('no output of the digits model depends on its longest fold');
  return { honest, lie, input: concat(inputs) };
}

/** @throws InputError if the account cannot pay for bonds and gas */
async function requireFunds({ provider }: Contracts, terms: Terms, { balanceWei }: Account): Promise<void> {
  const { maxFeePerGas, gasPrice } = await provider.getFeeData();
  const bondsWei = terms.claimBondWei + terms.challengeBondWei;
  const neededWei = bondsWei + GAS * (maxFeePerGas ?? gasPrice ?? 0n);
  if (balanceWei >= neededWei) return;
  throw new InputError(
    `the canary needs ${formatEther(neededWei)} ether for bonds and gas, the account has ${formatEther(balanceWei)}; half of the claim bond, ${formatEther(terms.claimBondWei / 2n)}, is burned, the rest comes back`,
  );
}

/** The account's money is taken out again, whatever was found. */
async function withdrawAll(contracts: Contracts): Promise<void> {
  const owedWei = await contracts.oracle.owed(await signerOf(contracts).getAddress());
  if (owedWei > 0n) await withdraw(contracts);
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
    const { honest, lie, input } = await prepare(console);
    const terms = await usualTerms(contracts);
    await requireFunds(contracts, terms, account);
    const say = (line: string): void => {
      if (!options.json) console.out(line);
    };
    const oracle = await contracts.oracle.getAddress();
    say(`canary at oracle ${oracle}, chain ${account.chainId}, as ${account.wallet.address}`);
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
      const { min } = await contracts.oracle.bounds();
      if (min.windowSeconds <= LONGEST_WINDOW) {
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
      await withdrawAll(contracts);
      console.progress(undefined);
    }
    const works = problems.length === 0;
    if (options.json) {
      const chainId = Number(account.chainId);
      console.out(JSON.stringify({ works, chainId, oracle, model, disputeGas: gas, final, problems }));
    }
    if (!works) throw new InputError(`this deployment does not work: ${problems.join('; ')}`);
    say('this deployment works');
  });
}
