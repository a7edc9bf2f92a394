import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as web from 'onnxruntime-web';
import { fetchPackage, ONNXRUNTIME_NODE, Unavailable } from '../../../examples/models/packages.ts';
import { typedArray, type Value } from '../../../examples/onnx.ts';

export type Ort = Pick<typeof web, 'InferenceSession' | 'Tensor'>;

export type Numbers = ArrayLike<number | bigint>;

/** A model in onnxruntime, with its inputs. */
export interface OrtSession {
  /** @returns the outputs by name */
  run(): Promise<Readonly<Record<string, Numbers>>>;
  release(): Promise<void>;
}

/** Level of the session's log: errors only, because warnings are about the models. */
export const ERRORS = 3;

async function open(
  ort: Ort,
  onnx: Uint8Array,
  inputs: Readonly<Record<string, Value>>,
  options: web.InferenceSession.SessionOptions,
): Promise<OrtSession> {
  const session = await ort.InferenceSession.create(onnx, { logSeverityLevel: ERRORS, ...options });
  const typeOf = ({ type }: Value) => (type === 'float' ? 'float32' : type) as web.Tensor.Type;
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [
      name,
      new ort.Tensor(typeOf(value), typedArray(value), value.shape),
    ]),
  );
  return {
    run: async () => {
      const results = await session.run(feeds);
      return Object.fromEntries(
        Object.entries(results).map(([name, { data }]) => [name, data as unknown as Numbers]),
      );
    },
    release: () => session.release(),
  };
}

export const WEB_OPTIONS = { executionProviders: ['wasm'] } as const;

/** onnxruntime-web's interface, on one thread from now on. */
export function oneThreadedWeb(): Ort {
  web.env.wasm.numThreads = 1;
  return web;
}

/** onnxruntime-web: WebAssembly with SIMD, on one thread. */
export const ortWeb = (onnx: Uint8Array, inputs: Readonly<Record<string, Value>>): Promise<OrtSession> =>
  open(oneThreadedWeb(), onnx, inputs, WEB_OPTIONS);

export const nodeOptions = (threads: number): web.InferenceSession.SessionOptions => ({
  executionProviders: ['cpu'],
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
});

/**
 * onnxruntime-node's interface.
 *
 * @throws Unavailable if the package is not there and cannot be fetched, or does not load
 */
export function loadOrtNode(): Ort {
  try {
    return createRequire(join(fetchPackage(ONNXRUNTIME_NODE), 'package.json'))('./dist/index.js');
  } catch (error) {
    if (error instanceof Unavailable) throw error;
    throw new Unavailable(`onnxruntime-node does not load here: ${(error as Error).message}`);
  }
}

/**
 * onnxruntime-node, which computes natively, on as many threads as are asked for.
 *
 * @throws Unavailable if the package is not there and cannot be fetched, or does not load
 */
export function ortNode(
  onnx: Uint8Array,
  inputs: Readonly<Record<string, Value>>,
  threads: number,
): Promise<OrtSession> {
  return open(loadOrtNode(), onnx, inputs, nodeOptions(threads));
}
