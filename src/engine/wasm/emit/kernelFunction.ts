import {
  append,
  appendRepeat,
  appendWhen,
  type FunctionBody,
  get,
  i32Const,
  set,
  threadNumber,
  type ValueType,
} from '../../../wasm/assembler.ts';
import { control, i32 } from '../../../wasm/opcodes.ts';
import type { Access, BufferBand, Kernel } from '../../kernel/kernel.ts';
import type { Origin } from './context.ts';
import { writeTile } from './tile.ts';

/** A generated function of (from, to): it does work items `from` to `to - 1` of so many, which are independent. */
export interface KernelFunction {
  readonly body: FunctionBody;
  readonly items: number;
}

/** The places in memory of everything that a kernel reads and writes, bytes. */
export interface KernelPlaces {
  /** Address of a byte of another node's tensor. */
  readonly source: (node: number, byte: number) => number;
  /** Address of what the kernel stores. */
  readonly target: number;
  /** Address of each packed buffer. */
  readonly packed: readonly number[];
  /** Address of each scratch buffer; of one that holds a band, that of the first thread. */
  readonly scratch: readonly number[];
  /** Distance of the bands of two threads. */
  readonly threadBytes: number;
}

/**
 * The function of a kernel. If scratch buffers hold row bands, it goes through the work items in cache blocks, and fills
 * the band of each block before computing it.
 */
export function kernelFunction(kernel: Kernel, name: string, places: KernelPlaces): KernelFunction {
  const { items, block, unit } = kernel.tiling!;
  const params: ValueType[] = ['i32', 'i32'];
  const locals: ValueType[] = ['i32', 'i32'];
  const [from, to, blockFrom, blockTo] = [0, 1, 2, 3];
  const newLocal = () => params.length + locals.push('i32') - 1;
  const isBlocked = block < items;
  const range = isBlocked ? { from: blockFrom, to: blockTo } : { from, to };
  /** Locals that hold where each band's buffer would start if it held the whole dimension. */
  const bases = new Map(kernel.scratch.flatMap(({ band }, i) => (band ? [[i, newLocal()] as const] : [])));
  const scratch = (buffer: number): Origin => {
    const base = bases.get(buffer);
    return base === undefined ? { offset: places.scratch[buffer]! } : { offset: 0, base };
  };
  const source = (access: Access): Origin => {
    const read = access.source;
    if (read.kind === 'packed') return { offset: places.packed[read.buffer]! };
    if (read.kind === 'scratch') return scratch(read.buffer);
    return { offset: places.source(read.node, read.start) };
  };
  const code: number[] = [];
  const writeTiles = (written: Kernel, target: Origin, items: { from: number; to: number }) => {
    const around = { kernel: written, source, target, locals, ...items };
    for (const tile of written.tiling!.tiles) writeTile(around, tile, code);
  };
  const writeBand = (buffer: number, fill: Kernel, { course, stride, width }: BufferBand) => {
    const [start, end] = [newLocal(), newLocal()];
    /** Indices of the dimension that one work item of the fill covers. */
    const covered = fill.tiling!.unit * width;
    /** The work item of the fill that has the first index which a work item of the kernel reads, plus `more`. */
    const itemWith = (local: number, more: number) => [
      ...get(local),
      ...i32Const(course.step * unit),
      ...i32.mul,
      ...i32Const(course.first + more),
      ...i32.add,
      ...(covered > 1 ? [...i32Const(covered), ...i32.div_u] : []),
    ];
    append(code, set(start, itemWith(range.from, 0)));
    append(code, set(end, itemWith(range.to, course.span - course.step + covered - 1)));
    const thread = [...threadNumber, ...i32Const(places.threadBytes), ...i32.mul];
    const own = [...thread, ...i32Const(places.scratch[buffer]!), ...i32.add];
    const skipped = [...get(start), ...i32Const(covered * stride), ...i32.mul];
    append(code, set(bases.get(buffer)!, [...own, ...skipped, ...i32.sub]));
    writeTiles(fill, scratch(buffer), { from: start, to: end });
  };
  const writeBlock = () => {
    for (const [i, { fill, band }] of kernel.scratch.entries()) if (band) writeBand(i, fill, band);
    writeTiles(kernel, { offset: places.target }, range);
  };
  const body: FunctionBody = { name, params, locals, code };
  if (!isBlocked) {
    writeBlock();
    return { body, items };
  }
  const end = [...get(blockFrom), ...i32Const(block), ...i32.add];
  const isLeft = [...get(blockFrom), ...get(to), ...i32.lt_u];
  append(code, set(blockFrom, get(from)));
  appendWhen(code, isLeft, () =>
    appendRepeat(code, isLeft, () => {
      append(code, set(blockTo, [...end, ...get(to), ...end, ...get(to), ...i32.lt_u, ...control.select]));
      writeBlock();
      append(code, set(blockFrom, get(blockTo)));
    }),
  );
  return { body, items };
}
