import {
  type Builder,
  constantIndex,
  type Graph,
  type Index,
  i32,
  importJoined,
  indexValue,
  type Joined,
  type Joint,
  Rows,
  reading,
  select,
  type Tensor,
} from '../onnx/building.ts';
import { ImportError } from '../onnx/errors.ts';
import type { CompiledModel, HalfArithmetic, ModelTensor } from '../onnx/index.ts';
import { TYPES } from '../onnx/types.ts';
import { branchNotes } from './branches.ts';
import { accept, greatest } from './choice.ts';
import { feed, idsInput } from './feed.ts';
import { logitsOf, tableRows } from './logits.ts';
import type { TextOptions } from './options.ts';
import { type Drawing, drawn as drawnScores } from './sample.ts';
import { paddingOf, tokenWidth } from './tokens.ts';

/** A causal language model as a program that checks a text: see README.md. */

export interface TextModel extends CompiledModel {
  readonly options: TextOptions;
  /** Tensors that a claim supplies. */
  readonly answers: readonly ModelTensor[];
  /** Tokens of the vocabulary. */
  readonly vocabulary: number;
  /** Bytes of a token in prompts and texts. */
  readonly width: number;
  /** Node of the logits at each position of the text, [tokens, vocabulary], float32. */
  readonly logits: number;
  /** Node of the tokens that the model chooses at each position of the text, [tokens], int32. */
  readonly choices: number;
  /** Node of the sequence, [1, positions], int32: the prompt, and right behind it the text. */
  readonly sequence: number;
  /** Node of the position whose row of logits chooses each token of the text, [tokens], int32. */
  readonly rowNumbers: number;
}

/** Tensors of a text model that its readers find by these names. */
type Mark = 'choices' | 'logits' | 'sequence' | 'rowNumbers';

/**
 * @param graph ids (and masks, positions, an empty past) to logits
 * @param fileBytes size of what the graph was read from
 * @throws ImportError one line that names the node or input, the reason and what to do
 */
export function compileText(
  graph: Graph,
  fileBytes: number,
  options: TextOptions,
  half?: HalfArithmetic,
): TextModel {
  checkOptions(options);
  let vocabulary = tableRows(graph);
  let width = tokenWidth(vocabulary);
  let branches: ReadonlyMap<string, boolean> = new Map();
  const join = (joint: Joint): Joined<Mark> => {
    const { vocabulary: found, ...joined } = around(joint, options, width);
    vocabulary = found;
    branches = joint.builder.branches;
    return joined;
  };
  const compiledJoin = () => withinTables(options, () => importJoined(graph, fileBytes, join, half));
  let joined = compiledJoin();
  if (width !== tokenWidth(vocabulary)) {
    width = tokenWidth(vocabulary);
    joined = compiledJoin();
  }
  const { marked, ...compiled } = joined;
  const notes = [...compiled.notes, ...branchNotes(graph, fileBytes, options, branches)];
  const { program, labels } = compiled;
  const refer = (node: number): ModelTensor => {
    const { dtype, shape } = program.nodes[node]!;
    const onnxType = dtype === 'f32' ? 'float' : dtype === 'i32' ? 'int32' : 'uint8';
    return { name: labels[node]!.replace(/^input /, ''), dtype, onnxType, shape, node };
  };
  return {
    ...compiled,
    notes,
    options,
    vocabulary,
    width,
    inputs: program.inputs.map(refer),
    answers: (program.answers ?? []).map(refer),
    outputs: program.outputs.map((node) => ({ ...refer(node), name: 'accept' })),
    bound: [],
    ...marked,
  };
}

/** More positions than any model has been trained for. */
const MAX_POSITIONS = 2 ** 20;

function checkOptions({ prompt, tokens, ends = [] }: TextOptions): void {
  for (const [name, size] of Object.entries({ prompt, tokens })) {
    if (!(Number.isInteger(size) && size >= 1 && size <= MAX_POSITIONS)) {
      throw new ImportError(`--${name} ${size}: write a number of tokens from 1 to ${MAX_POSITIONS}`);
    }
  }
  const bad = ends.find((end) => !(Number.isInteger(end) && end >= 0 && end < 2 ** 31));
  if (bad !== undefined) throw new ImportError(`--end ${bad}: a token is a number from 0 on`);
}

/** Says of a refusal about a table with a row for each position how many positions there may be. */
function withinTables<T>({ prompt, tokens }: TextOptions, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const tooShort = error instanceof ImportError ? error.tooShort : undefined;
    const most = tooShort ? prompt + tokens - (tooShort.high + 1 - tooShort.extent) : 0;
    const isByPosition = tooShort && tooShort.high - tooShort.low + 1 === prompt + tokens;
    if (!isByPosition || most < 2) throw error;
    const { message } = error as ImportError;
    throw new ImportError(`${message}; --prompt and --tokens may be at most ${most} together`);
  }
}

