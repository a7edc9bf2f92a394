import { type Code, memory, v128Const } from '../../../wasm/assembler.ts';
import { f32, i16x8, i32, i32x4, v128 } from '../../../wasm/opcodes.ts';
import type { Element } from '../../kernel/kernel.ts';

/** Loads one element as a word. */
export function loadWord(element: Element, address: Code, offset: number): Code {
  const opcodes: Partial<Record<Element, Code>> = { f32: f32.load, i8: i32.load8_s, u8: i32.load8_u };
  return [...address, ...memory(opcodes[element] ?? i32.load, offset)];
}

/** Loads some lanes as words, and not a byte more, except for byte pairs, whose panels are whole. Other lanes are 0. */
export function loadVector(element: Element, address: Code, offset: number, lanes: number): Code {
  const whole = (opcode: Code, at = 0): Code => [...address, ...memory(opcode, offset + at)];
  if (element === 'i8x2') return whole(v128.load8x8_s);
  if (element === 'u8x2') return whole(v128.load8x8_u);
  const intoLane = (opcode: Code, at: number, lane: number, vector: Code): Code => [
    ...address,
    ...vector,
    ...memory(opcode, offset + at),
    lane,
  ];
  if (element === 'i8' || element === 'u8') {
    const extend =
      element === 'i8'
        ? [...i16x8.extend_low_i8x16_s, ...i32x4.extend_low_i16x8_s]
        : [...i16x8.extend_low_i8x16_u, ...i32x4.extend_low_i16x8_u];
    if (lanes === 4) return [...whole(v128.load32_zero), ...extend];
    const zeros = v128Const(0, 0, 0, 0);
    const two = lanes >= 2 ? intoLane(v128.load16_lane, 0, 0, zeros) : zeros;
    const all = lanes % 2 === 1 ? intoLane(v128.load8_lane, lanes - 1, lanes - 1, two) : two;
    return [...all, ...extend];
  }
  if (lanes === 4) return whole(v128.load);
  if (lanes === 1) return whole(v128.load32_zero);
  const two = whole(v128.load64_zero);
  return lanes === 2 ? two : intoLane(v128.load32_lane, 8, 2, two);
}

/** One instruction that stores some lanes. */
export interface LaneStore {
  /** The first of the lanes. */
  readonly at: number;
  readonly opcode: Code;
  /** Operand of an instruction that stores part of a vector. */
  readonly lane?: number;
}

/** The instructions that store some lanes of a vector, elements of 1, 2 or 4 bytes lying at its start. */
export function laneStores(lanes: number, bytes: 1 | 2 | 4): LaneStore[] {
  if (lanes === 4 && bytes === 4) return [{ at: 0, opcode: v128.store }];
  const opcodes = {
    1: [v128.store8_lane, v128.store16_lane, v128.store32_lane],
    2: [v128.store16_lane, v128.store32_lane, v128.store64_lane],
    4: [v128.store32_lane, v128.store64_lane, v128.store],
  } as const;
  const [one, two, four] = opcodes[bytes];
  if (lanes === 4) return [{ at: 0, opcode: four, lane: 0 }];
  return [
    ...(lanes >= 2 ? [{ at: 0, opcode: two, lane: 0 }] : []),
    ...(lanes % 2 === 1 ? [{ at: lanes - 1, opcode: one, lane: lanes - 1 }] : []),
  ];
}
