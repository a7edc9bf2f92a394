import { ImportError, quoted, Refusal } from '../errors.ts';
import type { Extent, GraphValue } from '../read/graph.ts';

/** Sizes of the model's open dimensions, by name or as `<input>.<position>`. */
export type Dims = Readonly<Record<string, number>>;

/** A dimension's size: its own, or the one given for its position or name. */
export const sizeOfExtent = (input: string, extent: Extent, i: number, dims: Dims): number | undefined =>
  typeof extent === 'number' ? extent : (dims[`${input}.${i}`] ?? (extent === '' ? undefined : dims[extent]));

/** The shape of an input. @throws Refusal if a dimension has no size */
export function extentsOf({ name, shape }: GraphValue, dims: Dims): number[] {
  const size = (extent: Extent, i: number): number | undefined => sizeOfExtent(name, extent, i, dims);
  const missing = shape.flatMap((extent, i) =>
    size(extent, i) === undefined ? [`--dim ${extent === '' ? `${name}.${i}` : extent}=N`] : [],
  );
  if (missing.length > 0) {
    const known = shape.map((extent, i) => size(extent, i) ?? '?').join(',');
    throw new Refusal(
      `the shape [${known}] has dimensions without a size; bind them with ${missing.join(' ')}`,
    );
  }
  return shape.map((extent, i) => size(extent, i) as number);
}

/** @throws ImportError for a dimension that no input has, which would silently be without effect, or a size that is none */
export function checkDims(inputs: readonly GraphValue[], dims: Dims): void {
  const names = new Set(
    inputs.flatMap(({ name, shape }) =>
      shape.flatMap((extent, i) => [`${name}.${i}`, ...(typeof extent === 'string' ? [extent] : [])]),
    ),
  );
  for (const [name, size] of Object.entries(dims)) {
    const all = inputs.flatMap(({ shape }) =>
      shape.filter((extent) => typeof extent === 'string' && extent !== ''),
    );
    if (!names.has(name)) {
      const hint =
        all.length > 0
          ? `those with a name are ${[...new Set(all)].map((one) => quoted(String(one))).join(', ')}`
          : 'all its dimensions have sizes';
      throw new ImportError(`--dim ${quoted(name)}: no input has such a dimension; ${hint}`);
    }
    if (!Number.isInteger(size) || size < 0 || size >= 2 ** 31) {
      throw new ImportError(`--dim ${quoted(name)}: ${size} is no 31-bit size`);
    }
  }
}
