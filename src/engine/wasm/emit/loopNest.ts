import { append, appendRepeat, appendWhen, type Code, get, i32Const, set } from '../../../wasm/assembler.ts';
import { control, i32 } from '../../../wasm/opcodes.ts';
import type { Addresses } from './addresses.ts';
import type { TileContext } from './context.ts';

/**
 * Writes the loops of a tile around the code that values and addresses have collected for each level.
 *
 * @param accumulators code that starts the accumulators, before the fold loops
 */
export function writeLoops(
  context: TileContext,
  addresses: Addresses,
  accumulators: Code,
  out: number[],
): void {
  const { kernel, tile, tiling, values, around, depth, postLevel, lastItem } = context;
  const { regions } = values;

  const writeLevel = (level: number): void => {
    append(out, regions[level]!);
    if (level === kernel.outputs && context.hasFold) append(out, accumulators);
    if (level < depth) {
      append(out, addresses.before[level]!);
      writeLoop(level);
    }
    if (level === kernel.outputs) append(out, regions[postLevel]!);
  };

  const writeLoop = (level: number): void => {
    const { start, end, step } = tile.ranges[level]!;
    if (end - start === step) {
      writeLevel(level + 1);
      return;
    }
    const isSplit = context.isSplit(level);
    const counter = values.newLocal('i32');
    append(out, set(counter, isSplit ? get(around.from) : i32Const(start)));
    const next = set(counter, [...get(counter), ...i32Const(isSplit ? 1 : step), ...i32.add]);
    const last = isSplit ? get(lastItem) : i32Const(end);
    appendRepeat(out, [...get(counter), ...last, ...i32.lt_u], () => {
      writeLevel(level + 1);
      append(out, addresses.ends[level]!);
      append(out, next);
    });
  };

  const { splitLoop, unit } = tiling;
  if (splitLoop < 0) {
    writeLevel(0);
    return;
  }
  // The tile runs if the range of work items contains any of its own.
  const { start, end } = tile.ranges[splitLoop]!;
  const item = (index: number) => i32Const(index / unit);
  let condition: Code;
  if (context.isRest(splitLoop)) {
    condition = [
      ...get(around.from),
      ...item(start),
      ...i32.le_u,
      ...get(around.to),
      ...item(start),
      ...i32.gt_u,
      ...i32.and,
    ];
  } else {
    const least = [...get(around.to), ...item(end), ...get(around.to), ...item(end)];
    append(out, set(lastItem, [...least, ...i32.lt_u, ...control.select]));
    condition = [...get(around.from), ...get(lastItem), ...i32.lt_u];
  }
  appendWhen(out, condition, () => writeLevel(0));
}
