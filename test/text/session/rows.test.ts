import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { referenceEngine } from '../../../src/engine/reference/reference.ts';
import { wasmEngine, wasmEngineWith } from '../../../src/engine/wasm/wasm.ts';
import { readGraph } from '../../../src/onnx/index.ts';
import type { Graph } from '../../../src/onnx/read/graph.ts';
import { TYPES } from '../../../src/onnx/types.ts';
import { compileText } from '../../../src/text/compile.ts';
import type { PartSize } from '../../../src/text/session/stepProgram.ts';
import { byOnePass, byRows, every, POSITIONS, SIZES } from '../../support/textRows.ts';
import { tinyGraph } from '../../support/tinyText.ts';

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

const EXPORTED = join(import.meta.dirname, '../exported');

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

  for (const name of readdirSync(EXPORTED).filter((file) => file.endsWith('.onnx'))) {
    it(`have the bits of one pass, of ${name}`, async () => {
      const bytes = readFileSync(join(EXPORTED, name));
      const model = compileText(readGraph(bytes), bytes.length, SIZES);
      const whole = await byOnePass(model, wasmEngine);
      for (const sizes of [[every(1)], [every(8), every(3)]])
        expect(await byRows(model, wasmEngine, sizes)).to.deep.equal(whole);
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
      const sizes = Array.from(
        { length: POSITIONS / 2 },
        (_, i): PartSize => ({ ...every(2), keys: 2 * i + 2 }),
      );
      expect(await byRows(model, wasmEngine, sizes)).to.deep.equal(whole);
    }
  });
});
