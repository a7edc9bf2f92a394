import { INSTRUCTIONS, type InstructionName, OPCODE } from '../../scalar/instructions.ts';
import { declarations, PARAMETER, parameter, WORKGROUP } from './bindings.ts';
import { AFFINE, RECORD } from './record.ts';
import { SOFT_FLOAT } from './softFloat.ts';

/**
 * Each instruction as a WGSL expression over words, with the functions of `softFloat.ts`. Kernels and the interpreter each
 * define `f32_add`, `f32_sub` and `f32_mul`: kernels with floats of the device, the interpreter with integers.
 */
export const EXPRESSIONS: Readonly<Record<InstructionName, (a: string, b: string, c: string) => string>> = {
  'f32.add': (a, b) => `f32_add(${a}, ${b})`,
  'f32.sub': (a, b) => `f32_sub(${a}, ${b})`,
  'f32.mul': (a, b) => `f32_mul(${a}, ${b})`,
  'f32.div': (a, b) => `f32_div(${a}, ${b})`,
  'f32.sqrt': (a) => `f32_sqrt(${a})`,
  'f32.min': (a, b) => `f32_min(${a}, ${b})`,
  'f32.max': (a, b) => `f32_max(${a}, ${b})`,
  'f32.eq': (a, b) => `f32_eq(${a}, ${b})`,
  'f32.lt': (a, b) => `f32_lt(${a}, ${b})`,
  'f32.le': (a, b) => `f32_le(${a}, ${b})`,
  'f32.nearest': (a) => `f32_nearest(${a})`,
  'f32.floor': (a) => `f32_floor(${a})`,
  'f32.ceil': (a) => `f32_ceil(${a})`,
  'f32.trunc': (a) => `f32_trunc(${a})`,
  'i32.add': (a, b) => `${a} + ${b}`,
  'i32.sub': (a, b) => `${a} - ${b}`,
  'i32.mul': (a, b) => `${a} * ${b}`,
  'i32.div': (a, b) => `i32_div(${a}, ${b})`,
  'i32.rem': (a, b) => `i32_rem(${a}, ${b})`,
  'i32.and': (a, b) => `${a} & ${b}`,
  'i32.or': (a, b) => `${a} | ${b}`,
  'i32.xor': (a, b) => `${a} ^ ${b}`,
  'i32.shl': (a, b) => `${a} << (${b} & 31u)`,
  'i32.shr_s': (a, b) => `bitcast<u32>(bitcast<i32>(${a}) >> (${b} & 31u))`,
  'i32.shr_u': (a, b) => `${a} >> (${b} & 31u)`,
  'i32.eq': (a, b) => `select(0u, 1u, ${a} == ${b})`,
  'i32.lt_s': (a, b) => `select(0u, 1u, bitcast<i32>(${a}) < bitcast<i32>(${b}))`,
  'i32.lt_u': (a, b) => `select(0u, 1u, ${a} < ${b})`,
  'f32.from_i32': (a) => `f32_from_i32(${a})`,
  'i32.from_f32': (a) => `i32_from_f32(${a})`,
  select: (a, b, c) => `select(${c}, ${b}, ${a} != 0u)`,
};

/** Instructions whose results are rounded; one call rounds them all. */
const ROUNDED = ['f32.add', 'f32.sub', 'f32.mul', 'f32.div', 'f32.sqrt', 'f32.from_i32'];

const field = (name: keyof typeof RECORD): string => `records[rec + ${RECORD[name]}u]`;

/**
 * WGSL that runs any loop from its record, with integers alone: the reference engine's loop runner (`../reference/loop.ts`) on
 * a device. It computes all items of a loop, or those that a kernel listed as doubtful. It is slow, and exact on any device.
 *
 * @param memories number of buffers of memory
 * @param slots greatest number of slots of a loop
 */
