import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { readGraph } from '../../src/onnx/index.ts';
import type { Graph } from '../../src/onnx/read/graph.ts';
import { requireCausal } from '../../src/text/causality.ts';
import { compileText } from '../../src/text/compile.ts';
import { generate, inputsOf, PassChooser } from '../../src/text/generate.ts';
import { runOnnxruntime, type TypeName, type Value, value } from '../support/onnx.ts';

/** Files that optimum, onnxruntime-genai and PyTorch wrote of language models; `exported/make.py` says how. */

const FOLDER = join(import.meta.dirname, 'exported');
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.onnx'));
const SIZES = { prompt: 6, tokens: 10 };
const PROMPT = [5, 17, 3];

const read = (name: string): Uint8Array => readFileSync(join(FOLDER, name));

const cache = new Map<string, Promise<number[]>>();

/** The text that a file's model accepts; remembered, since two tests want it. */
function written(name: string): Promise<number[]> {
  const text = cache.get(name) ?? write(name);
  cache.set(name, text);
  return text;
}

async function write(name: string): Promise<number[]> {
  const model = compileText(readGraph(read(name)), read(name).length, SIZES);
  await requireCausal(model, wasmEngine);
  const { session, on } = await PassChooser.load(model, wasmEngine);
  const text = await generate(model, on(inputsOf(model, { prompt: PROMPT })));
  await session.close();
  return text;
}

/** What onnxruntime is given for tokens from the start. */
function feeds({ inputs }: Graph, tokens: readonly number[]): Record<string, Value> {
  const row = (type: TypeName, numbers: readonly number[]) => value(type, [1, numbers.length], numbers);
  return Object.fromEntries(
    inputs.map(({ name, type, shape }) => {
      const typeName = type.name as TypeName;
      if (name === 'input_ids') return [name, row(typeName, tokens)];
      if (name === 'attention_mask')
        return [
          name,
          row(
            typeName,
            tokens.map(() => 1),
          ),
        ];
      if (name === 'position_ids') return [name, row(typeName, [...tokens.keys()])];
      const extents = shape.map((extent, i) => (typeof extent === 'number' ? extent : i === 0 ? 1 : 0));
      return [name, value(typeName, extents, [])];
    }),
  );
}

/** The likeliest token each time, by onnxruntime, which computes the whole sequence anew for each. */
async function expected(name: string): Promise<number[]> {
  const graph = readGraph(read(name));
  const tokens = [...PROMPT];
  while (tokens.length < PROMPT.length + SIZES.tokens) {
    const [logits] = await runOnnxruntime(read(name), feeds(graph, tokens), ['logits']);
    const row = logits!.values.slice(-(logits!.shape.at(-1) as number));
    tokens.push(row.indexOf(Math.max(...row)));
  }
  return tokens.slice(PROMPT.length);
}

describe('language models as exporters write them', () => {
  it('are there', () => {
    expect(files).to.have.length(11);
  });

  for (const name of files) {
    it(`${name} writes what onnxruntime makes of it`, async () => {
      expect(await written(name)).to.deep.equal(await expected(name));
    });
  }

  it('write the same whoever exported them, with a past and without', async () => {
    for (const [one, ...others] of [
      ['optimum_llama_plain.onnx', 'optimum_llama_past.onnx', 'genai_llama_fp32.onnx'],
      ['optimum_phi_past.onnx', 'genai_phi_fp32.onnx'],
      ['optimum_qwen2_past.onnx', 'genai_qwen2_multi_head.onnx'],
      ['optimum_gpt2_past.onnx', 'torch_gpt2.onnx'],
    ] as const) {
      const text = await written(one);
      for (const other of others) expect(await written(other), other).to.deep.equal(text);
    }
  });
});
