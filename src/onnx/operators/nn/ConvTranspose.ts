import { ensure, quoted } from '../../errors.ts';
import { f32, fold, type IndexCoordinate } from '../../ir/expression.ts';
import { add, type Index, multiply, quotient, remainder, shift } from '../../ir/indices.ts';
import { reading } from '../../ir/tensor.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { ensureFloat, ensureSameType } from '../elementwise.ts';
import { ensureSamePads } from './window.ts';

/**
 * Y[n, g * Co/G + m, p] = B + sum over (tap, ci) of X[n, g * C/G + ci, q] * W[g * C/G + ci, m, tap] where
 * q * stride = p + pad - tap * dilation, taps for which q is no integer left out; ONNX operator ConvTranspose.
 */
const ConvTranspose: Lowering = (context) => {
  const [x, w, bias] = [context.input(0), context.input(1), context.optional(2)];
  ensureFloat(x, w);
  ensureSameType([x, w]);
  ensure(
    x.shape.length >= 3 && w.shape.length === x.shape.length,
    'input and filter need the same rank of at least 3',
  );
  const [batch, channels, ...spatial] = x.shape as [number, number, ...number[]];
  const [inputs, filtersOfGroup, ...kernel] = w.shape as [number, number, ...number[]];
  const group = context.int('group', 1);
  ensure(
    inputs === channels && group >= 1 && channels % group === 0,
    `${channels} channels, ${inputs} filters, ${group} groups`,
  );
  const shape = context.ints('kernel_shape') ?? [];
  ensure(
    shape.length === 0 || `${shape}` === `${kernel}`,
    `kernel_shape [${shape}] is not the filter's [${kernel}]`,
  );
  const filters = filtersOfGroup * group;
  ensure(
    !bias || (bias.shape.length === 1 && bias.shape[0] === filters),
    `the bias is not of shape [${filters}]`,
  );
  const { strides, dilations, padsBefore, output } = geometry(context, spatial, kernel);
  const channelsOfGroup = channels / group;
  return context.define({
    type: x.type,
    shape: [batch, filters, ...output],
    channelsLast: true,
    body: (indices) => {
      const [n, co, ...spatial] = indices as [Index, Index, ...Index[]];
      const sum = fold([...kernel, channelsOfGroup], 0, (steps, accumulator) => {
        const tap = steps.slice(0, -1);
        const channel = add(multiply(quotient(co, filtersOfGroup), channelsOfGroup), steps.at(-1)!);
        const position = spatial.map((p, i): IndexCoordinate => {
          const numerator = shift(add(p, multiply(tap[i]!, -dilations[i]!)), padsBefore[i]!);
          return { index: numerator, divisor: strides[i]!, exact: true };
        });
        const element = reading(x, [n, channel, ...position], 0);
        return f32.add(
          accumulator,
          f32.mul(element, at(w, [channel, remainder(co, filtersOfGroup), ...tap])),
        );
      });
      return bias ? f32.add(sum, at(bias, [co])) : sum;
    },
  });
};

function geometry(context: Context, spatial: readonly number[], kernel: readonly number[]) {
  const rank = spatial.length;
  const list = (name: string, otherwise: number): readonly number[] => {
    const given = context.ints(name) ?? [];
    const values = given.length > 0 ? given : spatial.map(() => otherwise);
    ensure(values.length === rank, `${name} has ${values.length} entries for ${rank} spatial dimensions`);
    return values;
  };
  const strides = list('strides', 1);
  const dilations = list('dilations', 1);
  const extra = list('output_padding', 0);
  ensure(
    [...strides, ...dilations].every((value) => value >= 1),
    'strides and dilations must be positive',
  );
  const full = spatial.map(
    (extent, i) => strides[i]! * (extent - 1) + extra[i]! + (kernel[i]! - 1) * dilations[i]! + 1,
  );
  const wanted = context.ints('output_shape');
  const mode = context.string('auto_pad', 'NOTSET');
  const given = context.ints('pads') ?? [];
  if (wanted?.length || mode === 'SAME_UPPER' || mode === 'SAME_LOWER') {
    const output = wanted?.length ? wanted.slice(-rank) : spatial.map((extent, i) => extent * strides[i]!);
    const total = full.map((extent, i) => Math.max(0, extent - output[i]!));
    const padsBefore = total.map((pad) => (mode === 'SAME_UPPER' ? Math.floor(pad / 2) : Math.ceil(pad / 2)));
    // With output_shape, pads are left out of account.
    if (!wanted?.length) {
      ensureSamePads(given, [...padsBefore, ...total.map((pad, i) => pad - padsBefore[i]!)], mode);
    }
    return { strides, dilations, padsBefore, output };
  }
  ensure(['NOTSET', 'VALID', ''].includes(mode), `auto_pad ${quoted(mode)} is not known`);
  if (mode === 'VALID') ensureSamePads(given, new Array<number>(2 * rank).fill(0), mode);
  const pads = given.length > 0 ? given : new Array<number>(2 * rank).fill(0);
  ensure(pads.length === 2 * rank, `pads has ${pads.length} entries for ${rank} spatial dimensions`);
  const output = full.map((extent, i) => extent - pads[i]! - pads[rank + i]!);
  return { strides, dilations, padsBefore: pads.slice(0, rank), output };
}

/** @see https://onnx.ai/onnx/operators/onnx__ConvTranspose.html */
export const operators: Operators = { ConvTranspose };
