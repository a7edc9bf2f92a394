import type { InferenceSession, Tensor } from 'onnxruntime-web';
import { encodeGraph } from '../../examples/text/file.ts';
import type { Graph } from '../../src/onnx/read/graph.ts';
import { loadOrtNode } from '../../test/support/bench/onnxruntime.ts';

/** Texts as onnxruntime writes them: the prompt at once, then token by token with its cache of keys and values. */
export interface OrtWriter {
  /** The likeliest token each time, up to one that ends the text. @param most tokens of the text */
  write(prompt: readonly number[], most: number, ends: readonly number[]): Promise<number[]>;
  close(): Promise<void>;
}

const LOGITS = 'logits';

/** The place of the greatest number, the first of equal ones. */
function greatest(row: Float32Array): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i;
  return best;
}

/**
 * @param graph of a model with a past, as `llamaGraphWithPast` writes it
 * @throws Unavailable if onnxruntime-node is not there and cannot be fetched, or does not load
 */
export async function openOrtWriter(graph: Graph, threads: number): Promise<OrtWriter> {
  const ort = loadOrtNode();
  const session: InferenceSession = await ort.InferenceSession.create(encodeGraph(graph, 'text'), {
    logSeverityLevel: 3,
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const integers = (values: readonly number[]): Tensor =>
    new ort.Tensor('int64', BigInt64Array.from(values.map(BigInt)), [1, values.length]);
  const pasts = graph.inputs.filter(({ name }) => name.startsWith('past_key_values'));
  const nothing = (): [string, Tensor][] =>
    pasts.map(({ name, shape }) => {
      const extents = shape.map((extent) => (typeof extent === 'number' ? extent : 0));
      return [name, new ort.Tensor('float32', new Float32Array(0), extents)];
    });
  const write: OrtWriter['write'] = async (prompt, most, ends) => {
    const text: number[] = [];
    let past = nothing();
    let tokens = prompt;
    let before = 0;
    while (text.length < most) {
      const results = await session.run({
        input_ids: integers(tokens),
        position_ids: integers(tokens.map((_, i) => before + i)),
        ...Object.fromEntries(past),
      });
      before += tokens.length;
      past = pasts.map(({ name }) => [name, results[name.replace('past_key_values', 'present')] as Tensor]);
      const logits = results[LOGITS] as Tensor;
      const vocabulary = logits.dims.at(-1) as number;
      const token = greatest((logits.data as Float32Array).subarray(-vocabulary));
      text.push(token);
      if (ends.includes(token)) break;
      tokens = [token];
    }
    return text;
  };
  return { write, close: () => session.release() };
}
