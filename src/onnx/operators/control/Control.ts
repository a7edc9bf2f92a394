import { ensure } from '../../errors.ts';
import { i32, select } from '../../ir/expression.ts';
import { constantIndex } from '../../ir/indices.ts';
import { boundsOf, elementCount, type Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { hull } from '../elementwise.ts';
import { collected, tensorOf } from '../tensor/stack.ts';
import { isTensor, scalarOf, type Value } from '../value.ts';

/** Control flow, which is resolved at import: a branch is taken, a loop is unrolled. */

/** Passes that one loop may take. */
export const MAX_PASSES = 4096;

/**
 * If: the branch that is taken, where the condition is known; otherwise both, and each element from the one or
 * the other, which comes to the same because every operator is defined on all values.
 */
const If: Lowering = (context) => {
  const condition = context.input(0);
  ensure(elementCount(condition) === 1, `the condition has ${elementCount(condition)} elements`);
  const known = scalarOf(condition);
  if (known !== undefined) {
    context.disregard('then_branch', 'else_branch');
    context.take(known !== 0);
    return context.run(known !== 0 ? 'then_branch' : 'else_branch', []);
  }
  context.note(`both branches are computed, because "${condition.name}" depends on the model's inputs`);
  const yes = context.run('then_branch', [], { isCertain: false });
  const no = context.run('else_branch', [], { isCertain: false });
  return yes.map((value, i) => chosen(context, condition, value, no[i]));
};

/** One value or the other by a condition of one element. */
function chosen(context: Context, condition: Tensor, yes: Value, no: Value | undefined): Value {
  if (yes === no) return yes;
  // Sequences, and tensors of different shapes, have no elements to choose between.
  if (!no || !isTensor(yes) || !isTensor(no) || yes.type !== no.type || `${yes.shape}` !== `${no.shape}`) {
    throw context.dependent('the condition, which decides between different shapes,', condition);
  }
  const [a, b] = [boundsOf(yes), boundsOf(no)];
  return context.define({
    type: yes.type,
    shape: yes.shape,
    ...(yes.type.family === 'float' ? {} : { range: hull([a.low, a.high, b.low, b.high]) }),
    body: (indices) => {
      const decides = at(
        condition,
        condition.shape.map(() => constantIndex(0)),
      );
      return select(decides, at(yes, indices), at(no, indices));
    },
  });
}

/**
 * Loop(M, cond, v…): unrolled. If the condition depends on data, every pass is taken and its values are kept only
 * while the condition holds.
 */
const Loop: Lowering = (context) => {
  const most = context.optional(0) ? context.known(0, 'the trip count')[0] : undefined;
  let condition: Tensor | undefined = context.optional(1);
  let values = Array.from({ length: context.inputCount - 2 }, (_, i) => context.value(i + 2));
  const scans: Tensor[][] = Array.from(
    { length: context.graph('body').outputs.length - 1 - values.length },
    () => [],
  );
  for (let pass = 0; pass < (most ?? Number.POSITIVE_INFINITY); pass++) {
    const known = condition && scalarOf(condition);
    if (known === 0) break;
    if (condition && known === undefined && (most === undefined || most > MAX_PASSES || scans.length > 0)) {
      throw context.dependent('how often it runs', condition);
    }
    ensure(pass < MAX_PASSES, `it runs more than ${MAX_PASSES} times; export with fewer passes`);
    const number = context.constant(TYPES.int64, [], [pass]);
    const holds: Tensor = condition ?? context.constant(TYPES.bool, [], [1]);
    const how = { pass, isCertain: !condition || known !== undefined };
    const [next, ...results] = context.run('body', [number, holds, ...values], how);
    ensure(next && isTensor(next), 'its body yields no condition');
    const carried = results.slice(0, values.length);
    values =
      known === undefined && condition
        ? carried.map((value, i) => chosen(context, holds, value, values[i]))
        : carried;
    scans.forEach((list, i) => {
      list.push(tensorOf(results[values.length + i]));
    });
    condition = known === undefined && condition ? both(context, condition, next) : next;
  }
  return [...values, ...scans.map((list) => collected(context, list, 0))];
};

/** Whether both conditions of one element hold. */
const both = (context: Context, a: Tensor, b: Tensor): Tensor =>
  context.define({
    type: TYPES.bool,
    shape: [],
    range: { low: 0, high: 1 },
    body: () => {
      const [x, y] = [a, b].map((one) =>
        at(
          one,
          one.shape.map(() => constantIndex(0)),
        ),
      );
      return i32.and(x!, y!);
    },
  });

/**
 * @see https://onnx.ai/onnx/operators/onnx__If.html
 * @see https://onnx.ai/onnx/operators/onnx__Loop.html
 */
export const operators: Operators = { If, Loop };
