import { isKernelOnly, type ScalarCode } from '../kernel/code.ts';
import type { Form } from '../kernel/form.ts';
import { type Access, accessUses, type Kernel, slotLayout } from '../kernel/kernel.ts';
import { PARAMETER, parameter } from './bindings.ts';
import { EXPRESSIONS } from './interpreter.ts';
import type { FieldOffset } from './record.ts';

/** Buffers of memory in which a kernel reads and writes, and how what it reads is stored. */
export interface KernelMemories {
  readonly target: number;
  readonly accesses: readonly Pick<FieldOffset, 'memory' | 'isNibbles'>[];
  /** Number of all buffers. */
  readonly count: number;
}

export const word = (value: number): string => `${value >>> 0}u`;

/** Whether a kernel writes bytes, four of which share a word of the target. */
export const writesBytes = ({ store }: Pick<Kernel, 'store'>): boolean =>
  store.element === 'i8' || store.element === 'u8';

/** Whether some code computes sums or products of floats, so that its result may be in doubt. */
export const codeMayDoubt = ({ instructions }: Pick<ScalarCode, 'instructions'>): boolean =>
  instructions.some(({ operation }) => ['f32.add', 'f32.sub', 'f32.mul'].includes(operation));

/** Whether an element of a kernel may be in doubt. */
export const mayDoubt = ({ step, post }: Kernel): boolean => codeMayDoubt(step) || codeMayDoubt(post);

/** A form over indices that are variables `i0`, `i1`, …, modulo 2^32; in code that follows the fold, its indices are 0. */
export function formText(
  { constant, coefficients }: Pick<Form, 'constant' | 'coefficients'>,
  loops: number,
): string {
  const terms = coefficients
    .slice(0, loops)
    .flatMap((coefficient, i) =>
      coefficient === 0 ? [] : [coefficient === 1 ? `i${i}` : `${word(coefficient)} * i${i}`],
    );
  if (constant !== 0 || terms.length === 0) terms.push(word(constant));
  return terms.join(' + ');
}

/** Statements that take an index over some loops apart, the last loop fastest; the index is a variable and is used up. */
export const indexText = (variable: string, loops: readonly number[], extents: readonly number[]): string =>
  loops
    .map((loop, i) =>
      i === 0
        ? `let i${loop} = ${variable};`
        : `let i${loop} = ${variable} % ${word(extents[loop]!)}; ${variable} = ${variable} / ${word(extents[loop]!)};`,
    )
    .reverse()
    .join('\n  ');

/** A kernel on its way to text. */
export interface KernelWriter {
  readonly kernel: Kernel;
  readonly memories: KernelMemories;
  readonly slotName: (slot: number, prefix: string) => string;
}

export function writerOf(kernel: Kernel, memories: KernelMemories): KernelWriter {
  const slots = slotLayout(kernel);
  const slotName = (slot: number, prefix: string): string => {
    if (slot === 0) return 'acc';
    if (slot < slots.accesses) return `c${slot - 1}`;
    if (slot < slots.indices) return `a${slot - slots.accesses}`;
    return `${prefix}${slot - slots.results}`;
  };
  return { kernel, memories, slotName };
}

/** Declarations of a kernel's constants, and of variables for the words that it reads. */
export const slotsText = ({ constants, accesses }: Kernel): string =>
  [
    ...constants.map((constant, i) => `let c${i} = ${word(constant)};`),
    ...accesses.map((_, i) => `var a${i} = 0u;`),
  ].join(' ');

function loadText({ memories, kernel }: KernelWriter, position: number): string {
  const { element } = kernel.accesses[position]!;
  const { memory, isNibbles } = memories.accesses[position]!;
  const offset = parameter(PARAMETER.accesses + position);
  const [perWord, bits] = isNibbles ? [3, 4] : [2, 8];
  const at = `m${memory}[(at >> ${perWord}u) + ${offset}]`;
  const shift = isNibbles ? '((at & 7u) << 2u)' : '((at & 3u) << 3u)';
  if (element === 'u8') return `(${at} >> ${shift}) & ${word(2 ** bits - 1)}`;
  if (element === 'i8')
    return `bitcast<u32>(bitcast<i32>(${at} << (${32 - bits}u - ${shift})) >> ${32 - bits}u)`;
  return at;
}

/** The conditions under which an access is inside, and its address in bytes. */
export function addressText(access: Access, loops: number): { readonly inside: string; readonly at: string } {
  const { checks, gathers, quotients, address } = access;
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
  return { inside: conditions.join(' && '), at: parts.join(' + ') };
}

