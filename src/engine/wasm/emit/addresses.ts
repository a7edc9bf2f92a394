import { type Code, get, i32Const, i64Const, set } from '../../../wasm/assembler.ts';
import { i32, i64 } from '../../../wasm/opcodes.ts';
import type { Form } from '../../kernel/form.ts';
import { SIMD128 } from '../target.ts';
import type { Placed, Point, TileContext } from './context.ts';

/**
 * Values of affine forms. Each is an induction variable: a local that every loop advances by the form's coefficient at the
 * end of an iteration (strength reduction).
 */
export class Addresses {
  /** Code before each loop: the start values of its induction variables. */
  readonly before: number[][];
  /** Code at the end of each loop's body: the advances of its induction variables. */
  readonly ends: number[][];
  readonly #context: TileContext;
  readonly #inductions = new Map<string, number>();

  constructor(context: TileContext) {
    this.#context = context;
    this.before = context.kernel.extents.map(() => []);
    this.ends = context.kernel.extents.map(() => []);
  }

  /** The value of a form at a point. */
  at(form: Form, point: Point): Placed {
    const { code, level } = this.first(form);
    const delta = this.delta(form, point);
    if (delta === 0) return { code, level };
    return {
      code: [...code, ...(form.wide ? [...i64Const(delta), ...i64.add] : [...i32Const(delta), ...i32.add])],
      level,
    };
  }

  /** The distance of a form's value at a point from that at the tile's first element. */
  delta({ coefficients, wide, laneStride }: Form, { row, vector, lane, step }: Point): number {
    const { tile, kernel } = this.#context;
    const { rowLoop, laneLoop, vectors, steps } = tile;
    const along = vectors > 0 ? SIMD128.lanes * vector + Math.max(0, lane) : 0;
    const multiply = product(wide);
    const parts = [
      rowLoop >= 0 ? multiply(coefficients[rowLoop]!, row) : 0,
      laneLoop >= 0 ? multiply(laneStride ?? coefficients[laneLoop]!, along) : 0,
      ...steps[step]!.map((index, i) => multiply(coefficients[kernel.outputs + i]!, index)),
    ];
    return parts.reduce((sum, part) => sum + part, 0);
  }

  /** The value of a form at the tile's first element, plus the local `base` if given, for forms that are not wide. */
  first({ constant, coefficients, wide }: Form, base?: number): Placed {
    const { tile, values } = this.#context;
    const constantOf = wide ? i64Const : i32Const;
    const add = wide ? i64.add : i32.add;
    let key = `${wide} ${constant} ${base}`;
    let code = base === undefined ? constantOf(constant) : [...get(base), ...constantOf(constant), ...add];
    let level = 0;
    coefficients.forEach((coefficient, loop) => {
      if (coefficient === 0) return;
      key += ` ${loop}*${coefficient}`;
      const { start, end, step } = tile.ranges[loop]!;
      level = loop + 1;
      // A loop of one iteration has no index.
      if (start === 0 && end === step) return;
      let local = this.#inductions.get(key);
      if (local === undefined) {
        local = values.newLocal(wide ? 'i64' : 'i32');
        this.#inductions.set(key, local);
        this.before[loop]!.push(...set(local, code), ...this.#skip(loop, local, coefficient, start, wide));
        const advance = constantOf(product(wide)(coefficient, step));
        this.ends[loop]!.push(...set(local, [...get(local), ...advance, ...add]));
      }
      code = get(local);
    });
    return { code, level };
  }

  /** Advances an induction variable from index 0 to the first index of its loop. */
  #skip(loop: number, local: number, coefficient: number, start: number, wide: boolean): Code {
    const { around, tiling } = this.#context;
    const constantOf = wide ? i64Const : i32Const;
    const [multiply, add] = wide ? [i64.mul, i64.add] : [i32.mul, i32.add];
    if (!this.#context.isSplit(loop)) {
      const skipped = product(wide)(coefficient, start);
      return skipped === 0 ? [] : set(local, [...get(local), ...constantOf(skipped), ...add]);
    }
    const first = [
      ...get(around.from),
      ...i32Const(tiling.unit),
      ...i32.mul,
      ...(wide ? i64.extend_i32_u : []),
    ];
    return set(local, [...get(local), ...first, ...constantOf(coefficient), ...multiply, ...add]);
  }
}

/** Multiplication of a coefficient, modulo 2^32 unless wide. */
const product = (wide: boolean) => (wide ? (a: number, b: number) => a * b : Math.imul);
