import type { LoopNode } from '../../program/node.ts';
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
} from '../../wasm/assembler.ts';
import { control, i32 } from '../../wasm/opcodes.ts';
import type { Stage } from './box.ts';
import type { Access, Nest } from './nest.ts';
import type { Tiling } from './tile.ts';
import { type Origin, TileWriter } from './tileWriter.ts';

/** A nest ready to be written. */
export interface Part {
  readonly loop: LoopNode;
  readonly nest: Nest;
  readonly tiling: Tiling;
  /** The stage that it computes; the node's tensor if left out. */
  readonly target?: number;
}

/** What is copied for each block of turns, by the thread that computes it. */
export interface Banded extends Part {
  readonly target: number;
  readonly band: NonNullable<Stage['band']>;
}

/** Parts of one function: the last one's turns in blocks, each after the bands that it reads. */
export interface Step {
  readonly bands: readonly Banded[];
  readonly part: Part;
}

/** Where everything is that a step reads and writes, bytes. */
export interface Places {
  /** Of a byte of another node's tensor. */
  readonly source: (node: number, byte: number) => number;
  /** Of the node's own tensor. */
  readonly target: number;
  /** Of each packing of the plan. */
  readonly packings: readonly number[];
  /** Of what each stage copies; of bands, those of the first thread. */
  readonly stages: readonly number[];
  /** How far apart bands of two threads are. */
  readonly threadBytes: number;
}

/** The function of one step: its tiles, block after block of turns, each after its bands. */
export function stepBody({ bands, part }: Step, name: string, places: Places): FunctionBody {
  const { turns, block, unit } = part.tiling;
  const locals: ValueType[] = ['i32', 'i32'];
  const params: ValueType[] = ['i32', 'i32'];
  const [from, to, first, last] = [0, 1, 2, 3];
  const newLocal = () => params.length + locals.push('i32') - 1;
  const isBlocked = block < turns;
  const turn = isBlocked ? { from: first, to: last } : { from, to };
  /** Where the first index of each stage's dimension would be, if it were there. */
  const bases = new Map(bands.map(({ target }) => [target, newLocal()]));
  const staged = (stage: number): Origin => {
    const base = bases.get(stage);
    return base === undefined ? { offset: places.stages[stage]! } : { offset: 0, base };
  };
  const source = ({ region }: Access, node: number): Origin => {
    if (region.kind === 'packed') return { offset: places.packings[region.index]! };
    return region.kind === 'staged' ? staged(region.stage) : { offset: places.source(node, region.start) };
  };
  const code: number[] = [];
  const write = ({ loop, nest, tiling, target }: Part, range: { from: number; to: number }) => {
    const origin = target === undefined ? { offset: places.target } : staged(target);
    const writing = { ...{ loop, nest, tiling, source, locals }, target: origin, ...range };
    for (const tile of tiling.tiles) new TileWriter(writing, tile).write(code);
  };
  const writeBand = (banded: Banded) => {
    const { course, stride, width } = banded.band;
    const [start, end] = [newLocal(), newLocal()];
    /** What one turn of the copy is worth in the dimension. */
    const worth = banded.tiling.unit * width;
    /** The copy's turn with the first index that a turn of the part reads, so many indices added. */
    const turnWith = (local: number, more: number) => [
      ...[
        ...get(local),
        ...i32Const(course.step * unit),
        ...i32.mul,
        ...i32Const(course.first + more),
        ...i32.add,
      ],
      ...(worth > 1 ? [...i32Const(worth), ...i32.div_u] : []),
    ];
    append(code, set(start, turnWith(turn.from, 0)));
    append(code, set(end, turnWith(turn.to, course.span - course.step + worth - 1)));
    const thread = [...threadNumber, ...i32Const(places.threadBytes), ...i32.mul];
    const own = [...thread, ...i32Const(places.stages[banded.target]!), ...i32.add];
    const skipped = [...get(start), ...i32Const(worth * stride), ...i32.mul];
    append(code, set(bases.get(banded.target)!, [...own, ...skipped, ...i32.sub]));
    write(banded, { from: start, to: end });
  };
  const writeBlock = () => {
    for (const band of bands) writeBand(band);
    write(part, turn);
  };
  if (!isBlocked) {
    writeBlock();
    return { name, params, locals, code };
  }
  const end = [...get(first), ...i32Const(block), ...i32.add];
  const isLeft = [...get(first), ...get(to), ...i32.lt_u];
  append(code, set(first, get(from)));
  appendWhen(code, isLeft, () =>
    appendRepeat(code, isLeft, () => {
      append(code, set(last, [...end, ...get(to), ...end, ...get(to), ...i32.lt_u, ...control.select]));
      writeBlock();
      append(code, set(first, get(last)));
    }),
  );
  return { name, params, locals, code };
}
