import { withCheckpoints } from '../../program/blocks.ts';
import { validate } from '../../program/validate.ts';
import { ImportError } from '../errors.ts';
import type { Tensor } from '../ir/tensor.ts';
import { inBlocks } from './blocks.ts';
import type { Compiled, Marks } from './compiled.ts';
import { withCopies } from './copies.ts';
import { draftLoops, type Folder } from './drafts.ts';
import { numberNodes } from './number.ts';

/**
 * Tensors that a program has besides inputs and outputs.
 *
 * @typeParam Mark names of the marked tensors
 */
export interface Besides<Mark extends string> {
  /** Tensors that a claim supplies, in slot order after the inputs. */
  readonly answers?: readonly Tensor[];
  /** Tensors to be stored as nodes of their own and found again by their names. */
  readonly marked: Marks<Mark, Tensor>;
  /** Further tensors to be stored as nodes of their own. */
  readonly stored?: readonly Tensor[];
}

/**
 * Compiles tensors to a program, step by step:
 *
 * | step                                                            | file                                     |
 * | --------------------------------------------------------------- | ---------------------------------------- |
 * | fuse, resolve, lay out and emit, until every loop fits a node   | drafts, fuse; loops/resolve, loops/loop  |
 * | copy what folds would read all over memory                      | copies                                   |
 * | pool constants, number nodes, choose grains                     | number, constants, grain                 |
 * | end blocks where few bytes are live                             | blocks                                   |
 * | mark the tensors that traces commit to                          | program/blocks                           |
 * | check the result by the chain's own rules                       | program/validate                         |
 *
 * @throws ImportError for tensors that no program can compute
 */
export function compile<Mark extends string = never>(
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  folder: Folder,
  { answers = [], marked, stored = [] }: Besides<Mark>,
): Compiled<Mark> {
  const drafts = draftLoops([...outputs, ...Object.values<Tensor>(marked), ...stored], folder);
  const loops = withCopies(drafts);
  const numbered = numberNodes(loops, { inputs, answers, outputs, marked });
  const blocked = inBlocks(numbered);
  const compiled = { ...blocked, program: withCheckpoints(blocked.program) };
  ensureValid(compiled);
  return compiled;
}

/** The compiler must not emit a program that the chain would call malformed. */
function ensureValid({ program, labels }: Pick<Compiled, 'program' | 'labels'>): void {
  const [violation] = validate(program);
  if (violation) {
    throw new ImportError(`${labels[violation.node] ?? 'model'}: ${violation.message}`);
  }
}
