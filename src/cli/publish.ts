import { publish as publishModel } from '../client/client.ts';
import { parseDims } from './arguments.ts';
import { type OracleOptions, requireEther, withContracts } from './connection.ts';
import type { Console } from './console.ts';
import { loadModel } from './loadModel.ts';

export interface PublishOptions extends OracleOptions {
  readonly uri: string;
  readonly dim?: readonly string[];
  readonly json?: boolean;
}

/** `assay publish`: commits to a model in the oracle's registry, so that it can be asked for. */
export async function publish(path: string, options: PublishOptions, console: Console): Promise<void> {
  const dims = parseDims(options.dim ?? []);
  await withContracts(options, console, async (contracts, account) => {
    requireEther(account);
    const { model, file } = loadModel(path, dims, console);
    console.progress('publishing');
    const id = await publishModel(contracts, model, options.uri);
    console.progress(undefined);
    if (options.json) {
      const registry = await contracts.registry.getAddress();
      console.out(JSON.stringify({ model: id, file, uri: options.uri, registry }));
      return;
    }
    console.out(`model ${id}`);
  });
}
