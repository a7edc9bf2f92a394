import { quoted, Refusal } from '../errors.ts';
import { boundsOf, type Tensor } from '../ir/tensor.ts';
import type { Range } from '../types.ts';
import type { Context } from './context.ts';

/**
 * RULE: a row that is known at import to be read is in its table. onnxruntime stops at any other, so there is no answer
 * to agree with. Of a row that depends on data a program must have an answer, which is 0.
 */

/** @throws Refusal if the rows of a table reach beyond it */
export function ensureRows(
  context: Context,
  table: Tensor,
  axis: number,
  { low, high }: Range,
  least = 0,
): void {
  const extent = table.shape[axis] as number;
  // Data may keep a node in a branch, or in a later pass of a loop, from running.
  if (!context.isCertain || low > high || (low >= least && high < extent)) return;
  const what = axis === 0 ? 'row' : 'place';
  const along = axis === 0 ? '' : ` along axis ${axis}`;
  throw new Refusal(
    `it reads ${what} ${high < extent ? low : high} of ${quoted(table.name)}, a table of ${extent}${along}`,
    [],
    { extent, low, high },
  );
}

/** @throws Refusal if one of the rows that are read is known, and outside the table; rows may be negative down to `least` */
export function ensureInside(
  context: Context,
  table: Tensor,
  axis: number,
  { rows, least = 0 }: { readonly rows: Tensor; readonly least?: number },
): void {
  const bounds = boundsOf(rows);
  if (bounds.low >= least && bounds.high < (table.shape[axis] as number)) return;
  const words = rows.wide ?? context.knownWords(rows);
  if (!words) return;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < words.length; i++) {
    const row = rows.wide ? (words[i] as number) : (words[i] as number) | 0;
    low = Math.min(low, row);
    high = Math.max(high, row);
  }
  ensureRows(context, table, axis, { low, high }, least);
}
