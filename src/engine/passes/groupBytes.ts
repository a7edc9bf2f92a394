import type { Weights } from '../engine.ts';
import { type KernelInstruction, type Operation, renumbered } from '../kernel/code.ts';
import type { Form } from '../kernel/form.ts';
import {
  type Access,
  accessUses,
  dependsOn,
  isLinear,
  type Kernel,
  type PackedBuffer,
  type StepGroup,
  slotLayout,
} from '../kernel/kernel.ts';
import { mapForms } from '../kernel/loops.ts';
import { tileShape } from './chooseTile.ts';
import { holdsNibbles } from './nibbles.ts';
import { packedBuffer, planPanels } from './panels.ts';
import type { Target } from './target.ts';

/** Bits and bytes of a word. */
const WORD = 32;
const WORD_BYTES = 4;

const NIBBLES: StepGroup = { bits: 4, shifts: [0, 4, 8, 12, 16, 20, 24, 28] };
/** Nibbles for steps that are folded in pairs: the two steps of a pair lie in different halves of the word. */
const PAIRED_NIBBLES: StepGroup = { bits: 4, shifts: [0, 16, 4, 20, 8, 24, 12, 28] };

/**
 * Packs constants of bytes whose elements all fit 4 bits as such: a word holds eight steps of one lane, and shifts take
 * them apart in registers. The step's code is repeated for each of them, in the order of the fold. It applies to folds in
 * pairs, and to those of a single row; several rows are as fast with whole bytes, whose loads they share.
 *
 * @param weights the constants, whose values decide; without them nothing is done
 */
export function groupBytes(kernel: Kernel, target: Target, weights?: Weights): Kernel {
  const { extents, outputs, step, isFoldEmpty } = kernel;
  const inner = extents.length - 1;
  const { laneLoop, rowLoop } = tileShape(kernel, target);
  if (laneLoop < 0 || inner < outputs || isFoldEmpty || step.instructions.length === 0) return kernel;
  const uses = accessUses(kernel);
  const inStep = kernel.accesses.map((_, i) => i).filter((i) => uses[i]!.step);
  const words = inStep.find((i) => {
    const { element } = kernel.accesses[i]!;
    const isByte = element === 'i8' || element === 'u8' || element === 'i8x2' || element === 'u8x2';
    return isByte && constantNode(kernel, i) !== undefined && dependsOn(kernel, i, inner);
  });
  if (words === undefined || uses[words]!.post || dependsOn(kernel, words, rowLoop)) return kernel;
  if (!dependsOn(kernel, words, laneLoop) || readsIndices(kernel)) return kernel;
  const others = inStep.filter((i) => i !== words && dependsOn(kernel, i, inner));
  const isSimple = (i: number) => isLinear(kernel.accesses[i]!) && !kernel.accesses[i]!.isAlwaysOutside;
  if (![words, ...others].every(isSimple) || others.some((i) => dependsOn(kernel, i, laneLoop)))
    return kernel;

  const { element } = kernel.accesses[words]!;
  const isPaired = element.endsWith('x2');
  const isSigned = element.startsWith('i');
  const group = isPaired ? PAIRED_NIBBLES : NIBBLES;
  if (!isPaired && rowLoop >= 0) return kernel;
  if (extents[inner]! % iterations(group, isPaired) !== 0) return kernel;
  const weight = weights?.get(constantNode(kernel, words)!);
  if (!weight || !holdsNibbles(weight, isSigned)) return kernel;
  return grouped(kernel, { words, others, group, isPaired, isSigned }, target);
}

/** Iterations of the kernel's innermost loop that a word serves. */
const iterations = ({ shifts }: StepGroup, isPaired: boolean): number => shifts.length / (isPaired ? 2 : 1);

/** The constant that an access reads, as it is or packed. */
function constantNode({ accesses, packed }: Kernel, access: number): number | undefined {
  const { source } = accesses[access]!;
  if (source.kind === 'packed') return packed[source.buffer]!.node;
  return source.kind === 'tensor' && source.isConstant ? source.node : undefined;
}

/** Whether the step uses loop indices as values. */
function readsIndices(kernel: Kernel): boolean {
  const { indices, results } = slotLayout(kernel);
  const { instructions, result } = kernel.step;
  return [result, ...instructions.flatMap(({ args }) => args)].some(
    (slot) => slot >= indices && slot < results,
  );
}

interface Found {
  /** The access whose elements are read by words. */
  readonly words: number;
  /** Accesses that differ from step to step. */
  readonly others: readonly number[];
  readonly group: StepGroup;
  readonly isPaired: boolean;
  readonly isSigned: boolean;
}

