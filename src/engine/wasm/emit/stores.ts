import { memory, v128Const } from '../../../wasm/assembler.ts';
import { f32, i8x16, i16x8, i32, v128 } from '../../../wasm/opcodes.ts';
import { ELEMENT_SIZE } from '../../kernel/kernel.ts';
import type { Addresses } from './addresses.ts';
import type { Point, TileContext } from './context.ts';
import { laneStores } from './memoryAccess.ts';
import type { WasmValue } from './values.ts';

/** Writes the store of a point's result. */
export function store(context: TileContext, addresses: Addresses, value: WasmValue, point: Point): void {
  const { values, kernel, around, tile, postLevel } = context;
  const { element, address: form } = kernel.store;
  const bytes = ELEMENT_SIZE[element];
  const offset = around.target.offset + addresses.delta(form, point);
  const address = addresses.first(form, around.target.base).code;
  if (tile.vectors === 0) {
    const exact = values.exact(value);
    const [word, opcode] =
      bytes < 4
        ? [values.bits(value), bytes === 1 ? i32.store8 : i32.store16]
        : exact.type === 'f32'
          ? [values.use(exact), f32.store]
          : [values.bits(exact), i32.store];
    values.emit(postLevel, [...address, ...word, ...memory(opcode, offset)]);
    return;
  }
  let words = values.vectorBits(value);
  if (bytes < 4) {
    // Narrows the low bytes of words, first to 16 bits; 16-bit integers fit as they are.
    const zeros = v128Const(0, 0, 0, 0);
    const low = [...words, ...v128Const(255, 255, 255, 255), ...v128.and];
    const narrow =
      bytes === 1
        ? [...low, ...zeros, ...i16x8.narrow_i32x4_u, ...zeros, ...i8x16.narrow_i16x8_u]
        : [...words, ...zeros, ...i16x8.narrow_i32x4_s];
    words = values.use(values.define(postLevel, 'v128', narrow));
  }
  for (const { at, opcode, lane } of laneStores(context.lanesAt(point), bytes)) {
    const suffix = lane === undefined ? [] : [lane];
    values.emit(postLevel, [...address, ...words, ...memory(opcode, offset + at * bytes), ...suffix]);
  }
}
