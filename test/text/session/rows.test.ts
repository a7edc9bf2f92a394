import { expect } from 'chai';
import type { Engine } from '../../../src/engine/engine.ts';
import { referenceEngine } from '../../../src/engine/reference/reference.ts';
import { wasmEngine, wasmEngineWith } from '../../../src/engine/wasm/wasm.ts';
import type { Graph } from '../../../src/onnx/read/graph.ts';
import { TYPES } from '../../../src/onnx/types.ts';
import { compileText, type TextModel } from '../../../src/text/compile.ts';
import { inputsOf, programUpTo } from '../../../src/text/generate.ts';
import { analyse } from '../../../src/text/session/analysis.ts';
import { type PartSize, stepProgram } from '../../../src/text/session/stepProgram.ts';
import { tokenBytes } from '../../../src/text/tokens.ts';
import { tinyGraph } from '../../support/tinyText.ts';

const SIZES = { prompt: 6, tokens: 10 };
const POSITIONS = SIZES.prompt + SIZES.tokens;
const PROMPT = [5, 17, 3, 30];
const TEXT = [8, 8, 21, 0, 39, 12, 3, 3, 30, 7];

const words = (...numbers: number[]): Uint8Array => new Uint8Array(Int32Array.from(numbers).buffer);

/** Logits of the text's places, by one pass over everything. */
async function byOnePass(model: TextModel, engine: Engine): Promise<Uint8Array[]> {
  const session = await engine.load(programUpTo(model, model.logits), model.weights);
  const inputs = inputsOf(model, { prompt: PROMPT });
  const [logits] = await session.run([...inputs, tokenBytes(TEXT, model.width)]);
  await session.close();
  return rowsIn(logits!.bytes.slice(), SIZES.tokens);
}

const rowsIn = (bytes: Uint8Array, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) =>
    bytes.subarray((i * bytes.length) / count, ((i + 1) * bytes.length) / count),
  );

/** The same by parts of the given sizes, taken in turns. */
async function byRows(model: TextModel, engine: Engine, sizes: readonly PartSize[]): Promise<Uint8Array[]> {
  const { program, weights } = stepProgram(analyse(model, model.logits), sizes, new Map());
  const session = await engine.loadCached(program, weights);
  const sequence = [...PROMPT, ...TEXT.slice(0, -1)];
  const drawing = inputsOf(model, { prompt: PROMPT }).slice(2);
  const found: Uint8Array[] = [];
  let next = 0;
  for (let turn = 0; next < sequence.length; turn++) {
    const part = turn % sizes.length;
    const { rows } = sizes[part]!;
    const first = Math.min(next, POSITIONS - rows);
    const ids = Array.from({ length: rows }, (_, i) => sequence[first + i] ?? 0);
    const place = first - PROMPT.length + 1;
    const [logits] = await session.run(part, first, [words(place), words(...ids), ...drawing]);
    for (const [i, row] of rowsIn(logits!.bytes, rows).entries())
      if (place + i >= 0 && place + i < TEXT.length) found[place + i] = row;
    next = first + rows;
  }
  await session.close();
  return found;
}

const every = (rows: number): PartSize => ({ rows, keys: POSITIONS, yields: true });

/** A mask of numbers in place of the operator's own: minus infinity, or a number that is far below all scores. */
function masked(behind: number): Graph {
  const graph = tinyGraph();
  const values = Float32Array.from({ length: POSITIONS * POSITIONS }, (_, i) =>
    i % POSITIONS > Math.floor(i / POSITIONS) ? behind : 0,
  );
  return {
    ...graph,
    initializers: new Map([
      ...graph.initializers,
      ['mask', { type: TYPES.float, shape: [POSITIONS, POSITIONS], values }],
    ]),
    nodes: graph.nodes.map((node) =>
      node.operator === 'Attention'
        ? {
            ...node,
            inputs: [...node.inputs, 'mask'],
            attributes: new Map([...node.attributes].filter(([name]) => name !== 'is_causal')),
          }
        : node,
    ),
  };
}

const MODELS: Readonly<Record<string, () => Graph>> = {
  'its pairs side by side': () => tinyGraph(),
  'biases and its pairs apart': () => tinyGraph({ biased: true, interleaved: false }),
  'tied weights and a key for each query': () => tinyGraph({ tied: true, keyHeads: 4 }, 2),
  'one layer and one head': () => tinyGraph({ layers: 1, heads: 1, keyHeads: 1 }, 3),
  'as many components of a head as positions': () => tinyGraph({ heads: 1, keyHeads: 1, headSize: 16 }, 4),
  'a mask of infinities': () => masked(Number.NEGATIVE_INFINITY),
  'a mask of large numbers': () => masked(-1e9),
};

describe('rows of a text that are computed by themselves', () => {
  for (const [name, graph] of Object.entries(MODELS)) {
    it(`have the bits of one pass, with ${name}`, async () => {
      const model = compileText(graph(), 1000, SIZES);
      const whole = await byOnePass(model, wasmEngine);
      expect(new Set(whole.map(String)).size).to.equal(SIZES.tokens);
      for (const sizes of [[every(1)], [every(3)], [every(8), every(1)], [every(POSITIONS)]])
        expect(await byRows(model, wasmEngine, sizes), JSON.stringify(sizes)).to.deep.equal(whole);
    });
  }

  it('have them on the reference engine and on threads', async () => {
    const model = compileText(tinyGraph(), 1000, SIZES);
    const whole = await byOnePass(model, referenceEngine);
    expect(await byRows(model, referenceEngine, [every(4), every(1)])).to.deep.equal(whole);
    const threads = wasmEngineWith({ threads: 3, leastTask: 1 });
    expect(await byRows(model, threads, [every(4), every(1)])).to.deep.equal(whole);
  });

  it('have them if only keys that are not behind are read', async () => {
    for (const graph of [tinyGraph({ layers: 1 }), masked(Number.NEGATIVE_INFINITY), masked(-1e9)]) {
      const model = compileText(graph, 1000, SIZES);
      const whole = await byOnePass(model, wasmEngine);
      const sizes = Array.from({ length: POSITIONS }, (_, i): PartSize => ({ ...every(1), keys: i + 1 }));
      expect(await byRows(model, wasmEngine, sizes)).to.deep.equal(whole);
    }
  });
});
