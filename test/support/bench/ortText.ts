import type { InferenceSession, Tensor } from 'onnxruntime-web';
import { encodeGraph } from '../../../examples/text/file.ts';
import type { Graph } from '../../../src/onnx/read/graph.ts';
import { ERRORS, type Ort } from './onnxruntime.ts';

/** A language model in onnxruntime that goes on from a cache of keys and values. */
export interface OrtText {
  /** Reads tokens from the start. */
  read(tokens: readonly number[]): Promise<OrtState>;
  /** Reads more tokens. */
  next(state: OrtState, tokens: readonly number[]): Promise<OrtState>;
  release(): Promise<void>;
}

/** The cache after some tokens, and the choice that follows. */
export interface OrtState {
  readonly length: number;
  readonly past: Readonly<Record<string, Tensor>>;
  /** The token with the greatest logit behind the last one, the first of equal ones. */
  readonly choice: number;
}

function greatest(row: Float32Array): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i;
  return best;
}

/**
 * @param ort onnxruntime-web or onnxruntime-node
 * @param graph of a model with a past, as `llamaGraphWithPast` writes it
 * @param options where and on how many threads it runs
 */
export async function openOrtText(
  ort: Ort,
  graph: Graph,
  options: InferenceSession.SessionOptions,
): Promise<OrtText> {
  const session = await ort.InferenceSession.create(encodeGraph(graph, 'text'), {
    logSeverityLevel: ERRORS,
    ...options,
  });
  const integers = (values: readonly number[]): Tensor =>
    new ort.Tensor('int64', BigInt64Array.from(values.map(BigInt)), [1, values.length]);
  const pasts = graph.inputs.filter(({ name }) => name.startsWith('past_key_values'));
  const next: OrtText['next'] = async ({ length, past }, tokens) => {
    const results = await session.run({
      input_ids: integers(tokens),
      position_ids: integers(tokens.map((_, i) => length + i)),
      ...past,
    });
    const logits = results.logits!;
    const row = (logits.data as Float32Array).subarray(-logits.dims.at(-1)!);
    return {
      length: length + tokens.length,
      past: Object.fromEntries(
        pasts.map(({ name }) => [name, results[name.replace('past_key_values', 'present')]!]),
      ),
      choice: greatest(row),
    };
  };
  const nothing = Object.fromEntries(
    pasts.map(({ name, shape }) => {
      const extents = shape.map((extent) => (typeof extent === 'number' ? extent : 0));
      return [name, new ort.Tensor('float32', new Float32Array(), extents)];
    }),
  );
  return {
    read: (tokens) => next({ length: 0, past: nothing, choice: -1 }, tokens),
    next,
    release: () => session.release(),
  };
}