export const interpreter = (memories: number, slots: number): string => /* wgsl */ `
${declarations(memories)}
${SOFT_FLOAT}
var<private> s: array<u32, ${slots}>;

fn word_at(memory: u32, at: u32) -> u32 {
  switch memory {
${Array.from({ length: memories }, (_, i) => `    case ${i}u: { return m${i}[at]; }`).join('\n')}
    default: { return 0u; }
  }
}

fn put_word(memory: u32, at: u32, word: u32) {
  switch memory {
${Array.from({ length: memories }, (_, i) => `    case ${i}u: { m${i}[at] = word; }`).join('\n')}
    default: {}
  }
}

fn load(kind: u32, memory: u32, first: u32, element: u32) -> u32 {
  if (kind == 0u) { return word_at(memory, first + element); }
  // A byte, or 4 bits.
  let bits = select(8u, 4u, kind > 2u);
  let in_word = select(3u, 7u, kind > 2u);
  let shift = (element & in_word) * bits;
  let word = word_at(memory, first + (element >> select(2u, 3u, kind > 2u)));
  let lifted = word << (32u - bits - shift);
  if ((kind & 1u) == 1u) { return lifted >> (32u - bits); }
  return bitcast<u32>(bitcast<i32>(lifted) >> (32u - bits));
}

// Reads operands, one after the other, into their slots.
fn read_operands(first: u32, count: u32) {
  var at = first;
  for (var i = 0u; i < count; i = i + 1u) {
    let dimensions = records[at + 5u];
    var d = at + 6u;
    var address = 0u;
    var outside = false;
    for (var k = 0u; k < dimensions; k = k + 1u) {
      let extent = records[d];
      let gathered = records[d + 1u];
      let terms = records[d + 5u];
      var coordinate = 0i;
      if (gathered != ${AFFINE}u) {
        coordinate = bitcast<i32>(s[gathered]);
      } else {
        var sum = records[d + 2u];
        for (var t = 0u; t < terms; t = t + 1u) {
          sum = sum + records[d + 7u + 2u * t] * s[records[d + 6u + 2u * t]];
        }
        coordinate = bitcast<i32>(sum);
        let divisor = bitcast<i32>(records[d + 3u]);
        if (divisor != 1) {
          var quotient = coordinate / divisor;
          let rest = coordinate - quotient * divisor;
          if (rest < 0) { quotient = quotient - 1; }
          if (rest != 0 && records[d + 4u] == 1u) { outside = true; }
          coordinate = quotient;
        }
      }
      if (coordinate < 0 || coordinate >= bitcast<i32>(extent)) { outside = true; }
      address = address * extent + bitcast<u32>(coordinate);
      d = d + 6u + 2u * terms;
    }
    var word = records[at + 1u];
    if (!outside) { word = load(records[at + 2u], records[at + 3u], records[at + 4u], address); }
    s[records[at]] = word;
    at = d;
  }
}

// Compilers put functions in place of their calls, so each is called at one place.
fn apply(opcode: u32, a: u32, b: u32, c: u32) -> u32 {
  var parts = Parts(0u, WORD, 0u);
  switch opcode {
    case ${OPCODE['f32.add']}u, ${OPCODE['f32.sub']}u: {
      parts = add_parts(a, select(b, b ^ SIGN, opcode == ${OPCODE['f32.sub']}u));
    }
    case ${OPCODE['f32.mul']}u: { parts = mul_parts(a, b); }
    case ${OPCODE['f32.div']}u: { parts = div_parts(a, b); }
    case ${OPCODE['f32.sqrt']}u: { parts = sqrt_parts(a); }
    case ${OPCODE['f32.from_i32']}u: { parts = whole_parts(a); }
${INSTRUCTIONS.filter(({ name }) => !ROUNDED.includes(name))
  .map(
    ({ opcode, name }) =>
      `    case ${opcode}u: { parts.significand = ${EXPRESSIONS[name as InstructionName]('a', 'b', 'c')}; }`,
  )
  .join('\n')}
    default: {}
  }
  return rounded(parts);
}

fn execute(first: u32, count: u32, results: u32) {
  for (var i = 0u; i < count; i = i + 1u) {
    let at = first + 4u * i;
    s[results + i] = apply(records[at], s[records[at + 1u]], s[records[at + 2u]], s[records[at + 3u]]);
  }
}

fn element_word(rec: u32, element: u32) -> u32 {
  let shape = ${field('shape')};
  let fold = ${field('fold')};
  let first_index = ${field('firstIndex')};
  let first_fold = first_index + shape;
  let results = ${field('results')};
  let extents = rec + ${RECORD.lists}u;
  let constants = ${field('constants')};
  for (var i = 0u; i < constants; i = i + 1u) { s[1u + i] = records[extents + shape + fold + i]; }
  var rest = element;
  for (var i = shape; i > 0u; i = i - 1u) {
    let extent = records[extents + i - 1u];
    s[first_index + i - 1u] = rest % extent;
    rest = rest / extent;
  }
  for (var i = 0u; i < fold; i = i + 1u) { s[first_fold + i] = 0u; }
  s[0] = ${field('init')};
  let steps = ${field('steps')};
  // What follows the fold is run as one more step, with the fold indices at 0 again, as they are then.
  for (var k = 0u; k <= steps; k = k + 1u) {
    let is_step = k < steps;
    read_operands(
      rec + select(${field('postReadsAt')}, ${field('stepReadsAt')}, is_step),
      select(${field('postReads')}, ${field('stepReads')}, is_step),
    );
    execute(
      rec + select(${field('postCodeAt')}, ${field('stepCodeAt')}, is_step),
      select(${field('postCode')}, ${field('stepCode')}, is_step),
      results,
    );
    s[0] = s[select(${field('postResult')}, ${field('stepResult')}, is_step)];
    for (var i = fold; i > 0u; i = i - 1u) {
      let next = s[first_fold + i - 1u] + 1u;
      if (next < records[extents + shape + i - 1u]) {
        s[first_fold + i - 1u] = next;
        break;
      }
      s[first_fold + i - 1u] = 0u;
    }
  }
  return s[0];
}

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let rec = ${parameter(PARAMETER.record)};
  let items = ${field('items')};
  let elements = ${field('elements')};
  let is_bytes = ${field('isBytes')} == 1u;
  let capacity = ${parameter(PARAMETER.capacity)};
  var count = items;
  var is_listed = ${parameter(PARAMETER.isListed)} == 1u;
  if (is_listed) {
    count = atomicLoad(&doubts[${parameter(PARAMETER.counter)}]);
    // The list is too short for so many: all are computed.
    if (count > capacity) {
      is_listed = false;
      count = items;
    }
  }
  let all = groups.x * groups.y * ${WORKGROUP}u;
  for (var i = id.y * groups.x * ${WORKGROUP}u + id.x; i < count; i = i + all) {
    var item = i;
    if (is_listed) { item = atomicLoad(&doubts[${parameter(PARAMETER.list)} + i]); }
    let parts = select(1u, 4u, is_bytes);
    var word = 0u;
    for (var part = 0u; part < parts && parts * item + part < elements; part = part + 1u) {
      let computed = element_word(rec, parts * item + part);
      word = select(computed, word | ((computed & 0xffu) << (8u * part)), is_bytes);
    }
    put_word(${field('memory')}, ${field('word')} + item, word);
  }
}
`;
