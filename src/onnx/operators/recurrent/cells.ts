import { type Expression, f32 } from '../../ir/expression.ts';
import type { Index } from '../../ir/indices.ts';
import { at } from '../context.ts';
import type { Activation } from './activations.ts';
import { type RecurrentPass, type State, stateAt } from './pass.ts';

/** One step of each recurrent operator, in the formulas of ONNX's operator descriptions. */

export interface States {
  readonly h: State;
  readonly c: State;
}

export type Cell = (pass: RecurrentPass, t: number, before: States) => States;

const plus = (a: Expression, b: Expression | undefined): Expression => (b ? f32.add(a, b) : a);

/** H = f(X W' + H R' + Wb + Rb) */
export const rnnCell: Cell = (pass, t, { h }) => {
  const [f] = pass.activations as [Activation];
  const next = pass.state(h, 0, (sum, n, j, element) =>
    pass.kept(t, n, f(pass.of.clip(plus(pass.given(t, n, element), sum))), stateAt(h, n, j)),
  );
  return { h: next, c: undefined };
};

/** Gates update (z), reset (r) and hidden. The reset comes before or after the product with the state. */
export const gruCell =
  (isResetAfter: boolean): Cell =>
  (pass, t, { h }) => {
    const { clip } = pass.of;
    const [f, g] = pass.activations as [Activation, Activation];
    const zr = pass.product(h, { first: 0, count: 2 }, (sum, n, _, element) =>
      f(clip(plus(pass.given(t, n, element), sum))),
    );
    const [z, r] = [pass.flat(zr, 0), pass.flat(zr, 1)];
    const reset =
      h && !isResetAfter
        ? pass.of.context.define({
            type: h.type,
            shape: h.shape,
            body: (indices) => f32.mul(at(r, indices), at(h, indices)),
          })
        : h;
    const next = pass.state(reset, 2, (sum, n, j, element) => {
      const recurrent = isResetAfter ? f32.mul(at(r, [n, j]), plus(pass.recurrentBias(element), sum)) : sum;
      const candidate = g(clip(plus(pass.given(t, n, element), recurrent)));
      const update = at(z, [n, j]);
      const before = stateAt(h, n, j);
      const mixed = f32.add(f32.mul(f32.sub(f32.of(1), update), candidate), f32.mul(update, before));
      return pass.kept(t, n, mixed, before);
    });
    return { h: next, c: undefined };
  };

/** Gates input, output, forget and cell; peepholes let the gates see the cell state. */
export const lstmCell =
  (isCoupled: boolean): Cell =>
  (pass, t, { h, c }) => {
    const { clip, peepholes } = pass.of;
    const [f, g, k] = pass.activations as [Activation, Activation, Activation];
    const peep = (gateElement: Index, cell: Expression): Expression | undefined =>
      peepholes && f32.mul(at(peepholes, [pass.direction, gateElement]), cell);
    // The input gate is number 0 and the forget gate number 2.
    const inputForget = pass.product(
      h,
      { first: 0, step: 2, count: isCoupled ? 1 : 2 },
      (sum, n, j, element) => {
        const given = plus(pass.given(t, n, element), sum);
        return f(clip(plus(given, c && peep(element, stateAt(c, n, j)))));
      },
    );
    const input = pass.flat(inputForget, 0);
    const forget = isCoupled ? undefined : pass.flat(inputForget, 1);
    const cell = pass.state(h, 3, (sum, n, j, element) => {
      const candidate = g(clip(plus(pass.given(t, n, element), sum)));
      const fresh = f32.mul(at(input, [n, j]), candidate);
      const before = stateAt(c, n, j);
      const share = forget ? at(forget, [n, j]) : f32.sub(f32.of(1), at(input, [n, j]));
      return pass.kept(t, n, c ? f32.add(f32.mul(share, before), fresh) : fresh, before);
    });
    const next = pass.state(h, 1, (sum, n, j, element) => {
      const now = at(cell, [n, j]);
      const seen = peep(element, now);
      const output = f(clip(plus(plus(pass.given(t, n, element), sum), seen)));
      return pass.kept(t, n, f32.mul(output, k(now)), stateAt(h, n, j));
    });
    return { h: next, c: cell };
  };
