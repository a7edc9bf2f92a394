import { readGraph } from '../../src/onnx/index.ts';
import type { Graph } from '../../src/onnx/read/graph.ts';
import { floats, modelBytes, node, noise, value } from './onnx.ts';

/** A language model whose positions see those that a table names: the least one that may be causal or not. */

const [VOCABULARY, WIDTH] = [40, 8];

/** Its file. @param sees whether a position sees another one */
export const mixedBytes = (
  positions: number,
  sees: (position: number, other: number) => boolean,
  { bias = 0 }: { readonly bias?: number } = {},
): Uint8Array =>
  modelBytes({
    nodes: [
      node('Gather', ['tokens', 'input_ids'], ['x']),
      node('MatMul', ['mix', 'x'], ['mixed']),
      node('MatMul', ['mixed', 'head'], ['plain']),
      node('Add', ['plain', 'bias'], ['logits']),
    ],
    inputs: { input_ids: value('int64', [1, positions], []) },
    constants: {
      tokens: noise([VOCABULARY, WIDTH]),
      head: noise([WIDTH, VOCABULARY], 2),
      bias: floats([], [bias]),
      mix: floats(
        [positions, positions],
        Array.from({ length: positions ** 2 }, (_, i) => {
          const [position, other] = [Math.floor(i / positions), i % positions];
          return sees(position, other) ? 1 / (1 + Math.abs(position - other)) : 0;
        }),
      ),
    },
    outputs: ['logits'],
  });

export const mixedGraph = (...model: Parameters<typeof mixedBytes>): Graph => readGraph(mixedBytes(...model));
