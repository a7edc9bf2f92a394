import { branch, type Code, i32Const, i64Const, memory, v128Const } from '../../../wasm/assembler.ts';
import { f32, i32, i64, v128 } from '../../../wasm/opcodes.ts';
import type { Form } from '../../kernel/form.ts';
import { type Access, type Check, dependsOn, ELEMENT_SIZE } from '../../kernel/kernel.ts';
import { SIMD128 } from '../target.ts';
import type { Addresses } from './addresses.ts';
import type { Placed, Point, TileContext } from './context.ts';
import { loadVector, loadWord } from './memoryAccess.ts';
import { fromLanes } from './operations.ts';
import type { SharedValues } from './sharing.ts';
import type { WasmValue } from './values.ts';

/** The address of a load, and the condition under which it is inside; the address may be anything if it is not. */
interface Location {
  readonly address: Code;
  readonly offset: number;
  readonly condition: Code | undefined;
  readonly level: number;
}

/**
 * Writes the loads of a tile. A load that may be outside is a branch: loading anyway and selecting afterwards could trap.
 */
export class Loads {
  readonly #context: TileContext;
  readonly #addresses: Addresses;
  readonly #sharing: SharedValues;

  constructor(context: TileContext, addresses: Addresses, sharing: SharedValues) {
    this.#context = context;
    this.#addresses = addresses;
    this.#sharing = sharing;
  }

