import { CANONICAL_NAN_BITS } from '../../../scalar/float32.ts';
import {
  type Code,
  f32Const,
  get,
  i32Const,
  set,
  type ValueType,
  v128Const,
} from '../../../wasm/assembler.ts';
import { control, f32, f32x4, i32, i32x4, v128 } from '../../../wasm/opcodes.ts';

/**
 * A word, or four of them, that generated code computes once and keeps in a local, at the head of the innermost loop whose
 * index it depends on (loop-invariant code motion). `level` is the number of loops around that place.
 */
export interface WasmValue {
  readonly level: number;
  readonly type: Exclude<ValueType, 'i64'>;
  /** False for the result of a float operation, which may be any NaN: fine to compute with, but not as bits. */
  readonly exact: boolean;
  /** The constant that it is, if known. */
  readonly word: number | undefined;
  readonly code: Code;
  /** Code for four copies of it that is shorter than copying the local. */
  readonly splat: Code | undefined;
  /** The same booleans as lanes of no bits or all bits, for a vector of the words 0 and 1. */
  readonly mask?: WasmValue;
  local: number;
  canonical: WasmValue | undefined;
  vector: WasmValue | undefined;
}

/** Every function has two parameters, which are its first locals. */
const PARAMETERS = 2;

/** The values of one tile, and the code that computes them, by level. */
export class WasmValues {
  readonly locals: ValueType[];
  /** Code by level. */
  readonly regions: number[][];
  /**
   * Least level of values that are defined from now on. Code after a fold is not moved in front of it, where its values
   * would take registers from the fold.
   */
  floor = 0;
  readonly #vectors = new Map<string, WasmValue>();

  constructor(locals: ValueType[], levels: number) {
    this.locals = locals;
    this.regions = Array.from({ length: levels }, () => []);
  }

  newLocal(type: ValueType): number {
    return PARAMETERS + this.locals.push(type) - 1;
  }

  emit(level: number, code: Code): void {
    const region = this.regions[level]!;
    for (const byte of code) region.push(byte);
  }

  define(level: number, type: WasmValue['type'], code: Code, exact = true, splat?: Code): WasmValue {
    const none = undefined;
    level = Math.max(level, this.floor);
    return { level, type, exact, code, splat, word: none, local: -1, canonical: none, vector: none };
  }

  constant(word: number): WasmValue {
    return { ...this.define(0, 'i32', i32Const(word)), word: word >>> 0 };
  }

  /** The value of a local that is set already. */
  held(level: number, type: WasmValue['type'], local: number, exact: boolean): WasmValue {
    return { ...this.define(level, type, [], exact), local };
  }

  /** Code that yields a value. On first use, emits the code that computes it. */
  use(value: WasmValue): Code {
    if (value.word !== undefined) return value.code;
    if (value.local < 0) {
      value.local = this.newLocal(value.type);
      this.emit(value.level, set(value.local, value.code));
    }
    return get(value.local);
  }

  /** The same value with every NaN made canonical. */
  exact(value: WasmValue): WasmValue {
    if (value.exact) return value;
    if (!value.canonical) {
      const x = this.use(value);
      const code =
        value.type === 'f32'
          ? [...f32Const(CANONICAL_NAN_BITS), ...x, ...x, ...x, ...f32.ne, ...control.select]
          : [
              ...this.use(this.#splatWord(CANONICAL_NAN_BITS)),
              ...x,
              ...x,
              ...x,
              ...f32x4.ne,
              ...v128.bitselect,
            ];
      value.canonical = this.define(value.level, value.type, code);
    }
    return value.canonical;
  }

  /** One word as an i32. */
  bits(value: WasmValue): Code {
    const exact = this.exact(value);
    return exact.type === 'f32' ? [...this.use(exact), ...i32.reinterpret_f32] : this.use(exact);
  }

  /** One word as an f32 to compute with; a NaN may be any. */
  float(value: WasmValue): Code {
    if (value.word !== undefined) return f32Const(value.word);
    return value.type === 'f32' ? this.use(value) : [...this.use(value), ...f32.reinterpret_i32];
  }

  /** Four words to compute floats with. */
  vectorFloat(value: WasmValue): Code {
    return this.use(this.#vectorOf(value));
  }

  /** Four words by their bits. */
  vectorBits(value: WasmValue): Code {
    return this.use(this.exact(this.#vectorOf(value)));
  }

  /** One of four words, as an i32. */
  lane(value: WasmValue, lane: number): Code {
    if (value.type !== 'v128') return this.bits(value);
    return [...this.use(this.exact(value)), ...i32x4.extract_lane, lane];
  }

  #vectorOf(value: WasmValue): WasmValue {
    if (value.type === 'v128') return value;
    if (value.word !== undefined) return this.#splatWord(value.word);
    if (!value.vector) {
      const code =
        value.splat && value.local < 0
          ? value.splat
          : [...this.use(value), ...(value.type === 'f32' ? f32x4 : i32x4).splat];
      value.vector = this.define(value.level, 'v128', code, value.exact);
    }
    return value.vector;
  }

  #splatWord(word: number): WasmValue {
    const key = `${this.floor} ${word}`;
    let value = this.#vectors.get(key);
    if (!value) {
      value = this.define(0, 'v128', v128Const(word, word, word, word));
      this.#vectors.set(key, value);
    }
    return value;
  }
}
