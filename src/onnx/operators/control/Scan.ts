import { ensure } from '../../errors.ts';
import type { Tensor } from '../../ir/tensor.ts';
import type { Context, Lowering, Operators } from '../context.ts';
import { collected, slice, tensorOf } from '../tensor/stack.ts';
import type { Value } from '../value.ts';
import { MAX_PASSES } from './Control.ts';

/** Scan: its body for each position along an axis of the scanned inputs, unrolled. Before version 9 with a batch. */
const Scan: Lowering = (context) => (context.version < 9 ? scanBatch(context) : scan(context));

interface ScanPlan {
  readonly states: readonly Value[];
  readonly scanned: readonly Tensor[];
  readonly axes: readonly number[];
  readonly directions: readonly number[];
  readonly outputAxes: readonly number[];
  readonly outputDirections: readonly number[];
}

function scan(context: Context): Value[] {
  const count = context.int('num_scan_inputs', 0);
  const first = context.inputCount - count;
  ensure(count > 0 && first >= 0, `num_scan_inputs is ${count}`);
  const scanned = Array.from({ length: count }, (_, i) => context.input(first + i));
  const axes = context.ints(
    'scan_input_axes',
    scanned.map(() => 0),
  );
  return runScan(context, {
    states: Array.from({ length: first }, (_, i) => context.value(i)),
    scanned,
    axes: scanned.map(({ shape }, i) => context.axis(axes[i] ?? 0, shape.length)),
    directions: context.ints('scan_input_directions', []),
    outputAxes: context.ints('scan_output_axes', []),
    outputDirections: context.ints('scan_output_directions', []),
  });
}

/** Version 8: sequence_lens first, and every other input and output has a batch dimension in front. */
function scanBatch(context: Context): Value[] {
  const count = context.int('num_scan_inputs', 0);
  const first = context.inputCount - count;
  ensure(count > 0 && first >= 1, `num_scan_inputs is ${count}`);
  ensure(!context.optional(0), 'sequence_lens is not supported; export with a newer operator set');
  const inputs = Array.from({ length: context.inputCount - 1 }, (_, i) => context.input(i + 1));
  const batch = (inputs.at(-1) as Tensor).shape[0] ?? 0;
  ensure(
    batch > 0 && inputs.every(({ shape }) => shape[0] === batch),
    'its inputs have different batch sizes',
  );
  const entries = Array.from({ length: batch }, (_, n) => {
    const own = inputs.map((input) => slice(context, input, 0, n));
    return runScan(context, {
      states: own.slice(0, first - 1),
      scanned: own.slice(first - 1),
      axes: own.slice(first - 1).map(() => 0),
      directions: context.ints('directions', []),
      outputAxes: [],
      outputDirections: [],
    });
  });
  return (entries[0] as Value[]).map((_, i) =>
    collected(
      context,
      entries.map((values) => tensorOf(values[i])),
      0,
    ),
  );
}

function runScan(context: Context, plan: ScanPlan): Value[] {
  const { scanned, axes, directions, outputAxes, outputDirections } = plan;
  const lengths = scanned.map(({ shape }, i) => shape[axes[i] as number] as number);
  const [passes] = lengths as [number];
  ensure(
    lengths.every((length) => length === passes),
    `its inputs have ${lengths.join(', ')} positions to scan; their numbers must be equal`,
  );
  ensure(passes <= MAX_PASSES, `it runs ${passes} times, of ${MAX_PASSES}; export with fewer passes`);
  let states = plan.states;
  const lists: Tensor[][] = Array.from(
    { length: context.graph('body').outputs.length - states.length },
    () => [],
  );
  for (let pass = 0; pass < passes; pass++) {
    const parts = scanned.map((x, i) =>
      slice(context, x, axes[i] as number, directions[i] === 1 ? passes - 1 - pass : pass),
    );
    const results = context.run('body', [...states, ...parts], { pass });
    states = results.slice(0, states.length);
    lists.forEach((list, i) => {
      const value = tensorOf(results[states.length + i]);
      if (outputDirections[i] === 1) list.unshift(value);
      else list.push(value);
    });
  }
  return [...states, ...lists.map((list, i) => collected(context, list, outputAxes[i] ?? 0))];
}

/** @see https://onnx.ai/onnx/operators/onnx__Scan.html */
export const operators: Operators = { Scan };
