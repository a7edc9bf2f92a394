import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import { add, constantIndex, type Index, multiply, shift } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { at, type Context } from '../context.ts';
import type { Activation } from './activations.ts';

/** Sizes and inputs of a recurrent node. */
export interface Recurrence {
  readonly context: Context;
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
  readonly inputSize: number;
  readonly gates: number;
  /** Element of the input. */
  readonly x: (t: Index, n: Index, k: Index) => Expression;
  /** [directions, gates * hidden, inputSize] and [directions, gates * hidden, hidden] */
  readonly w: Tensor;
  readonly r: Tensor;
  /** [directions, 2 * gates * hidden] */
  readonly b: Tensor | undefined;
  /** [directions, 3 * hidden], of an LSTM: input, output, forget. */
  readonly peepholes: Tensor | undefined;
  /** Lengths of the sequences, if some may be shorter than the number of steps. */
  readonly lengths: Tensor | undefined;
  readonly clip: (x: Expression) => Expression;
}

/** The result of a sum, which is left out for a state of zeros; `gateElement` is its index among all gates. */
type Finish = (sum: Expression | undefined, n: Index, j: Index, gateElement: Index) => Expression;

/** A state, [batch, hidden]; `undefined` is all zeros. */
export type State = Tensor | undefined;

export const stateAt = (state: State, n: Index, j: Index): Expression =>
  state ? at(state, [n, j]) : f32.of(0);

/**
 * One direction of a recurrent node. What the inputs contribute to the gates is one product for all steps;
 * every step is then a product with the last state, whose loop ends with the activations.
 */
export class RecurrentPass {
  readonly of: Recurrence;
  readonly direction: Index;
  readonly activations: readonly Activation[];
  readonly #given: Tensor;

  /** @param added gates whose recurrent bias belongs to the inputs' product; the others' are added apart */
  constructor(of: Recurrence, direction: number, activations: readonly Activation[], added: number) {
    this.of = of;
    this.direction = constantIndex(direction);
    this.activations = activations;
    this.#given = this.#inputProduct(this.#bias(added));
  }

  #bias(added: number): Tensor | undefined {
    const { context, gates, hidden, b } = this.of;
    const size = gates * hidden;
    const recurrent = (j: Index): Expression => {
      const own = this.recurrentBias(j);
      if (added === gates) return own;
      return select(i32.lt(indexValue(j), i32.of(added * hidden)), own, f32.of(0));
    };
    return (
      b &&
      context.define({
        type: b.type,
        shape: [size],
        body: ([j]) => f32.add(at(b, [this.direction, j!]), recurrent(j!)),
      })
    );
  }

  recurrentBias(j: Index): Expression {
    const { b, gates, hidden } = this.of;
    return b ? at(b, [this.direction, shift(j, gates * hidden)]) : f32.of(0);
  }

  #inputProduct(bias: Tensor | undefined): Tensor {
    const { context, steps, batch, hidden, inputSize, gates, x, w } = this.of;
    return context.define({
      type: w.type,
      shape: [steps, batch, gates * hidden],
      channelsLast: false,
      body: ([t, n, j]) => {
        const product = fold([inputSize], 0, ([k], sum) =>
          f32.add(sum, f32.mul(x(t!, n!, k!), at(w, [this.direction, j!, k!]))),
        );
        return bias ? f32.add(product, at(bias, [j!])) : product;
      },
    });
  }

  /** Contribution of the inputs to a gate's element at step t. */
  given(t: number, n: Index, gateElement: Index): Expression {
    return at(this.#given, [constantIndex(t), n, gateElement]);
  }

  /**
   * H R' for some gates: [batch, count, hidden].
   *
   * @param gate number of the first gate, and the distance to the next
   */
  product(
    h: State,
    gate: { readonly first: number; readonly step?: number; readonly count?: number },
    finish: Finish,
  ): Tensor {
    const { context, batch, hidden, r } = this.of;
    return context.define({
      type: r.type,
      shape: [batch, gate.count ?? 1, hidden],
      channelsLast: false,
      body: ([n, g, j]) => {
        const number = shift(multiply(g!, gate.step ?? 1), gate.first);
        const element = add(multiply(number, hidden), j!);
        const sum =
          h &&
          fold([hidden], 0, ([k], total) =>
            f32.add(total, f32.mul(at(h, [n!, k!]), at(r, [this.direction, element, k!]))),
          );
        return finish(sum, n!, j!, element);
      },
    });
  }

  /** A product that is a state. */
  state(h: State, gate: number, finish: Finish): Tensor {
    return this.flat(this.product(h, { first: gate }, finish), 0);
  }

  /** One gate of a product as a state. */
  flat(product: Tensor, gate: number): Tensor {
    const { context, batch, hidden } = this.of;
    return context.define({
      type: product.type,
      shape: [batch, hidden],
      body: ([n, j]) => at(product, [n!, constantIndex(gate), j!]),
    });
  }

  /** The new value of a state; the old one behind the end of a sequence. */
  kept(t: number, n: Index, value: Expression, before: Expression): Expression {
    const { lengths } = this.of;
    return lengths ? select(i32.lt(i32.of(t), at(lengths, [n])), value, before) : value;
  }
}
