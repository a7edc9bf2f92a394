import { byteLengthOf, type LoopNode, type Program, sizeOf } from '../../program/node.ts';
import { SIGN_BIT } from '../../scalar/float32.ts';
import { fuse } from '../graph/fuse.ts';
import { rowMajorStrides } from '../kernel/form.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { lower } from '../kernel/lower.ts';
import type { Kept } from '../memory/kept.ts';
import { mergeLoops } from '../passes/mergeLoops.ts';
import { loopCost } from '../passes/planNode.ts';
import { MAX_ACCESSES, PARAMETER, PARAMETER_WORDS, WORKGROUP } from './bindings.ts';
import type { GpuDevice } from './device.ts';
import { emitKernel } from './emit.ts';
import { emitTile } from './emitTile.ts';
import { interpreter } from './interpreter.ts';
import { mayDoubt } from './kernelText.ts';
import { basedAt } from './offsets.ts';
import { type Places, placeTensors } from './places.ts';
import { encodeRecord, fitsWords, itemsOf, slotCount } from './record.ts';
import { productOf, tileCount } from './tile.ts';

/** One call of a kernel on the device. */
export interface Dispatch {
  /** Text of the kernel. */
  readonly text: string;
  /** Position of its parameters. */
  readonly parameters: number;
  readonly groups: readonly [x: number, y: number];
}

/** The way of a node: calls on the device, or the reference engine for a loop that the device cannot do. */
export type NodeWork =
  | { readonly kind: 'device'; readonly dispatches: readonly Dispatch[]; readonly cost: number }
  | { readonly kind: 'host' }
  | { readonly kind: 'none' };

/** A program in one run mode, ready for the device. */
export interface DevicePlan {
  /** The program as it is run, with its loops fused. */
  readonly program: Program;
  readonly places: Places;
  readonly works: readonly NodeWork[];
  /** All kernels' parameters, {@link PARAMETER_WORDS} each. */
  readonly parameters: Uint32Array<ArrayBuffer>;
  /** Records of the interpreter. */
  readonly records: Uint32Array<ArrayBuffer>;
  /** Nodes of which items may be in doubt, in the order of their counters. */
  readonly doubtful: readonly number[];
  /** Number of counters of doubts, and words of counters and list together. */
  readonly counters: number;
  readonly doubtWords: number;
}

/** Most items in doubt that are listed; if there are more, the interpreter computes a node as a whole. */
const MAX_LISTED = 2 ** 20;

/** Workgroups that compute listed items. */
const LISTED_GROUPS = 64;

/** Slots of the interpreter are a multiple of this: few sizes, so that few are compiled. */
const SLOT_STEP = 128;

/** Most workgroups along one dimension of a dispatch (WebGPU's default limit). */
const MAX_GROUPS = 65_535;

function groupsOf(groups: number): [number, number] {
  return groups <= MAX_GROUPS ? [groups, 1] : [MAX_GROUPS, Math.ceil(groups / MAX_GROUPS)];
}

/** The kernel of a loop that has code of its own; undefined if the interpreter computes it. */
function kernelOf(loop: LoopNode, { nodes }: Program): Kernel | undefined {
  if (loop.operands.length > MAX_ACCESSES) return undefined;
  const piece = { loop, strides: rowMajorStrides(loop.shape, 1), first: 0 };
  return mergeLoops(lower(piece, nodes, byteLengthOf(loop)));
}

/**
 * @param constants places of the program's constants
 * @param isInterpreted whether the interpreter computes every node
 * @throws DeviceLimitError if the program does not fit the device
 */
export function planProgram(
  whole: Program,
  kept: Kept,
  constants: Places,
  device: Pick<GpuDevice, 'bufferBytes' | 'memories'>,
  isInterpreted: boolean,
): DevicePlan {
  const program = fuse(whole, kept.tensors);
  const places = placeTensors(program, kept, constants, device);
  const memories = places.bytes.length;
  const records: number[] = [];
  const parameters: number[][] = [];
  const loops = program.nodes.map((node) =>
    node.kind === 'loop' && sizeOf(node.shape) > 0 ? node : undefined,
  );
  const kernels = loops.map((loop) =>
    loop && fitsWords(loop) && !isInterpreted ? kernelOf(loop, program) : undefined,
  );
  const doubtful = kernels.map((kernel) => kernel !== undefined && mayDoubt(kernel));
  const counters = doubtful.filter(Boolean).length;
  const capacity = Math.min(
    MAX_LISTED,
    Math.max(0, ...loops.map((loop, i) => (doubtful[i] ? itemsOf(loop!) : 0))),
  );
  const slots = Math.max(1, ...loops.map((loop) => (loop ? slotCount(loop) : 0)));
  const slow = interpreter(memories, Math.ceil(slots / SLOT_STEP) * SLOT_STEP);
  let counter = 0;
  const works = loops.map((loop, i): NodeWork => {
    if (!loop) return { kind: 'none' };
    if (!fitsWords(loop)) return { kind: 'host' };
    const target = places.tensors[i]!;
    const read = loop.operands.map(({ node }) => places.tensors[node]!);
    const based = kernels[i] && basedAt(kernels[i], read);
    const kernel = based?.kernel;
    const words = new Array<number>(PARAMETER_WORDS).fill(0);
    words[PARAMETER.negativeZero] = SIGN_BIT;
    words[PARAMETER.record] = records.length;
    words[PARAMETER.list] = counters;
    words[PARAMETER.capacity] = capacity;
    words[PARAMETER.target] = target.word;
    for (const [a, first] of (based?.words ?? []).entries()) words[PARAMETER.accesses + a] = first;
    if (doubtful[i]) {
      words[PARAMETER.counter] = counter++;
      words[PARAMETER.isListed] = 1;
    }
    if (!kernel || doubtful[i]) records.push(...encodeRecord(loop, target, read));
    const groups = groupsOf(Math.ceil(itemsOf(loop) / WORKGROUP));
    const at = parameters.push(words) - 1;
    const dispatches: Dispatch[] = [];
    if (kernel) {
      const used = { target: target.memory, accesses: read, count: memories };
      const product = productOf(kernel);
      if (product) {
        const { steps, rows, lanes } = product.size;
        words[PARAMETER.quads] = steps / 4;
        words[PARAMETER.elements] = rows * lanes;
        const text = emitTile(kernel, product, used);
        dispatches.push({ text, parameters: at, groups: groupsOf(tileCount(product)) });
      }
      if (!product?.isWhole)
        dispatches.push({ text: emitKernel(kernel, used, product !== undefined), parameters: at, groups });
    }
    if (!kernel) dispatches.push({ text: slow, parameters: at, groups });
    else if (doubtful[i]) {
      const few: [number, number] = [Math.min(LISTED_GROUPS, groups[0]), 1];
      dispatches.push({ text: slow, parameters: at, groups: few });
    }
    return { kind: 'device', dispatches, cost: loopCost(loop) };
  });
  return {
    program,
    places,
    works,
    parameters: Uint32Array.from(parameters.flat()),
    records: Uint32Array.from(records),
    doubtful: doubtful.flatMap((is, i) => (is ? [i] : [])),
    counters,
    doubtWords: counters + capacity,
  };
}
