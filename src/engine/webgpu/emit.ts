import type { DType } from '../../program/node.ts';
import { isKernelOnly, type ScalarCode } from '../kernel/code.ts';
import type { Form } from '../kernel/form.ts';
import { type Access, accessUses, type Kernel, slotLayout } from '../kernel/kernel.ts';
import { declarations, PARAMETER, parameter, WORKGROUP } from './bindings.ts';
import { EXPRESSIONS } from './interpreter.ts';
import { PLAIN_FLOAT, SOFT_FLOAT } from './softFloat.ts';

/** Buffers of memory in which a kernel reads and writes. */
export interface KernelMemories {
  readonly target: number;
  readonly accesses: readonly number[];
  /** Number of all buffers. */
  readonly count: number;
}

const word = (value: number): string => `${value >>> 0}u`;

/** Whether a kernel computes sums or products of floats, so that an element of it may be in doubt. */
export const mayDoubt = ({ step, post }: Kernel): boolean =>
  [step, post].some(({ instructions }) =>
    instructions.some(({ operation }) => ['f32.add', 'f32.sub', 'f32.mul'].includes(operation)),
  );

/** A form over indices that are variables `i0`, `i1`, …, modulo 2^32; in code that follows the fold, its indices are 0. */
function formText({ constant, coefficients }: Form, loops: number): string {
  const terms = coefficients
    .slice(0, loops)
    .flatMap((coefficient, i) =>
      coefficient === 0 ? [] : [coefficient === 1 ? `i${i}` : `${word(coefficient)} * i${i}`],
    );
  if (constant !== 0 || terms.length === 0) terms.push(word(constant));
  return terms.join(' + ');
}

function loadText(element: DType, memory: number, offset: string): string {
  const at = `m${memory}[(at >> 2u) + ${offset}]`;
  if (element === 'u8') return `(${at} >> ((at & 3u) << 3u)) & 0xffu`;
  if (element === 'i8') return `bitcast<u32>(bitcast<i32>(${at} << (24u - ((at & 3u) << 3u))) >> 24u)`;
  return at;
}

/** Statements that set `a<position>` to the word of an access. */
function readText(access: Access, position: number, memory: number, loops: number): string[] {
  const name = `a${position}`;
  const fill = word(access.fill);
  if (access.isAlwaysOutside) return [`${name} = ${fill};`];
  const { checks, gathers, quotients, address, element } = access;
  const conditions = [
    ...checks.flatMap(({ form, bound, multipleOf }) => {
      const value = `(${formText(form, loops)})`;
      return [
        ...(bound === undefined ? [] : [`${value} < ${word(bound)}`]),
        ...(multipleOf === 1 ? [] : [`${value} % ${word(multipleOf)} == 0u`]),
      ];
    }),
    ...gathers.map((gather) => `a${gather.access} < ${word(gather.extent)}`),
  ];
  const parts = [
    formText(address, loops),
    ...quotients.map(
      ({ form, divisor, stride }) => `((${formText(form, loops)}) / ${word(divisor)}) * ${word(stride)}`,
    ),
    ...gathers.map((gather) => `a${gather.access} * ${word(gather.stride)}`),
  ];
  const offset = parameter(PARAMETER.accesses + position);
  const load = `{ let at = ${parts.join(' + ')}; ${name} = ${loadText(element as DType, memory, offset)}; }`;
  return conditions.length === 0 ? [load] : [`${name} = ${fill};`, `if (${conditions.join(' && ')}) ${load}`];
}

/** A kernel on its way to text. */
interface Writer {
  readonly kernel: Kernel;
  readonly memories: KernelMemories;
  readonly slotName: (slot: number, prefix: string) => string;
}

/** Statements that read what some code needs, and run it, up to an instruction; the word of a slot then. */
function codeText(
  { kernel, memories, slotName }: Writer,
  code: ScalarCode,
  use: 'step' | 'post',
  count = code.instructions.length,
): { readonly lines: string[]; readonly name: (slot: number) => string } {
  const loops = use === 'step' ? kernel.extents.length : kernel.outputs;
  const uses = accessUses(kernel);
  const { indices, results } = slotLayout(kernel);
  const reads = kernel.accesses.flatMap((access, i) =>
    uses[i]![use] ? readText(access, i, memories.accesses[i]!, loops) : [],
  );
  const values = kernel.indices.map((form, i) => `let ${use}Index${i} = ${formText(form, loops)};`);
  const name = (slot: number): string =>
    slot >= indices && slot < results ? `${use}Index${slot - indices}` : slotName(slot, use);
  const lines = code.instructions.slice(0, count).map(({ operation, args }, i) => {
    if (isKernelOnly(operation)) throw new RangeError(`no code for ${operation}`);
    const [a, b = '', c = ''] = args.map(name);
    return `let ${slotName(results + i, use)} = ${EXPRESSIONS[operation](a!, b, c)};`;
  });
  return { lines: [...values, ...reads, ...lines], name };
}

/** Terms that a fold adds up: products of two slots, or slots alone, after so many instructions of its step. */
interface Terms {
  readonly factors: readonly number[];
  readonly before: number;
}

