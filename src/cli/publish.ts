import { publish as publishModel } from '../client/client.ts';
import { type OracleOptions, requireEther, withContracts } from './connection.ts';
import type { Console } from './console.ts';
import { type ImportArguments, loadModel } from './loadModel.ts';

export interface PublishOptions extends OracleOptions, ImportArguments {
  readonly uri: string;
  readonly json?: boolean;
}

/** `assay publish`: commits to a model in the oracle's registry, so that it can be asked for. */
export async function publish(path: string, options: PublishOptions, console: Console): Promise<void> {
  await withContracts(options, console, async (contracts, account) => {
    requireEther(account);
    const { model, file } = loadModel(path, options, console);
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
