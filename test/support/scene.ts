import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JsonRpcApiProvider, Wallet } from 'ethers';
import { as, type Contracts } from '../../src/chain/contracts/contracts.ts';
import type { Terms } from '../../src/chain/contracts/types.ts';
import { openEndpoint } from '../../src/chain/endpoints/endpoints.ts';
import { publish, request } from '../../src/client/client.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { readTensorFile } from '../../src/files/formats/tensorFile.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { createProvider } from '../../src/provider/provider.ts';
import { Shelf } from '../../src/store/shelf.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { killAll } from './cliProcess.ts';
import { liar } from './layers.ts';
import { type DevelopmentChain, deployed, keyOf, startChain, TERMS } from './protocol.ts';

export const DIGITS = join(import.meta.dirname, '../../examples/digits/digits.onnx');
export const THREE = join(import.meta.dirname, '../../examples/digits/three.npy');

/** The output node that the lie is about: the digit itself. */
const LIE = { node: 13, element: 0, xor: 1 };

const PUBLISHER = 0;
const ASKER = 3;

/** A deployment on an anvil of its own with the digits model published, a folder, and somebody who asks and answers. */
export interface Scene {
  readonly chain: DevelopmentChain;
  readonly url: string;
  readonly folder: string;
  readonly endpoint: JsonRpcApiProvider;
  readonly contracts: Contracts;
  readonly oracle: string;
  readonly modelId: string;
  /** Flags that name node and oracle. */
  readonly there: readonly string[];
  at(name: string): string;
  /** A file with the key of a development account. */
  keyFile(index: number): string;
  addressOf(index: number): string;
  /** Asks for the digit in an image. @returns the request */
  ask(terms?: Partial<Terms>): Promise<bigint>;
  /** Claims an answer to a request, and plays all disputes on claims of the account. */
  answer(requestId: bigint, index: number, how: 'right' | 'wrong'): Promise<void>;
  /** Runs the model as it is. */
  readonly shelf: Shelf;
  stop(): Promise<void>;
}

export async function startScene(): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'assay-'));
  const at = (name: string): string => join(folder, name);
  process.env['ASSAY_DEPLOYMENTS'] = at('deployments');
  const chain = await startChain('anvil');
  const url = chain.url as string;
  const endpoint = await openEndpoint(url);
  const contracts = await deployed(chain);
  const oracle = await contracts.oracle.getAddress();
  const { program, weights } = importOnnx(readFileSync(DIGITS));
  const model = modelOf(program);
  const modelId = await publish(contracts, model, '');
  const shelf = new Shelf((held, tensors) => new RunTrace(held, tensors));
  shelf.put({ model, session: await referenceEngine.load(program, weights) });
  const pixels = readTensorFile(THREE).bytes;
  let asked = 0;
  return {
    ...{ chain, url, folder, endpoint, contracts, oracle, modelId, shelf, at },
    there: ['--rpc', url, '--oracle', oracle],
    keyFile: (index) => {
      writeFileSync(at(`key${index}`), keyOf(index), { mode: 0o600 });
      return at(`key${index}`);
    },
    addressOf: (index) => new Wallet(keyOf(index)).address,
    ask: async (terms = {}) => {
      const image = Uint8Array.from(pixels);
      image[0] = ++asked;
      const asker = as(contracts, chain.account(ASKER));
      return (await request(asker, modelId, image, { ...TERMS, ...terms }, 0n)).requestId;
    },
    answer: async (requestId, index, how) => {
      const runner = how === 'right' ? shelf : liar(shelf, LIE);
      const account = as(contracts, chain.account(index));
      await createProvider({ contracts: account, runner, accepts: (one) => one.requestId === requestId })();
    },
    stop: async () => {
      killAll();
      endpoint.destroy();
      await chain.stop();
      rmSync(folder, { recursive: true });
      delete process.env['ASSAY_DEPLOYMENTS'];
    },
  };
}

export { PUBLISHER };
