import type { Builder, Graph, GraphValue, Tensor } from '../onnx/building.ts';
import { ImportError, quoted } from '../onnx/errors.ts';

/** Recognises the inputs of a language model's graph by the names and shapes that exporters use. */

const IDS = /^(input_?ids?|tokens?|ids?)$/i;
const MASK = /mask/i;
/** Masks in which 1 is a token that counts for nothing; of others in whose name is padding it is not known. */
const KEY_PADDING = /key_padding_mask/i;
const PADDING = /pad/i;
const POSITIONS = /^(cache_)?position/i;
const PAST = /past|cache/i;
const BRANCH = /^use_cache/i;
/** Number of last positions that have logits; 0: all. */
const KEPT = /logits_to_keep$/i;

/** @throws ImportError unless the graph has one input that takes tokens */
export function idsInput({ inputs }: Graph): GraphValue {
  const integers = inputs.filter(({ type }) => type.family === 'integer');
  const named = integers.filter(({ name }) => IDS.test(name));
  const [only, ...others] = named.length > 0 ? named : integers.filter(isPlain);
  if (only && others.length === 0) return only;
  const names = inputs.map(({ name }) => quoted(name)).join(', ');
  throw new ImportError(
    `model: none of its inputs (${names}) is known to take tokens; name the one that does "input_ids"`,
  );
}

const isPlain = ({ name }: GraphValue): boolean =>
  ![MASK, POSITIONS, PAST, KEPT].some((known) => known.test(name));

/** A dimension as it is, where the file gives its size. */
function sizeOf(value: GraphValue, i: number, wanted: number): number {
  const extent = value.shape[i];
  if (typeof extent !== 'number' || extent === wanted) return wanted;
  throw new ImportError(
    `input ${quoted(value.name)}: its dimension ${i} has ${extent} elements, the text and its prompt have ${wanted}; ` +
      'export with a dimension that is left open, or choose --prompt and --tokens so that they come to it',
  );
}

/**
 * A tensor for every input: a whole sequence at once, nothing before it.
 *
 * @param ids the sequence, [1, positions]
 */
export function feed(graph: Graph, builder: Builder, ids: Tensor): Map<string, Tensor> {
  const taken = idsInput(graph);
  const positions = ids.shape[1] as number;
  const made = new Map<string, Tensor>();
  for (const value of graph.inputs) {
    const { name, type, shape } = value;
    const rank = shape.length;
    const constant = (extents: readonly number[], number: (i: number) => number): void => {
      const count = extents.reduce((product, extent) => product * extent, 1);
      made.set(
        name,
        builder.constant(
          type,
          extents,
          Array.from({ length: count }, (_, i) => number(i)),
          name,
        ),
      );
    };
    if (value === taken) {
      sizeOf(value, rank - 1, positions);
      made.set(name, ids);
    } else if (PAST.test(name) && type.family === 'float' && (rank === 4 || rank === 5)) {
      // [batch, heads, positions, size], or with keys and values in one: [2, batch, heads, positions, size].
      const batch = rank - 4;
      const extents = shape.map((extent, i) => (typeof extent === 'number' ? extent : i === batch ? 1 : 0));
      if (extents.every((extent) => extent > 0)) {
        throw new ImportError(
          `input ${quoted(name)}: it has no dimension that may be empty, so there is always a past; export with the ` +
            'length of the past left open, or without a past',
        );
      }
      constant(extents, () => 0);
    } else if ((BRANCH.test(name) || KEPT.test(name)) && rank <= 1) {
      constant(rank === 0 ? [] : [1], () => 0);
    } else if (KEY_PADDING.test(name) && rank === 2) {
      constant([1, sizeOf(value, 1, positions)], () => 0);
    } else if (MASK.test(name) && rank === 2) {
      if (PADDING.test(name)) {
        throw new ImportError(
          `input ${quoted(name)}: its name does not say whether 1 marks a token or padding; name it "attention_mask" if ` +
            '1 is a token, or "key_padding_mask" if 1 is padding',
        );
      }
      constant([1, sizeOf(value, 1, positions)], () => 1);
    } else if (POSITIONS.test(name) && rank <= 2) {
      constant(rank === 2 ? [1, sizeOf(value, 1, positions)] : [sizeOf(value, 0, positions)], (i) => i);
    } else {
      throw new ImportError(`input ${quoted(name)}: ${reasonAgainst(value)}`);
    }
  }
  return made;
}

/** Inputs that are known in other ranks or types. */
const FORMS: readonly (readonly [name: RegExp, what: string, known: string])[] = [
  [PAST, 'a past', 'floats of rank 4, [batch, heads, positions, size], or 5, with keys and values in one'],
  [MASK, 'a mask', 'rank 2, [batch, positions]'],
  [POSITIONS, 'positions', 'rank 1, [positions], or 2, [batch, positions]'],
];

/** Why nothing is known to feed an input with. */
function reasonAgainst({ name, type, shape }: GraphValue): string {
  const isPastLike = shape.length > 2 && /past|key|value/i.test(name);
  // Numbers about a past, such as its length, are no past.
  const form = FORMS.find(([known]) => known.test(name) && (known !== PAST || isPastLike));
  if (!form) {
    return (
      'nothing is known to feed it with; a language model takes input_ids, attention_mask, position_ids and ' +
      'past_key_values'
    );
  }
  const [, what, known] = form;
  return `${what} of type ${type.name} and rank ${shape.length} cannot be fed; export with ${known}`;
}
