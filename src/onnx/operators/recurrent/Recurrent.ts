import { ensure } from '../../errors.ts';
import { f32, i32, select } from '../../ir/expression.ts';
import { constantIndex, type Index } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { ensureFloat } from '../elementwise.ts';
import { joined } from '../tensor/Parts.ts';
import { numbersOf } from '../value.ts';
import { type Activation, activationsOf } from './activations.ts';
import { type Cell, gruCell, lstmCell, rnnCell, type States } from './cells.ts';
import { type Recurrence, RecurrentPass, type State } from './pass.ts';

/** LSTM, GRU and RNN, unrolled over time, in all directions and both layouts. */

/** Steps of all directions that one node may unroll to. */
const MAX_STEPS = 4096;

interface Operator {
  readonly gates: number;
  /** Functions of one direction. */
  readonly functions: readonly string[];
  /** Gates whose recurrent bias joins the input's. */
  readonly added: number;
  readonly hasCell: boolean;
  readonly cell: Cell;
}

const recurrent =
  (operator: (context: Context) => Operator): Lowering =>
  (context) => {
    const own = operator(context);
    // In the first version it allows leaving the first output out.
    context.disregard('output_sequence');
    const direction = context.string('direction', 'forward');
    ensure(
      ['forward', 'reverse', 'bidirectional'].includes(direction),
      `direction ${direction} is not known`,
    );
    const directions = direction === 'bidirectional' ? 2 : 1;
    const batchFirst = context.int('layout', 0) !== 0;
    const of = recurrenceOf(context, own, directions, batchFirst);
    const functions = activationsOf(context, own.functions, directions);
    const passes = Array.from({ length: directions }, (_, d) => {
      const { length } = own.functions;
      const isReverse = direction === 'reverse' || d === 1;
      return unroll(of, own, d, isReverse, functions.slice(d * length, (d + 1) * length), batchFirst);
    });
    // Where the batch comes: first, or after time and direction.
    const batchAxis = batchFirst ? 0 : 2;
    const join = (parts: readonly Tensor[], axis: number) => joined(context, parts, axis, of.w.type);
    const sequence = passes.map(({ outputs }) =>
      join(
        outputs.map((h) => widened(context, h, 4, batchAxis)),
        batchFirst ? 1 : 0,
      ),
    );
    const last = (states: readonly State[]): Tensor =>
      join(
        states.map((state) => widened(context, state as Tensor, 3, batchFirst ? 0 : 1)),
        batchFirst ? 1 : 0,
      );
    return [
      join(sequence, batchFirst ? 2 : 1),
      last(passes.map(({ states }) => states.h)),
      ...(own.hasCell ? [last(passes.map(({ states }) => states.c))] : []),
    ];
  };

/** [batch, hidden] with dimensions of one element around the batch. */
const widened = (context: Context, state: Tensor, rank: number, batch: number): Tensor =>
  context.define({
    type: state.type,
    shape: Array.from({ length: rank }, (_, i) =>
      i === batch ? (state.shape[0] as number) : i === rank - 1 ? (state.shape[1] as number) : 1,
    ),
    channelsLast: false,
    body: (indices) => at(state, [indices[batch] as Index, indices[rank - 1] as Index]),
  });

/** One direction: the output of every step in order of time, and the last states. */
function unroll(
  of: Recurrence,
  { added, cell, hasCell }: Operator,
  direction: number,
  isReverse: boolean,
  activations: readonly Activation[],
  batchFirst: boolean,
): { outputs: Tensor[]; states: States } {
  const { context, steps, lengths } = of;
  const pass = new RecurrentPass(of, direction, activations, added);
  const initial = (i: number) => initialState(of, context.optional(i), direction, batchFirst);
  let states: States = { h: initial(5), c: hasCell ? initial(6) : undefined };
  const outputs: Tensor[] = [];
  for (let s = 0; s < steps; s++) {
    const t = isReverse ? steps - 1 - s : s;
    const before = states;
    states = context.step(t, () => cell(pass, t, before));
    const h = states.h as Tensor;
    // Behind the end of a sequence the state stays, and the output is 0.
    outputs[t] = lengths
      ? context.define({
          type: h.type,
          shape: h.shape,
          body: ([n, j]) => select(i32.lt(i32.of(t), at(lengths, [n!])), at(h, [n!, j!]), f32.of(0)),
        })
      : h;
  }
  return { outputs, states };
}

