import type { Kernel } from '../kernel/kernel.ts';
import { declarations, NO_TOTAL, PARAMETER, parameter, WORKGROUP } from './bindings.ts';
import {
  codeText,
  foldLoops,
  indexText,
  type KernelMemories,
  type KernelTerms,
  type KernelWriter,
  listText,
  slotsText,
  stepsText,
  termsOf,
  word,
  writerOf,
  writesBytes,
} from './kernelText.ts';
import { PLAIN_FLOAT, SOFT_FLOAT } from './softFloat.ts';

/**
 * A sum without a look at each step. Where the least factors that are not 0 are normal and their product is at least 2^-102,
 * every product is a multiple of 2^-125, and so is every sum: none is subnormal. Infinities and NaN stay in a sum. If that
 * does not hold, the fold is run again step by step. A total of zero is +0 (see `unsigned_zero`).
 */
function sumText(writer: KernelWriter, terms: KernelTerms): string {
  const loops = foldLoops(writer.kernel);
  const { lines, name } = codeText(writer, writer.kernel.step, 'step', terms.before);
  const names = terms.factors.map(name);
  const floats = names.map((factor) => `bitcast<f32>(${factor})`);
  const term = floats.length === 2 ? `plain_product(${floats.join(', ')})` : floats[0];
  const least = names.map((_, i) => `least${i}`);
  return `let doubt_before = doubt;
  ${least.map((one) => `var ${one} = 0xffffffffu;`).join(' ')}
  var sum = bitcast<f32>(acc);
  ${loops.join(' ')} {
    ${lines.join('\n    ')}
    ${names.map((factor, i) => `${least[i]} = min(${least[i]}, (${factor} << 1u) - 1u);`).join(' ')}
    sum = plain_sum(sum, ${term});
  }${' }'.repeat(loops.length)}
  let total = unsigned_zero(bitcast<u32>(sum));
  if (is_finite(total) && are_wide(${least.length === 2 ? least.join(', ') : `${least[0]}, ONE_TWICE`})) { acc = total; } else {
  doubt = doubt_before;
  ${stepsText(writer)}
  }`;
}

/** The total that a tile has left in the target, or the fold, step by step, where it could not be right. */
const totalText = (
  writer: KernelWriter,
): string => `acc = m${writer.memories.target}[element + ${parameter(PARAMETER.target)}];
  if (acc == ${word(NO_TOTAL)}) {
    acc = ${word(writer.kernel.init)};
    ${stepsText(writer)}
  }`;

/**
 * A kernel as a compute shader, with the device's own floats: one invocation for each item, which is an element, or four
 * elements of bytes. Items in doubt are listed, for the interpreter to compute again.
 *
 * @param kernel as it is lowered, with its elements in row-major order; it may have merged loops, and no buffers
 * @param hasTotals whether tiles have computed the sums of its fold before
 */
export function emitKernel(kernel: Kernel, memories: KernelMemories, hasTotals = false): string {
  const { extents, outputs, init, isFoldEmpty } = kernel;
  const writer = writerOf(kernel, memories);
  const elements = extents.slice(0, outputs).reduce((size, extent) => size * extent, 1);
  const isBytes = writesBytes(kernel);
  const items = isBytes ? Math.ceil(elements / 4) : elements;
  const post = codeText(writer, kernel.post, 'post');
  const terms = termsOf(kernel);
  const fold = terms?.family === 'f32' ? sumText(writer, terms) : stepsText(writer);
  const folded = hasTotals ? totalText(writer) : fold;
  const stored = isBytes
    ? `
  var word = 0u;
  for (var part = 0u; part < 4u && 4u * item + part < ${word(elements)}; part = part + 1u) {
    word = word | ((element_word(4u * item + part) & 0xffu) << (8u * part));
  }`
    : `
  let word = element_word(item);`;
  return /* wgsl */ `
${declarations(memories.count)}
${SOFT_FLOAT}
${PLAIN_FLOAT}
fn element_word(element: u32) -> u32 {
  var rest = element;
  ${indexText('rest', [...Array(outputs).keys()], extents)}
  ${slotsText(kernel)}
  var acc = ${word(init)};
  ${isFoldEmpty ? '' : folded}
  ${post.lines.join('\n  ')}
  return ${post.name(kernel.post.result)};
}

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let item = id.y * groups.x * ${WORKGROUP}u + id.x;
  if (item >= ${word(items)}) { return; }${stored}
  m${memories.target}[item + ${parameter(PARAMETER.target)}] = word;${listText(kernel)}
}
`;
}
