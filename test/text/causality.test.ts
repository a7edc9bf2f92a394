import { expect } from 'chai';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import type { Graph, GraphNode } from '../../src/onnx/read/graph.ts';
import { TYPES } from '../../src/onnx/types.ts';
import { requireCausal } from '../../src/text/causality.ts';
import { compileText } from '../../src/text/compile.ts';
import { tinyGraph } from '../support/tinyText.ts';

const SIZES = { prompt: 4, tokens: 8 };

/** The graph with its nodes changed. */
const changed = (change: (node: GraphNode) => GraphNode): Graph => {
  const graph = tinyGraph();
  return { ...graph, nodes: graph.nodes.map(change) };
};

const failure = async (work: () => unknown): Promise<string> => {
  try {
    await work();
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
};

describe('which language models are taken', () => {
  it('a causal one, with a bias or without, its pairs side by side or apart', async () => {
    for (const change of [{}, { biased: true, interleaved: false }, { tied: true, keyHeads: 4 }]) {
      await requireCausal(compileText(tinyGraph(change), 1000, SIZES), wasmEngine);
    }
  });

  it('none whose attention sees what is behind', async () => {
    const open = changed((node) =>
      node.operator === 'Attention'
        ? { ...node, attributes: new Map([...node.attributes].filter(([name]) => name !== 'is_causal')) }
        : node,
    );
    expect(await failure(() => requireCausal(compileText(open, 1000, SIZES), wasmEngine))).to.match(
      /^model: it is not causal: what it says in place of token \d+ changes with token 2 of the text or a later one/,
    );
  });

  it('none that takes something of which nothing is known', async () => {
    const graph = tinyGraph();
    const image = { name: 'image', type: TYPES.float, shape: [1, 3, 8, 8] };
    const seeing = { ...graph, inputs: [...graph.inputs, image] };
    expect(await failure(() => compileText(seeing, 1000, SIZES))).to.match(
      /^input "image": nothing is known to feed it with; a language model takes input_ids, attention_mask/,
    );
    const nameless = { ...graph, inputs: [image] };
    expect(await failure(() => compileText(nameless, 1000, SIZES))).to.match(
      /^model: none of its inputs \("image"\) is known to take tokens/,
    );
  });

  it('none whose output is no row of logits for each position', async () => {
    const graph = tinyGraph();
    const other = { ...graph, outputs: [{ name: 'cos' }] };
    expect(await failure(() => compileText(other, 1000, SIZES))).to.match(
      /^output "cos": it is float \[24,2\] and not a row of logits for each position, \[1,12,vocabulary\]/,
    );
  });

  it('none with other sizes than it was exported with', async () => {
    const graph = tinyGraph();
    const fixed = { ...graph, inputs: graph.inputs.map((input) => ({ ...input, shape: [1, 20] })) };
    expect(await failure(() => compileText(fixed, 1000, SIZES))).to.match(
      /^input "input_ids": its dimension 1 has 20 elements, the text and its prompt have 12/,
    );
    compileText(fixed, 1000, { prompt: 4, tokens: 16 });
  });

  it('the inputs that exporters add: a mask of ones, an empty past', async () => {
    const graph = tinyGraph();
    const inputs = [
      ...graph.inputs,
      { name: 'attention_mask', type: TYPES.int64, shape: [1, 'total'] },
      { name: 'past_key_values.0.key', type: TYPES.float, shape: ['batch', 2, 'past', 4] },
    ];
    const plain = compileText(graph, 1000, SIZES);
    const fed = compileText({ ...graph, inputs }, 1000, SIZES);
    expect(fed.program).to.deep.equal(plain.program);
  });
});
