import { deploy as deployContracts, SAFE_BOUNDS, TRIAL_BOUNDS } from '../chain/deploy.ts';
import { type AccountOptions, requireEther, withAccount } from './connection.ts';
import type { Console } from './console.ts';

export interface DeployOptions extends AccountOptions {
  readonly trial?: boolean;
  readonly json?: boolean;
}

/** `assay deploy`: the protocol's contracts, on a chain that has none or as others beside those. */
export async function deploy(options: DeployOptions, console: Console): Promise<void> {
  await withAccount(options, console, async (account) => {
    requireEther(account);
    console.progress('deploying');
    const contracts = await deployContracts(account.wallet, options.trial ? TRIAL_BOUNDS : SAFE_BOUNDS);
    const addresses = {
      oracle: await contracts.oracle.getAddress(),
      game: await contracts.game.getAddress(),
      registry: await contracts.registry.getAddress(),
      referee: await contracts.referee.getAddress(),
    };
    console.progress(undefined);
    const bounds = options.trial ? 'trial' : 'safe';
    // Everything that the contracts ever say is said after it.
    const fromBlock = account.block;
    if (options.json) {
      console.out(JSON.stringify({ chainId: Number(account.chainId), bounds, fromBlock, ...addresses }));
      return;
    }
    console.out(`deployed on chain ${account.chainId} with ${bounds} bounds, after block ${fromBlock}`);
    for (const [name, address] of Object.entries(addresses)) console.out(`${name.padEnd(8)}  ${address}`);
  });
}
