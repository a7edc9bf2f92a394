import { expect } from 'chai';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { readGraph } from '../../src/onnx/index.ts';
import type { Graph, GraphNode } from '../../src/onnx/read/graph.ts';
import { TYPES } from '../../src/onnx/types.ts';
import { requireCausal } from '../../src/text/causality.ts';
import { compileText } from '../../src/text/compile.ts';
import { generate, inputsOf, PassChooser } from '../../src/text/generate.ts';
import { modelBytes, type NodeSpec, node, noise, value } from '../support/onnx.ts';
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

describe('a language model', () => {
  it('may be causal with a bias or without, its pairs side by side or apart', async () => {
    for (const change of [{}, { biased: true, interleaved: false }, { tied: true, keyHeads: 4 }]) {
      await requireCausal(compileText(tinyGraph(change), 1000, SIZES), wasmEngine);
    }
  });

  it('is refused if its attention sees later tokens', async () => {
    const open = changed((node) =>
      node.operator === 'Attention'
        ? { ...node, attributes: new Map([...node.attributes].filter(([name]) => name !== 'is_causal')) }
        : node,
    );
    expect(await failure(() => requireCausal(compileText(open, 1000, SIZES), wasmEngine))).to.match(
      /^model: it is not causal: what it says in place of token \d+ changes with token \d+ of the text or a later one/,
    );
  });

  it('is refused if it takes something of which nothing is known', async () => {
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

  it('is refused if its output is no row of logits for each position', async () => {
    const graph = tinyGraph();
    const other = { ...graph, outputs: [{ name: 'cos' }] };
    expect(await failure(() => compileText(other, 1000, SIZES))).to.match(
      /^output "cos": it is float \[24,2\] and not a row of logits for each position, \[1,12,vocabulary\]/,
    );
  });

  it('is refused with other sizes than it was exported with', async () => {
    const graph = tinyGraph();
    const fixed = { ...graph, inputs: graph.inputs.map((input) => ({ ...input, shape: [1, 20] })) };
    expect(await failure(() => compileText(fixed, 1000, SIZES))).to.match(
      /^input "input_ids": its dimension 1 has 20 elements, the text and its prompt have 12/,
    );
    compileText(fixed, 1000, { prompt: 4, tokens: 16 });
  });

  it('may take what exporters add: a mask of ones, an empty past, positions', async () => {
    const graph = tinyGraph();
    const more = [
      { name: 'attention_mask', type: TYPES.int64, shape: [1, 'total'] },
      { name: 'past_key_values.0.key', type: TYPES.float, shape: ['batch', 2, 'past', 4] },
      { name: 'past_0', type: TYPES.float, shape: [2, 'batch', 2, 'past', 4] },
      { name: 'cache_position', type: TYPES.int64, shape: ['sequence'] },
      { name: 'num_logits_to_keep', type: TYPES.int64, shape: [] },
    ];
    const plain = compileText(graph, 1000, SIZES);
    const fed = compileText({ ...graph, inputs: [...graph.inputs, ...more] }, 1000, SIZES);
    expect(fed.program).to.deep.equal(plain.program);
  });

  it('is the branch without a past where a file has both', () => {
    // As optimum merges decoders: `use_cache_branch` says which of two graphs runs.
    const graph = readGraph(
      modelBytes({
        nodes: [
          node('If', ['use_cache_branch'], ['logits'], {
            then_branch: {
              graph: {
                nodes: [
                  node('ReduceSum', ['past_key_values.0.key'], ['sum'], { keepdims: 0 }),
                  node('Gather', ['table', 'input_ids'], ['rows']),
                  node('Add', ['rows', 'sum'], ['with past']),
                ],
                outputs: ['with past'],
              },
            },
            else_branch: {
              graph: {
                nodes: [node('Gather', ['table', 'input_ids'], ['without past'])],
                outputs: ['without past'],
              },
            },
          }),
        ],
        inputs: {
          input_ids: value('int64', [1, 12], []),
          use_cache_branch: value('bool', [1], []),
          'past_key_values.0.key': value('float', [1, 2, 0, 4], []),
        },
        open: { 'past_key_values.0.key': [1, 2, 'past', 4] },
        constants: { table: noise([40, 40]) },
        outputs: ['logits'],
      }),
    );
    const { vocabulary, program } = compileText(graph, 1000, SIZES);
    expect(vocabulary).to.equal(40);
    expect(program.inputs).to.have.length(2);
  });

  it('may be nothing but a table of what follows each token', async () => {
    const table = noise([40, 40]);
    const graph = readGraph(
      modelBytes({
        nodes: [node('Gather', ['table', 'input_ids'], ['logits'])],
        inputs: { input_ids: value('int64', [1, 12], []) },
        constants: { table },
        outputs: ['logits'],
      }),
    );
    const model = compileText(graph, 1000, SIZES);
    await requireCausal(model, wasmEngine);
    const { session, on } = await PassChooser.load(model, wasmEngine);
    const text = await generate(model, on(inputsOf(model, { prompt: [7] })));
    await session.close();
    const after = (token: number): number => {
      const row = table.values.slice(40 * token, 40 * (token + 1));
      return row.indexOf(Math.max(...row));
    };
    expect(text).to.deep.equal([7, ...text].slice(0, -1).map(after));
  });

  it('is refused if its control flow depends on the tokens', async () => {
    const looped = (nodes: readonly NodeSpec[]) =>
      readGraph(
        modelBytes({
          nodes,
          inputs: { input_ids: value('int64', [1, 12], []) },
          constants: { table: noise([40, 40]), yes: value('bool', [], [1]) },
          outputs: ['logits'],
        }),
      );
    const loop = looped([
      node('Gather', ['table', 'input_ids'], ['first']),
      node('ReduceMax', ['input_ids'], ['trips'], { keepdims: 0 }),
      node('Loop', ['trips', 'yes', 'first'], ['logits'], {
        body: {
          graph: {
            nodes: [node('Identity', ['on'], ['still']), node('Relu', ['state'], ['next'])],
            inputs: {
              step: value('int64', [], []),
              on: value('bool', [], []),
              state: value('float', [1, 12, 40], []),
            },
            outputs: ['still', 'next'],
          },
        },
      }),
    ]);
    expect(await failure(() => compileText(loop, 1000, SIZES))).to.match(/^node .*\(Loop\): .*trip/);
    const picked = looped([
      node('NonZero', ['input_ids'], ['places']),
      node('Gather', ['table', 'input_ids'], ['rows']),
      node('GatherND', ['rows', 'places'], ['logits']),
    ]);
    expect(await failure(() => compileText(picked, 1000, SIZES))).to.match(/^node .*\(NonZero\): /);
  });
});
