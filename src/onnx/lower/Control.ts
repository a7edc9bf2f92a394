import { ensure } from '../errors.ts';
import { select } from '../ir/expression.ts';
import type { Tensor } from '../ir/tensor.ts';
import { type Context, type Lowering, scalarOf } from './context.ts';
import { elementwise } from './elementwise.ts';

/**
 * If: the branch that is taken, where the condition is known; otherwise both branches, and each element from the
 * one or the other, which is the same as long as shapes and types agree.
 */
const If: Lowering = (context) => {
  const condition = context.input(0);
  const known = scalarOf(condition);
  if (known !== undefined) return context.run(known !== 0 ? 'then_branch' : 'else_branch', []);
  const yes = context.run('then_branch', []);
  const no = context.run('else_branch', []);
  return yes.map((tensor, i) => chosen(context, condition, tensor, no[i]));
};

function chosen(context: Context, condition: Tensor, yes: Tensor, no: Tensor | undefined): Tensor {
  ensure(no, 'its branches yield different numbers of tensors');
  ensure(
    yes.type === no.type && `${yes.shape}` === `${no.shape}`,
    `its branches yield shapes [${yes.shape}] and [${no.shape}], and the condition "${condition.name}" depends on the model's inputs; fix it with --bind ${condition.name}=FILE`,
  );
  return elementwise(context, [condition, yes, no], yes.type, select);
}

export const Control: Readonly<Record<string, Lowering>> = { If };
