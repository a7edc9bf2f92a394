/**
 * WebAssembly instructions under the names and numbers of the core specification 2.0, §5.4. Each is the code of the
 * instruction alone: it follows the code of its operands, as in `[...a, ...b, ...i32.add]`.
 */

const simd = (opcode: number): readonly number[] =>
  opcode < 128 ? [0xfd, opcode] : [0xfd, (opcode % 128) | 128, Math.floor(opcode / 128)];

export const control = {
  loop: [0x03],
  if: [0x04],
  else: [0x05],
  end: [0x0b],
  br_if: [0x0d],
  call: [0x10],
  select: [0x1b],
} as const;

export const variable = { get: [0x20], set: [0x21], global_get: [0x23] } as const;

/** Copies and fills inside the one memory, whose number is part of the code. */
export const bulk = { copy: [0xfc, 10, 0, 0], fill: [0xfc, 11, 0] } as const;

export const i32 = {
  const: [0x41],
  load: [0x28],
  load8_s: [0x2c],
  load8_u: [0x2d],
  store: [0x36],
  store8: [0x3a],
  store16: [0x3b],
  eqz: [0x45],
  eq: [0x46],
  lt_s: [0x48],
  lt_u: [0x49],
  gt_s: [0x4a],
  gt_u: [0x4b],
  le_u: [0x4d],
  add: [0x6a],
  sub: [0x6b],
  mul: [0x6c],
  div_s: [0x6d],
  div_u: [0x6e],
  rem_s: [0x6f],
  rem_u: [0x70],
  and: [0x71],
  or: [0x72],
  xor: [0x73],
  shl: [0x74],
  shr_s: [0x75],
  shr_u: [0x76],
  wrap_i64: [0xa7],
  reinterpret_f32: [0xbc],
  trunc_sat_f32_s: [0xfc, 0],
} as const;

export const i64 = {
  const: [0x42],
  eqz: [0x50],
  lt_u: [0x54],
  add: [0x7c],
  mul: [0x7e],
  div_u: [0x80],
  rem_u: [0x82],
  extend_i32_u: [0xad],
} as const;

export const f32 = {
  const: [0x43],
  load: [0x2a],
  store: [0x38],
  eq: [0x5b],
  ne: [0x5c],
  lt: [0x5d],
  le: [0x5f],
  ceil: [0x8d],
  floor: [0x8e],
  trunc: [0x8f],
  nearest: [0x90],
  sqrt: [0x91],
  add: [0x92],
  sub: [0x93],
  mul: [0x94],
  div: [0x95],
  min: [0x96],
  max: [0x97],
  convert_i32_s: [0xb2],
  reinterpret_i32: [0xbe],
} as const;

export const v128 = {
  const: simd(12),
  load: simd(0),
  load8x8_s: simd(1),
  load8x8_u: simd(2),
  load32_splat: simd(9),
  load8_lane: simd(84),
  load16_lane: simd(85),
  load32_lane: simd(86),
  load64_lane: simd(87),
  load32_zero: simd(92),
  load64_zero: simd(93),
  store: simd(11),
  store8_lane: simd(88),
  store16_lane: simd(89),
  store32_lane: simd(90),
  store64_lane: simd(91),
  and: simd(78),
  andnot: simd(79),
  or: simd(80),
  xor: simd(81),
  bitselect: simd(82),
} as const;

export const i8x16 = { shuffle: simd(13), narrow_i16x8_u: simd(102) } as const;

export const i16x8 = {
  narrow_i32x4_s: simd(133),
  narrow_i32x4_u: simd(134),
  extend_low_i8x16_s: simd(135),
  extend_low_i8x16_u: simd(137),
  shl: simd(139),
  shr_s: simd(140),
  shr_u: simd(141),
} as const;

export const i32x4 = {
  splat: simd(17),
  extract_lane: simd(27),
  replace_lane: simd(28),
  eq: simd(55),
  ne: simd(56),
  lt_s: simd(57),
  lt_u: simd(58),
  extend_low_i16x8_s: simd(167),
  extend_low_i16x8_u: simd(169),
  shl: simd(171),
  shr_s: simd(172),
  shr_u: simd(173),
  add: simd(174),
  sub: simd(177),
  mul: simd(181),
  dot_i16x8_s: simd(186),
  trunc_sat_f32x4_s: simd(248),
} as const;

export const i64x2 = { splat: simd(18), shl: simd(203), shr_u: simd(205) } as const;

export const f32x4 = {
  splat: simd(19),
  extract_lane: simd(31),
  eq: simd(65),
  ne: simd(66),
  lt: simd(67),
  le: simd(69),
  ceil: simd(103),
  floor: simd(104),
  trunc: simd(105),
  nearest: simd(106),
  sqrt: simd(227),
  add: simd(228),
  sub: simd(229),
  mul: simd(230),
  div: simd(231),
  min: simd(232),
  max: simd(233),
  pmin: simd(234),
  pmax: simd(235),
  convert_i32x4_s: simd(250),
} as const;