/** The terms of a fold that is a sum from 0 on; undefined if it is something else. */
function termsOf({ step, init, isFoldEmpty, ...kernel }: Kernel): Terms | undefined {
  const { results } = slotLayout(kernel);
  const { instructions, result } = step;
  const last = instructions.length - 1;
  const sum = instructions[last];
  if (isFoldEmpty || init !== 0 || sum?.operation !== 'f32.add' || result !== results + last)
    return undefined;
  const [a, b] = sum.args as [number, number];
  if ((a === 0) === (b === 0)) return undefined;
  const term = a === 0 ? b : a;
  const product = instructions[last - 1];
  const isProduct = product?.operation === 'f32.mul' && term === results + last - 1;
  const factors = isProduct ? product.args : [term];
  const before = isProduct ? last - 1 : last;
  // No other code may read the sum so far.
  const others = [...instructions.slice(0, before).flatMap(({ args }) => args), ...factors];
  return others.includes(0) ? undefined : { factors, before };
}

/** The fold, each step by itself: any operation in doubt marks the element. */
function stepsText(writer: Writer, loops: readonly string[]): string {
  const { lines, name } = codeText(writer, writer.kernel.step, 'step');
  return `${loops.join(' ')} {
    ${lines.join('\n    ')}
    acc = ${name(writer.kernel.step.result)};
  }${' }'.repeat(loops.length)}`;
}

/**
 * A sum without a look at each step. Where the least factors that are not 0 are normal and their product is at least 2^-102,
 * every product is a multiple of 2^-125, and so is every sum: none is subnormal. Infinities and NaN stay in a sum. If that
 * does not hold, the fold is run again step by step.
 */
function sumText(writer: Writer, terms: Terms, loops: readonly string[]): string {
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
  let total = bitcast<u32>(sum);
  if (is_finite(total) && are_wide(${least.length === 2 ? least.join(', ') : `${least[0]}, ONE_TWICE`})) { acc = total; } else {
  doubt = doubt_before;
  ${stepsText(writer, loops)}
  }`;
}

/**
 * A kernel as a compute shader, with the device's own floats: one invocation for each item, which is an element, or four
 * elements of bytes. Items in doubt are listed, for the interpreter to compute again.
 *
 * @param kernel as it is lowered, with its elements in row-major order; it may have merged loops, and no buffers
 */
export function emitKernel(kernel: Kernel, memories: KernelMemories): string {
  const { extents, outputs, init, constants, store, isFoldEmpty } = kernel;
  const slots = slotLayout(kernel);
  const writer: Writer = {
    kernel,
    memories,
    slotName: (slot, prefix) => {
      if (slot === 0) return 'acc';
      if (slot < slots.accesses) return `c${slot - 1}`;
      if (slot < slots.indices) return `a${slot - slots.accesses}`;
      return `${prefix}${slot - slots.results}`;
    },
  };
  const elements = extents.slice(0, outputs).reduce((size, extent) => size * extent, 1);
  const isBytes = store.element === 'u8' || store.element === 'i8';
  const items = isBytes ? Math.ceil(elements / 4) : elements;
  const post = codeText(writer, kernel.post, 'post');
  const fold = extents.slice(outputs).map((extent, i) => {
    const index = `i${outputs + i}`;
    return `for (var ${index} = 0u; ${index} < ${word(extent)}; ${index} = ${index} + 1u) {`;
  });
  const terms = termsOf(kernel);
  const folded = isFoldEmpty ? '' : terms ? sumText(writer, terms, fold) : stepsText(writer, fold);
  const indices = extents
    .slice(0, outputs)
    .map((extent, i) =>
      i === 0 ? 'let i0 = rest;' : `let i${i} = rest % ${word(extent)}; rest = rest / ${word(extent)};`,
    )
    .reverse();
  const stored = isBytes
    ? `
  var word = 0u;
  for (var part = 0u; part < 4u && 4u * item + part < ${word(elements)}; part = part + 1u) {
    word = word | ((element_word(4u * item + part) & 0xffu) << (8u * part));
  }`
    : `
  let word = element_word(item);`;
  const listed = mayDoubt(kernel)
    ? `
  if (doubt != 0u) {
    let place = atomicAdd(&doubts[${parameter(PARAMETER.counter)}], 1u);
    if (place < ${parameter(PARAMETER.capacity)}) { atomicStore(&doubts[${parameter(PARAMETER.list)} + place], item); }
  }`
    : '';
  return /* wgsl */ `
${declarations(memories.count)}
${SOFT_FLOAT}
${PLAIN_FLOAT}
fn element_word(element: u32) -> u32 {
  var rest = element;
  ${indices.join('\n  ')}
  ${constants.map((constant, i) => `let c${i} = ${word(constant)};`).join(' ')}
  ${kernel.accesses.map((_, i) => `var a${i} = 0u;`).join(' ')}
  var acc = ${word(init)};
  ${folded}
  ${post.lines.join('\n  ')}
  return ${post.name(kernel.post.result)};
}

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let item = id.y * groups.x * ${WORKGROUP}u + id.x;
  if (item >= ${word(items)}) { return; }${stored}
  m${memories.target}[item + ${parameter(PARAMETER.target)}] = word;${listed}
}
`;
}
