import type { Graph, Tensor } from '../onnx/building.ts';
import { ImportError, quoted } from '../onnx/errors.ts';
import { idsInput } from './feed.ts';

/** Recognises the output of a language model's graph that has a row of logits for each position. */

const NAME = /^logits$/i;
const LIKE_LOGITS = /logits/i;

const LOOKUPS: ReadonlySet<string> = new Set(['Gather', 'GatherBlockQuantized']);
/** Operators that leave tokens as they are. */
const KEEPERS: ReadonlySet<string> = new Set([
  'Cast',
  'Identity',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
]);

/** Rows of the table that tokens are looked up in, mostly as many as there are logits; 0 if there is none. */
export function tableRows(graph: Graph): number {
  const tokens = new Set([idsInput(graph).name]);
  for (const { operator, inputs, outputs, attributes } of graph.nodes) {
    if (KEEPERS.has(operator) && tokens.has(inputs[0] ?? '')) tokens.add(outputs[0]!);
    const table = LOOKUPS.has(operator) && tokens.has(inputs[1] ?? '') && graph.initializers.get(inputs[0]!);
    const axis = attributes.get('axis');
    if (table && 'shape' in table) return table.shape.at(axis?.kind === 'int' ? axis.value : 0) ?? 0;
  }
  return 0;
}

/**
 * The logits: the output of that name, or else one whose rows are as long as the table of tokens. Files name others so too,
 * such as those of a router to experts or of the last position only.
 *
 * @param output finds an output of the graph
 * @throws ImportError unless one output has a row of logits for each position
 */
export function logitsOf(graph: Graph, output: (name: string) => Tensor, positions: number): Tensor {
  const names = graph.outputs.map(({ name }) => name);
  const named = names.filter((name) => NAME.test(name)).slice(0, 1);
  const alike = named.length > 0 ? named : names.filter((name) => LIKE_LOGITS.test(name));
  const tried = alike.length > 0 ? alike : names.slice(0, 1);
  if (tried.length === 0) throw new ImportError('model: it has no outputs');
  const rows = tableRows(graph);
  const found = tried.map(output);
  const isRows = ({ type, shape }: Tensor): boolean =>
    type.family === 'float' && shape.length === 3 && shape[0] === 1 && shape[1] === positions;
  // RULE: each token that may be chosen has a row in the table of tokens, from which the next one is chosen. The table may
  // have more, for marks that are never chosen; but only a name says then that these are the logits.
  const fits = ({ shape: [, , width = 0] }: Tensor): boolean =>
    rows === 0 || width === rows || (named.length > 0 && width < rows);
  const logits = found.find((tensor) => isRows(tensor) && fits(tensor));
  if (logits) return logits;
  const rest = found.findIndex(isRows);
  const at = Math.max(0, rest);
  const { type, shape } = found[at]!;
  const what = `output ${quoted(tried[at]!)}: it is ${type.name} [${shape}]`;
  throw new ImportError(
    rest < 0
      ? `${what} and not a row of logits for each position, [1,${positions},vocabulary]`
      : `${what}, and the table of tokens has ${rows} rows, so they are no logits of these tokens; export the model as a ` +
          'causal language model, with logits for each position',
  );
}