function grouped(kernel: Kernel, found: Found, target: Target): Kernel {
  const { words, group, isPaired } = found;
  const inner = kernel.extents.length - 1;
  const count = iterations(group, isPaired);
  const extents = kernel.extents.map((extent, i) => (i === inner ? extent / count : extent));
  const repeated = repeatStep({ ...kernel, extents }, found, count);

  const { laneLoop, vectors } = tileShape(repeated, target);
  const { source, address, ...access } = kernel.accesses[words]!;
  const { packed } = kernel;
  const position = source.kind === 'packed' ? source.buffer : packed.length;
  const pairs = packed[position];
  const from = pairs ? addressInNode(pairs, address, laneLoop) : address;
  const steps = pairs ? pairs.extents.at(-2)! : kernel.extents[inner]!;
  const panels = planPanels(extents, from, laneLoop, target.lanes * vectors, WORD_BYTES);
  const node = constantNode(kernel, words)!;
  const buffer = packedBuffer({ node, elementBytes: 1 }, extents.with(inner, steps), from, panels);
  const word: Access = {
    ...access,
    element: 'i32',
    address: { constant: 0, coefficients: panels.coefficients, wide: false, laneStride: WORD_BYTES },
    source: { kind: 'packed', buffer: position },
  };
  return {
    ...repeated,
    accesses: repeated.accesses.with(words, word),
    packed: Object.assign([...packed], { [position]: { ...buffer, group } }),
  };
}

/** The address in its node of a constant that is packed in pairs. */
function addressInNode({ constant, coefficients }: PackedBuffer, address: Form, laneLoop: number): Form {
  const [, ...inside] = coefficients;
  const lane = inside.pop()!;
  const known = address.coefficients.map((coefficient, i) =>
    i === laneLoop ? lane : coefficient === 0 ? 0 : inside.shift()!,
  );
  return { constant, coefficients: known, wide: false };
}

/**
 * The step `count` times over, each time with the next elements. The innermost loop of the kernel that is given has its
 * new extent, and forms that still count single steps.
 */
function repeatStep(
  kernel: Kernel,
  { words, others, group, isPaired, isSigned }: Found,
  count: number,
): Kernel {
  const inner = kernel.extents.length - 1;
  const wide = mapForms(kernel, (form) => ({
    ...form,
    coefficients: form.coefficients.map((coefficient, i) =>
      i === inner ? count * coefficient : coefficient,
    ),
  }));
  const copies = Array.from({ length: count - 1 }, (_, copy) =>
    others.map((i): Access => {
      const { address } = wide.accesses[i]!;
      const constant = address.constant + (copy + 1) * kernel.accesses[i]!.address.coefficients[inner]!;
      return { ...wide.accesses[i]!, address: { ...address, constant } };
    }),
  );
  const accesses = [...wide.accesses, ...copies.flat()];
  // Every shift that takes an element to the end of its word or half of a word, and back to the start.
  const span = isPaired ? WORD / 2 : WORD;
  const distances = [
    ...new Set([span - group.bits, ...group.shifts.map((at) => span - group.bits - (at % span))]),
  ];
  const constants = [...kernel.constants, ...distances];
  const before = slotLayout(kernel);
  const slots = slotLayout({ ...kernel, constants, accesses });
  const moved = (slot: number): number => {
    if (slot < before.accesses) return slot;
    return slot < before.indices
      ? slot - before.accesses + slots.accesses
      : slot - before.indices + slots.indices;
  };
  const distance = (bits: number): number => before.accesses + distances.indexOf(bits);
  const [shl, shr]: [Operation, Operation] = isPaired
    ? ['i16x2.shl', isSigned ? 'i16x2.shr_s' : 'i16x2.shr_u']
    : ['i32.shl', isSigned ? 'i32.shr_s' : 'i32.shr_u'];
  const instructions: KernelInstruction[] = [];
  const add = (operation: Operation, ...args: number[]): number =>
    slots.results + instructions.push({ operation, args }) - 1;

  let accumulator = 0;
  for (let copy = 0; copy < count; copy++) {
    const at = group.shifts[isPaired ? 2 * copy : copy]! % span;
    let element = slots.accesses + words;
    if (span - group.bits - at > 0) element = add(shl, element, distance(span - group.bits - at));
    element = add(shr, element, distance(span - group.bits));
    const results: number[] = [];
    const slot = (from: number): number => {
      if (from === 0) return accumulator;
      if (from >= before.results) return results[from - before.results]!;
      const access = from - before.accesses;
      if (access === words) return element;
      const other = copy > 0 ? others.indexOf(access) : -1;
      return other < 0
        ? moved(from)
        : slots.accesses + kernel.accesses.length + (copy - 1) * others.length + other;
    };
    for (const { operation, args } of kernel.step.instructions)
      results.push(add(operation, ...args.map(slot)));
    accumulator = slot(kernel.step.result);
  }
  return {
    ...wide,
    constants,
    accesses,
    step: { instructions, result: accumulator },
    post: renumbered(kernel.post, moved),
  };
}