/** Checks the inputs that the operators have in common. */
function recurrenceOf(
  context: Context,
  { gates, hasCell }: Operator,
  directions: number,
  batchFirst: boolean,
): Recurrence {
  const [x, w, r, b] = [context.input(0), context.input(1), context.input(2), context.optional(3)];
  const peepholes = hasCell ? context.optional(7) : undefined;
  const given = context.optional(4);
  ensureFloat(x, w, r, ...[b, peepholes].filter((one) => one !== undefined));
  ensure(x.shape.length === 3, `the input's rank is ${x.shape.length}, not 3`);
  const [first, second, inputSize] = x.shape as [number, number, number];
  const [steps, batch] = batchFirst ? [second, first] : [first, second];
  const hidden = r.shape.at(-1) as number;
  ensure(context.int('hidden_size', hidden) === hidden, `hidden_size is not R's ${hidden}`);
  const expectShape = (tensor: Tensor | undefined, what: string, shape: readonly number[]): void =>
    ensure(
      !tensor || `${tensor.shape}` === `${shape}`,
      () => `${what} has the shape [${tensor?.shape}], not [${shape}]`,
    );
  expectShape(w, 'W', [directions, gates * hidden, inputSize]);
  expectShape(r, 'R', [directions, gates * hidden, hidden]);
  expectShape(b, 'B', [directions, 2 * gates * hidden]);
  expectShape(peepholes, 'P', [directions, 3 * hidden]);
  expectShape(given, 'sequence_lens', [batch]);
  ensure(
    steps > 0 && directions * steps <= MAX_STEPS,
    `${steps} steps; 1 to ${MAX_STEPS / directions} can be unrolled`,
  );
  const bound = context.has('clip') ? f32.of(context.float('clip', 0)) : undefined;
  const lengths = given && (numbersOf(given)?.every((length) => length >= steps) ? undefined : given);
  return {
    context,
    steps,
    batch,
    hidden,
    inputSize,
    gates,
    w,
    r,
    b,
    peepholes,
    lengths,
    x: (t, n, k) => at(x, batchFirst ? [n, t, k] : [t, n, k]),
    clip: (value) => (bound ? f32.min(f32.max(value, f32.neg(bound)), bound) : value),
  };
}

function initialState(
  { context, batch, hidden }: Recurrence,
  given: Tensor | undefined,
  direction: number,
  batchFirst: boolean,
): State {
  if (!given) return undefined;
  ensureFloat(given);
  const [d, n] = batchFirst ? [given.shape[1], given.shape[0]] : [given.shape[0], given.shape[1]];
  ensure(
    given.shape.length === 3 && (d as number) > direction && n === batch && given.shape[2] === hidden,
    `an initial state has the shape [${given.shape}]`,
  );
  const line = constantIndex(direction);
  return context.define({
    type: given.type,
    shape: [batch, hidden],
    body: ([i, j]) => at(given, batchFirst ? [i!, line, j!] : [line, i!, j!]),
  });
}

/**
 * @see https://onnx.ai/onnx/operators/onnx__RNN.html
 * @see https://onnx.ai/onnx/operators/onnx__GRU.html
 * @see https://onnx.ai/onnx/operators/onnx__LSTM.html
 */
export const operators: Operators = {
  RNN: recurrent(() => ({ gates: 1, functions: ['Tanh'], added: 1, hasCell: false, cell: rnnCell })),
  GRU: recurrent((context) => {
    const isResetAfter = context.int('linear_before_reset', 0) !== 0;
    return {
      gates: 3,
      functions: ['Sigmoid', 'Tanh'],
      added: isResetAfter ? 2 : 3,
      hasCell: false,
      cell: gruCell(isResetAfter),
    };
  }),
  LSTM: recurrent((context) => ({
    gates: 4,
    functions: ['Sigmoid', 'Tanh', 'Tanh'],
    added: 4,
    hasCell: true,
    cell: lstmCell(context.int('input_forget', 0) !== 0),
  })),
};
