import { ensure, quoted } from '../../errors.ts';
import { sigmoid } from '../../functions/index.ts';
import { f32, fold } from '../../ir/expression.ts';
import { add, constantIndex, shift } from '../../ir/indices.ts';
import { at, atOr, type Lowering, type Operators } from '../context.ts';
import { ensureFloat, ensureSameType } from '../elementwise.ts';
import { joined } from '../tensor/Parts.ts';

/**
 * CausalConvWithState(x, w, bias, past) of ONNX: y[n, c, p] = bias[c] + sum over k of w[c, 0, k] s[n, c, p + k], where s
 * is x with the past values (or zeros) in front; then s's last values, which are the next call's past.
 */
const CausalConvWithState: Lowering = (context) => {
  const [x, w] = [context.input(0), context.input(1)];
  const [bias, past] = [context.optional(2), context.optional(3)];
  const type = ensureSameType([x, w, ...[bias, past].filter((one) => one !== undefined)]);
  ensureFloat(x);
  const activation = context.string('activation', 'none');
  ensure(
    ['none', 'silu', 'swish'].includes(activation),
    `activation ${quoted(activation)} is not known; none, silu and swish are`,
  );
  const [batch = 0, channels = 0, length = 0] = x.shape;
  const taps = w.shape[2] ?? 0;
  const before = taps - 1;
  ensure(
    x.shape.length === 3 && taps >= 1 && `${w.shape}` === `${[channels, 1, taps]}`,
    `a filter of shape [${w.shape}] does not fit an input of shape [${x.shape}]`,
  );
  ensure(!bias || `${bias.shape}` === `${channels}`, `the bias is not of shape [${channels}]`);
  ensure(
    !past || `${past.shape}` === `${[batch, channels, before]}`,
    `the state is of shape [${past?.shape}], not [${[batch, channels, before]}]`,
  );
  // Without a past, what lies in front of the input reads as 0.
  const sequence = past && before > 0 ? joined(context, [past, x], 2, type) : x;
  const offset = sequence === x ? -before : 0;
  const y = context.define({
    type,
    shape: x.shape,
    body: ([n, c, p]) => {
      const sum = fold([taps], 0, ([k], accumulator) => {
        const element = atOr(sequence, [n!, c!, shift(add(p!, k!), offset)], 0);
        return f32.add(accumulator, f32.mul(element, at(w, [c!, constantIndex(0), k!])));
      });
      return bias ? f32.add(sum, at(bias, [c!])) : sum;
    },
  });
  const present = context.define({
    type,
    shape: [batch, channels, before],
    body: ([n, c, p]) => atOr(sequence, [n!, c!, shift(p!, length + offset)], 0),
  });
  if (activation === 'none') return [y, present];
  const activated = context.define({
    type,
    shape: x.shape,
    body: (indices) => f32.mul(at(y, indices), sigmoid(at(y, indices))),
  });
  return [activated, present];
};

/** @see https://onnx.ai/onnx/operators/onnx__CausalConvWithState.html */
export const operators: Operators = { CausalConvWithState };
