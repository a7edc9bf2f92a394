import { expect } from 'chai';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import type { Graph } from '../../src/onnx/read/graph.ts';
import { compileText } from '../../src/text/compile.ts';
import { inputsOf, programUpTo } from '../../src/text/generate.ts';
import { GgufFile } from '../../src/text/gguf/file.ts';
import { graphOfGguf, llamaOfGguf } from '../../src/text/gguf/llama.ts';
import { type LlamaShape, type LlamaWeights, llamaGraph } from '../../src/text/llama.ts';
import { tokenBytes } from '../../src/text/tokens.ts';
import { IntegerLlama } from '../support/integerLlama.ts';
import { seededGguf } from '../support/seededGguf.ts';
import { TINY, tinyLlama } from '../support/tinyText.ts';

const SIZES = { prompt: 4, tokens: 12 };
const PROMPT = [5, 17, 3];
const TEXT = [8, 8, 21, 0, 39, 12, 3, 3, 30, 7, 1, 22];

/** Bits of the logits at each place of the text, by one pass. */
async function byOnePass(graph: Graph): Promise<Uint8Array> {
  const model = compileText(graph, 1e6, SIZES);
  const session = await wasmEngine.load(programUpTo(model, model.logits), model.weights);
  const text = tokenBytes(TEXT, model.width);
  const [logits] = await session.run([...inputsOf(model, { prompt: PROMPT }), text]);
  const bytes = logits!.bytes.slice();
  await session.close();
  return bytes;
}

/** The same by loops, token by token. */
function byLoops(shape: LlamaShape, weights: LlamaWeights, form: 'int8' | 'int4'): Uint8Array {
  const llama = new IntegerLlama(shape, weights, form);
  const rows = [...PROMPT, ...TEXT.slice(0, -1)].map((token) => {
    llama.read(token);
    return llama.logits();
  });
  return new Uint8Array(Float32Array.from(rows.slice(PROMPT.length - 1).flatMap((row) => [...row])).buffer);
}

describe('a language model in integers', () => {
  const positions = SIZES.prompt + SIZES.tokens;
  const changes: Readonly<Record<string, Partial<typeof TINY>>> = {
    'neighbouring pairs': {},
    'biases, and pairs half a head apart': { biased: true, interleaved: false },
    'tied tables and a key for each query': { tied: true, keyHeads: TINY.heads },
  };
  for (const [name, change] of Object.entries(changes)) {
    it(`has the bits of plain loops in 8 bits, with ${name}`, async () => {
      const { shape, weights } = tinyLlama({ ...change, positions });
      const found = await byOnePass(llamaGraph(shape, weights, 'int8'));
      expect(found).to.deep.equal(byLoops(shape, weights, 'int8'));
    });
  }

  for (const form of ['int8', 'int4'] as const) {
    it(`has the bits of plain loops in ${form}, of a GGUF file in 4 bits`, async () => {
      const file = await GgufFile.read(seededGguf(5).bytes);
      const { shape, weights } = llamaOfGguf(file);
      const found = await byOnePass(graphOfGguf(file, positions, form));
      expect(found).to.deep.equal(byLoops(shape, weights, form));
    });
  }
});
