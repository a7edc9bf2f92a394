import { type DType, sizeOf } from '../../program/node.ts';
import type { Axis } from '../ir/indices.ts';
import { type Words, wordsFor } from '../ir/tensor.ts';
import type { LoopDimension } from './address.ts';
import { summaryOf, type WordSummary } from './summary.ts';

/** Constants of one loop, put together so that what is read together lies together. */

export interface OperandConstant {
  readonly dtype: DType;
  /** Axes that the constant depends on, outermost first. */
  readonly axes: readonly Axis[];
  /** Elements. */
  readonly length: number;
  /** Each access may read them from a file. */
  readonly words: Words;
  readonly summary: WordSummary;
  /** The same object for the same words in the same order. */
  readonly origin: object;
  /** Shape to keep, for a constant that is not laid out for the loop. */
  readonly extents: readonly number[] | undefined;
}

interface Placed {
  readonly at: number;
  readonly constant: OperandConstant;
  readonly view: LoopDimension;
}

/**
 * Constants of the same dtype that depend on the same output axes are interleaved: for each step of those axes a
 * row with the first one's elements, then the next one's (a filter, then its bias). One opening then shows both.
 */
export function packConstants(
  constants: readonly { readonly at: number; readonly constant: OperandConstant }[],
  output: readonly Axis[],
): Placed[] {
  const groups = new Map<string, { at: number; constant: OperandConstant }[]>();
  for (const entry of constants) {
    const { dtype, axes } = entry.constant;
    const outer = axes.filter((axis) => output.includes(axis));
    // With an axis of its own a row is worth sharing; without, the whole constant would be one row.
    const key = `${dtype} ${outer.map(({ id }) => id)}${outer.length === 0 ? ` ${entry.at}` : ''}`;
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return [...groups.values()].flatMap((group) => packGroup(group, output));
}

function packGroup(
  group: readonly { at: number; constant: OperandConstant }[],
  output: readonly Axis[],
): Placed[] {
  const [first] = group;
  if (!first) return [];
  const outer = first.constant.axes.filter((axis) => output.includes(axis));
  const rows = sizeOf(outer.map(({ extent }) => extent));
  const members = group.map(({ at, constant }) => ({
    at,
    constant,
    length: rows === 0 ? 0 : constant.length / rows,
  }));
  // Long rows first: what only `post` reads then comes last, next to the end of the fold.
  members.sort((a, b) => b.length - a.length || a.at - b.at);
  const rowLength = members.reduce((sum, { length }) => sum + length, 0);
  const isAlone = members.length === 1;
  const words = isAlone ? undefined : wordsFor(first.constant.dtype, rows * rowLength);
  let base = 0;
  const placed = members.map(({ at, constant, length }) => {
    if (words) {
      const own = constant.words;
      for (let row = 0; row < rows; row++)
        words.set(own.subarray(row * length, (row + 1) * length), row * rowLength + base);
    }
    const coefficients = new Map<Axis, number>();
    let stride = 1;
    for (const axis of constant.axes.filter((one) => !output.includes(one)).reverse()) {
      coefficients.set(axis, stride);
      stride *= axis.extent;
    }
    stride = rowLength;
    for (const axis of [...outer].reverse()) {
      coefficients.set(axis, stride);
      stride *= axis.extent;
    }
    const offset = base;
    base += length;
    return { at, offset, coefficients };
  });
  const { dtype, origin } = first.constant;
  const summary = words ? summaryOf(words) : first.constant.summary;
  const length = words?.length ?? first.constant.length;
  const constant: OperandConstant = {
    ...{ dtype, length, summary, axes: [], origin: words ?? origin, extents: [length] },
    get words() {
      return words ?? first.constant.words;
    },
  };
  return placed.map(({ at, offset, coefficients }) => ({
    at,
    constant,
    view: { extent: length, coordinate: { offset, divisor: 1, exact: false, coefficients } },
  }));
}