/** Everything around the graph: the sequence in front of it, the logits at the text's positions and the choices behind it. */
function around(
  { builder, graph, lower }: Joint,
  options: TextOptions,
  width: number,
): Joined<Mark> & { vocabulary: number } {
  const { prompt: most, tokens, ends = [] } = options;
  const part = (label: string): void => {
    builder.current = { name: label, label, location: `the ${label}` };
  };
  part('sequence');
  const prompt = builder.input('prompt', TYPES.uint8, [most, width], 0);
  const length = builder.input('length', TYPES.int32, [], 1);
  const drawing: Drawing | undefined = options.sampled
    ? {
        seed: builder.input('seed', TYPES.int32, [2], 2),
        temperature: builder.input('temperature', TYPES.float, [], 3),
        candidates: builder.input('candidates', TYPES.int32, [], 4),
      }
    : undefined;
  const drawn = Object.values(drawing ?? {});
  const text = builder.input('text', TYPES.uint8, [tokens, width], 2 + drawn.length);
  const given = { prompt: tokensOf(builder, prompt), length, text: tokensOf(builder, text) };
  const { ids, last } = sequence(builder, given, idsInput(graph).type);
  const output = lower(feed(graph, builder, ids));
  part('logits of the text');
  const { logits, copies } = textLogits(builder, logitsOf(graph, output, most + tokens), last);
  part('choice');
  const scores = drawing ? drawnScores(builder, logits, drawing) : logits;
  const choices = greatest(builder, scores);
  part('accept');
  return {
    inputs: [prompt, length, ...drawn],
    answers: [text],
    outputs: [accept(builder, given.text, choices, { ends, padding: paddingOf(width) })],
    marked: { choices, logits, sequence: ids, rowNumbers: last },
    // A copy that is stored is read in order by the fold over it, so that a leaf opens few of its chunks.
    stored: copies,
    vocabulary: logits.shape[1] as number,
  };
}

/** Tokens from their bytes, [tokens], int32. */
function tokensOf(builder: Builder, bytes: Tensor): Tensor {
  const [tokens, width] = bytes.shape as [number, number];
  return builder.define({
    type: TYPES.int32,
    shape: [tokens],
    name: `tokens of the ${bytes.name}`,
    body: ([i]) =>
      Array.from({ length: width }, (_, byte) =>
        i32.shl(reading(bytes, [i!, constantIndex(byte)]), i32.of(8 * byte)),
      ).reduce(i32.or),
  });
}

interface Given {
  readonly prompt: Tensor;
  readonly length: Tensor;
  readonly text: Tensor;
}

/**
 * Puts the text right behind its prompt, wherever that ends. Words that are no token's number are read as token 0: in the
 * text they are never accepted, and behind it they have no influence.
 *
 * @returns the sequence, [1, positions], and the number of the row that each token of the text is chosen by, [tokens]
 */
function sequence(builder: Builder, { prompt, length, text }: Given, type: Tensor['type']) {
  const most = prompt.shape[0] as number;
  const tokens = text.shape[0] as number;
  // A prompt has 1 token at least, and no more than there is room for.
  const taken = () => i32.max(i32.of(1), i32.min(i32.of(most), reading(length, [])));
  const place = builder.define({
    type: TYPES.int32,
    shape: [most + tokens],
    range: { low: -most, high: most + tokens - 2 },
    name: 'place in the text',
    body: ([i]) => i32.sub(indexValue(i!), taken()),
  });
  const ids = builder.define({
    type,
    shape: [1, most + tokens],
    range: { low: 0, high: 2 ** 31 - 1 },
    name: 'sequence',
    body: ([, i]) => {
      const own = reading(place, [i!]);
      const isPrompt = i32.lt(own, i32.of(0));
      const token = select(isPrompt, reading(prompt, [i!], 0), reading(text, [{ gathered: own }], 0));
      return i32.max(token, i32.of(0));
    },
  });
  const last = builder.define({
    type: TYPES.int32,
    shape: [tokens],
    range: { low: 0, high: most + tokens - 2 },
    name: 'row of a token',
    body: ([i]) => i32.add(indexValue(i!), i32.sub(taken(), i32.of(1))),
  });
  return { ids, last };
}

/** Logits at the text's positions only, [tokens, vocabulary], and the rows that were copied for them. */
function textLogits(builder: Builder, logits: Tensor, numbers: Tensor) {
  const rows = new Rows(builder, numbers, {
    // A node without a fold (a bias, a bound) is computed again for these rows; rows of other nodes are copied.
    computes: (_, { hasFold }) => !hasFold,
    whole: (tensor) => tensor,
  });
  const made = rows.computed(logits, 1);
  const own = builder.define({
    type: made.type,
    shape: [made.shape[1] as number, made.shape[2] as number],
    name: 'logits of the text',
    body: ([row, token]: readonly Index[]) => reading(made, [constantIndex(0), row!, token!]),
  });
  return { logits: own, copies: rows.copies };
}