/** Statements that set `a<position>` to the word of an access. */
export function readText(writer: KernelWriter, position: number, loops: number): string[] {
  const access = writer.kernel.accesses[position]!;
  const name = `a${position}`;
  const fill = word(access.fill);
  if (access.isAlwaysOutside) return [`${name} = ${fill};`];
  const { inside, at } = addressText(access, loops);
  const load = `{ let at = ${at}; ${name} = ${loadText(writer, position)}; }`;
  return inside === '' ? [load] : [`${name} = ${fill};`, `if (${inside}) ${load}`];
}

/** The name of a slot in some code. */
export const nameIn =
  ({ kernel, slotName }: KernelWriter, use: string) =>
  (slot: number): string => {
    const { indices, results } = slotLayout(kernel);
    return slot >= indices && slot < results ? `${use}Index${slot - indices}` : slotName(slot, use);
  };

/** Statements of some instructions, whose results have names with a prefix. */
export function instructionsText(
  writer: KernelWriter,
  { instructions }: Pick<ScalarCode, 'instructions'>,
  use: string,
  chosen: readonly number[],
): string[] {
  const { results } = slotLayout(writer.kernel);
  const name = nameIn(writer, use);
  return chosen.map((i) => {
    const { operation, args } = instructions[i]!;
    if (isKernelOnly(operation)) throw new RangeError(`no code for ${operation}`);
    const [a, b = '', c = ''] = args.map(name);
    return `let ${name(results + i)} = ${EXPRESSIONS[operation](a!, b, c)};`;
  });
}

/** Statements that set the indices that code uses as values. */
export const valuesText = ({ indices }: Kernel, use: string, loops: number): string[] =>
  indices.map((form, i) => `let ${use}Index${i} = ${formText(form, loops)};`);

/** Statements that read what some code needs, and run it, up to an instruction; the word of a slot then. */
export function codeText(
  writer: KernelWriter,
  code: ScalarCode,
  use: 'step' | 'post',
  count = code.instructions.length,
): { readonly lines: string[]; readonly name: (slot: number) => string } {
  const { kernel } = writer;
  const loops = use === 'step' ? kernel.extents.length : kernel.outputs;
  const uses = accessUses(kernel);
  const reads = kernel.accesses.flatMap((_, i) => (uses[i]![use] ? readText(writer, i, loops) : []));
  const lines = instructionsText(writer, code, use, [...Array(count).keys()]);
  return { lines: [...valuesText(kernel, use, loops), ...reads, ...lines], name: nameIn(writer, use) };
}

/** Terms that a fold adds up: products of two slots, or slots alone, after so many instructions of its step. */
export interface KernelTerms {
  readonly family: 'f32' | 'i32';
  readonly factors: readonly number[];
  readonly before: number;
}

/** The terms of a fold that is a sum, of floats from 0 on; undefined if it is something else. */
export function termsOf({ step, init, isFoldEmpty, ...kernel }: Kernel): KernelTerms | undefined {
  const { results } = slotLayout(kernel);
  const { instructions, result } = step;
  const last = instructions.length - 1;
  const sum = instructions[last];
  const family = sum?.operation === 'f32.add' ? 'f32' : 'i32';
  if (isFoldEmpty || !sum || result !== results + last) return undefined;
  if (sum.operation !== `${family}.add` || (family === 'f32' && init !== 0)) return undefined;
  const [a, b] = sum.args as [number, number];
  if ((a === 0) === (b === 0)) return undefined;
  const term = a === 0 ? b : a;
  const product = instructions[last - 1];
  const isProduct = product?.operation === `${family}.mul` && term === results + last - 1;
  const factors = isProduct ? product.args : [term];
  const before = isProduct ? last - 1 : last;
  // No other code may read the sum so far.
  const others = [...instructions.slice(0, before).flatMap(({ args }) => args), ...factors];
  return others.includes(0) ? undefined : { family, factors, before };
}

/** The loops of a fold, as they are opened. */
export const foldLoops = ({ extents, outputs }: Kernel): string[] =>
  extents.slice(outputs).map((extent, i) => {
    const index = `i${outputs + i}`;
    return `for (var ${index} = 0u; ${index} < ${word(extent)}; ${index} = ${index} + 1u) {`;
  });

/** The fold, each step by itself: any operation in doubt marks the element. */
export function stepsText(writer: KernelWriter): string {
  const loops = foldLoops(writer.kernel);
  const { lines, name } = codeText(writer, writer.kernel.step, 'step');
  return `${loops.join(' ')} {
    ${lines.join('\n    ')}
    acc = ${name(writer.kernel.step.result)};
  }${' }'.repeat(loops.length)}`;
}

/** Statements that list an item in doubt, for the interpreter to compute again. */
export const listText = (kernel: Kernel): string =>
  mayDoubt(kernel)
    ? `
  if (doubt != 0u) {
    let place = atomicAdd(&doubts[${parameter(PARAMETER.counter)}], 1u);
    if (place < ${parameter(PARAMETER.capacity)}) { atomicStore(&doubts[${parameter(PARAMETER.list)} + place], item); }
  }`
    : '';
