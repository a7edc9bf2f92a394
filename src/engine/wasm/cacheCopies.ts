import { ELEMENT_BYTES, type Node, sizeOf } from '../../program/node.ts';
import { type Code, get, i32Const, memory, repeat, set, type ValueType, when } from '../../wasm/assembler.ts';
import { bulk, i32 } from '../../wasm/opcodes.ts';
import { type CacheWrite, type ProgramPart, rowsIn } from '../cached.ts';
import type { Layout } from '../memory/layout.ts';
import type { Work } from '../threads/schedule.ts';
import type { KernelFunction } from './emit/kernelFunction.ts';

/** The work that copies the rows of a loop to their cache, after the loop. */
export interface CacheCopy extends KernelFunction {
  readonly rows: number;
  readonly work: Work;
}

/** @param layout in which caches and their new rows have places of their own */
export function cacheCopies(
  nodes: readonly Node[],
  parts: readonly ProgramPart[],
  { tensors }: Pick<Layout, 'tensors'>,
): CacheCopy[] {
  return parts.flatMap(({ first, writes }) =>
    writes.map((write): CacheCopy => {
      const { cache, rows, outer, inner, isTurned } = write;
      const read = nodes[rows]!;
      const items = isTurned ? outer * inner : outer;
      const code = copyCode(write, {
        ...{ from: tensors[rows]!, to: tensors[cache]!, first: tensors[first]! },
        width: ELEMENT_BYTES[read.dtype],
        ...{ count: rowsIn(read, write), all: rowsIn(nodes[cache]!, write) },
      });
      const name = `cache${rows}`;
      const body = { name, params: PARAMS, locals: LOCALS, code };
      return { body, items, rows, work: { name, items, cost: sizeOf(read.shape) } };
    }),
  );
}

interface Copied {
  /** Addresses of the new rows, of the cache, and of the number of the first row. */
  readonly from: number;
  readonly to: number;
  readonly first: number;
  /** Bytes of an element. */
  readonly width: 1 | 4;
  /** Rows that are new, and rows of the cache. */
  readonly count: number;
  readonly all: number;
}

const PARAMS: readonly ValueType[] = ['i32', 'i32'];
const LOCALS: readonly ValueType[] = ['i32', 'i32', 'i32', 'i32'];
const [ITEM, END, ROW, SOURCE, TARGET, LEFT] = [0, 1, 2, 3, 4, 5];

const plus = (a: Code, b: number): Code => [...a, ...i32Const(b), ...i32.add];
const times = (a: Code, b: number): Code => [...a, ...i32Const(b), ...i32.mul];
const sum = (a: Code, b: Code): Code => [...a, ...b, ...i32.add];

/** Work items are the parts outside of the rows, and in a turned cache each element of a row. */
function copyCode({ inner, isTurned }: CacheWrite, { from, to, first, width, count, all }: Copied): Code {
  const bytes = inner * width;
  const rows: Code = [
    ...set(SOURCE, plus(times(get(ITEM), count * bytes), from)),
    ...set(TARGET, plus(sum(times(get(ITEM), all * bytes), times(get(ROW), bytes)), to)),
    ...[...get(TARGET), ...get(SOURCE), ...i32Const(count * bytes), ...bulk.copy],
  ];
  const outside = [...get(ITEM), ...i32Const(inner), ...i32.div_u];
  const element = [...get(ITEM), ...i32Const(inner), ...i32.rem_u];
  const [load, store] = width === 4 ? [i32.load, i32.store] : [i32.load8_u, i32.store8];
  const elements: Code = [
    ...set(SOURCE, plus(sum(times(outside, count * bytes), times(element, width)), from)),
    ...set(TARGET, plus(sum(times(get(ITEM), all * width), times(get(ROW), width)), to)),
    ...set(LEFT, i32Const(count)),
    ...repeat(
      [
        ...[...get(TARGET), ...get(SOURCE), ...memory(load, 0), ...memory(store, 0)],
        ...set(SOURCE, plus(get(SOURCE), bytes)),
        ...set(TARGET, plus(get(TARGET), width)),
        ...set(LEFT, plus(get(LEFT), -1)),
      ],
      get(LEFT),
    ),
  ];
  const isLeft = [...get(ITEM), ...get(END), ...i32.lt_u];
  return [
    ...set(ROW, [...i32Const(first), ...memory(i32.load, 0)]),
    ...when(isLeft, repeat([...(isTurned ? elements : rows), ...set(ITEM, plus(get(ITEM), 1))], isLeft)),
  ];
}