  /** The word or words that an access reads at a point. */
  load(access: number, point: Point): WasmValue {
    const { tile, kernel, values } = this.#context;
    const key = this.#sharing.key(point, this.#sharing.accessBits(access));
    return this.#sharing.once(`operand ${access} ${key}`, () => {
      const { isAlwaysOutside, fill } = kernel.accesses[access]!;
      if (isAlwaysOutside) return values.constant(fill);
      const isVector = tile.vectors > 0 && point.lane < 0 && dependsOn(kernel, access, tile.laneLoop);
      return isVector ? this.#loadVector(access, point) : this.#loadWord(access, point);
    });
  }

  #loadWord(position: number, point: Point): WasmValue {
    const { element, fill } = this.#context.kernel.accesses[position]!;
    const { values } = this.#context;
    const { address, offset, condition, level } = this.#locate(position, point);
    const type = element === 'f32' ? 'f32' : 'i32';
    const load = loadWord(element, address, offset);
    const splat =
      ELEMENT_SIZE[element] === 4 ? [...address, ...memory(v128.load32_splat, offset)] : undefined;
    if (!condition) return values.define(level, type, load, true, splat);
    const word: Code = type === 'f32' ? [...i32Const(fill), ...f32.reinterpret_i32] : i32Const(fill);
    const fills = v128Const(fill, fill, fill, fill);
    return values.define(
      level,
      type,
      branch(type, condition, load, word),
      true,
      splat && branch('v128', condition, splat, fills),
    );
  }

  #loadVector(position: number, point: Point): WasmValue {
    const { kernel, tile, values } = this.#context;
    const access = kernel.accesses[position]!;
    const { element, fill, address: form } = access;
    const isUniform = this.#isUniform(access, tile.laneLoop);
    const laneStride = form.laneStride ?? form.coefficients[tile.laneLoop]!;
    if (!isUniform || laneStride !== ELEMENT_SIZE[element])
      return this.#gatherLanes(position, point, isUniform);
    const { address, offset, condition, level } = this.#locate(position, point);
    const load = loadVector(element, address, offset, this.#context.lanesAt(point));
    const code = condition ? branch('v128', condition, load, v128Const(fill, fill, fill, fill)) : load;
    return values.define(level, 'v128', code);
  }

  /** Loads the lanes of a vector one by one. */
  #gatherLanes(position: number, point: Point, isUniform: boolean): WasmValue {
    const { kernel, values } = this.#context;
    const { element } = kernel.accesses[position]!;
    const lanes = this.#context.lanesAt(point);
    // Lanes past the end repeat the last one, so that every load stays in bounds.
    const points = [0, 1, 2, 3].map((lane) => ({ ...point, lane: Math.min(lane, lanes - 1) }));
    if (isUniform && ELEMENT_SIZE[element] === 4 && !this.#locate(position, point).condition) {
      const locations = points.map((one) => this.#locate(position, one));
      const [first, ...others] = locations;
      let code: Code = [...first!.address, ...memory(v128.load32_zero, first!.offset)];
      for (const [i, { address, offset }] of others.entries()) {
        code = [...address, ...code, ...memory(v128.load32_lane, offset), i + 1];
      }
      return values.define(Math.max(...locations.map(({ level }) => level)), 'v128', code);
    }
    const loaded = points.map((one) => this.load(position, one));
    const level = Math.max(...loaded.map((value) => value.level));
    const words = loaded.map((value) => values.bits(value));
    return values.define(
      level,
      'v128',
      fromLanes((i) => words[i]!),
    );
  }

  /** Whether the lanes of every vector are all inside or all outside, and have the same quotients and gathers. */
  #isUniform({ checks, quotients, gathers }: Access, laneLoop: number): boolean {
    // Vectors start at multiples of their lanes. If everything else is a multiple of what a vector's lanes are worth,
    // no lane is beyond an end that another one has not reached.
    const isWhole = ({ constant, coefficients }: Form, end: number): boolean => {
      const along = coefficients[laneLoop]!;
      const others = coefficients.filter((_, i) => i !== laneLoop);
      return (
        along === 0 ||
        (along > 0 && [constant, end, ...others].every((n) => n % (SIMD128.lanes * along) === 0))
      );
    };
    return (
      checks.every(({ form, bound, multipleOf }) =>
        multipleOf > 1 ? form.coefficients[laneLoop] === 0 : isWhole(form, bound!),
      ) &&
      quotients.every(({ form, divisor }) => isWhole(form, divisor)) &&
      !gathers.some(({ access }) => dependsOn(this.#context.kernel, access, laneLoop))
    );
  }

  #locate(position: number, point: Point): Location {
    const { kernel, around, values } = this.#context;
    const access = kernel.accesses[position]!;
    const origin = around.source(access);
    const conditions = access.checks.flatMap((check) => this.#conditions(check, point));
    const parts: Placed[] = access.quotients.map(({ form, divisor, stride }) => {
      const { code, level } = this.#addresses.at(form, point);
      const quotient = form.wide
        ? [...code, ...i64Const(divisor), ...i64.div_u, ...i32.wrap_i64]
        : [...code, ...i32Const(divisor), ...i32.div_u];
      return { code: [...quotient, ...i32Const(stride), ...i32.mul], level };
    });
    for (const gather of access.gathers) {
      const value = this.load(gather.access, point);
      const coordinate = values.lane(value, Math.max(0, point.lane));
      conditions.push({ code: [...coordinate, ...i32Const(gather.extent), ...i32.lt_u], level: value.level });
      parts.push({ code: [...coordinate, ...i32Const(gather.stride), ...i32.mul], level: value.level });
    }
    let { code: address, level } = this.#addresses.first(access.address, origin.base);
    for (const part of parts) {
      level = Math.max(level, part.level);
      address = [...address, ...part.code, ...i32.add];
    }
    const delta = this.#addresses.delta(access.address, point);
    const isStatic = delta >= 0 && !this.#isSelectionVarying(access);
    if (!isStatic) address = [...address, ...i32Const(delta), ...i32.add];
    if (parts.length > 0) address = values.use(values.define(level, 'i32', address));
    const condition = this.#all(conditions);
    return {
      address,
      offset: origin.offset + (isStatic ? delta : 0),
      condition: condition?.code,
      level: Math.max(level, condition?.level ?? 0),
    };
  }

  /**
   * Whether the address varies within the tile in any other way than by its affine form. If so, a point's delta may not
   * become the offset of a load instruction: offsets do not wrap, so the address before it must be one that is read too.
   */
  #isSelectionVarying({ checks, quotients, gathers }: Access): boolean {
    const { kernel, tile } = this.#context;
    const { rowLoop, laneLoop, ranges } = tile;
    const unrolled = kernel.extents.flatMap((_, loop) =>
      loop >= kernel.outputs && ranges[loop]!.step > 1 ? [loop] : [],
    );
    return [rowLoop, laneLoop, ...unrolled].some(
      (loop) =>
        loop >= 0 &&
        ([...checks, ...quotients].some(({ form }) => form.coefficients[loop] !== 0) ||
          gathers.some(({ access }) => dependsOn(kernel, access, loop))),
    );
  }

  #conditions({ form, bound, multipleOf }: Check, point: Point): Placed[] {
    const { code, level } = this.#addresses.at(form, point);
    const conditions: Placed[] = [];
    if (bound !== undefined) {
      const below = form.wide ? [...i64Const(bound), ...i64.lt_u] : [...i32Const(bound), ...i32.lt_u];
      conditions.push({ code: [...code, ...below], level });
    }
    if (multipleOf > 1) {
      const divides = form.wide
        ? [...i64Const(multipleOf), ...i64.rem_u, ...i64.eqz]
        : [...i32Const(multipleOf), ...i32.rem_u, ...i32.eqz];
      conditions.push({ code: [...code, ...divides], level });
    }
    return conditions;
  }

  /** The conjunction of conditions, outermost first, so that each is computed as rarely as possible. */
  #all(conditions: readonly Placed[]): Placed | undefined {
    const { values } = this.#context;
    let all: Placed | undefined;
    for (const condition of [...conditions].sort((a, b) => a.level - b.level)) {
      const code: Code = all ? [...all.code, ...condition.code, ...i32.and] : condition.code;
      const value = this.#sharing.once(`condition ${condition.level} ${code.join()}`, () =>
        values.define(condition.level, 'i32', code),
      );
      all = { code: values.use(value), level: condition.level };
    }
    return all;
  }
}
