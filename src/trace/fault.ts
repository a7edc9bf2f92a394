import type { Session } from '../engine/engine.ts';
import { runLoop } from '../engine/reference/runLoop.ts';
import { wordReader, wordWriter } from '../engine/reference/word.ts';
import { equalBytes, type Hash } from '../merkle/keccak.ts';
import { type DType, ELEMENT_BYTES, type LoopNode, sizeOf } from '../program/node.ts';
import { RunTrace } from './run.ts';
import type { Trace } from './trace.ts';

/** A lie: one element of one node is not what the program says. */
export interface Fault {
  readonly node: number;
  readonly element: number;
  /** Bits of the element that are flipped, not zero; the lowest if left out. */
  readonly xor?: number;
  /** Fold step after which the accumulators are wrong too; if left out, only what the post program makes of them. */
  readonly step?: number;
}

/** Ways to compute an affected loop again. */
export type Rerun = (loop: LoopNode, tensors: readonly Uint8Array[], nodeIndex: number) => Uint8Array;

const DEFAULT_XOR = 1;

/** A tensor with the bits of lies flipped; to flip them again gives it back. */
function flipped(bytes: Uint8Array, dtype: DType, lies: readonly Fault[]): Uint8Array {
  if (lies.length === 0) return bytes;
  // A tensor that was not computed here belongs to another trace.
  const changed = bytes.slice();
  const [read, write] = [wordReader(dtype, changed), wordWriter(dtype, changed)];
  for (const { element, xor = DEFAULT_XOR } of lies) write(element, read(element) ^ xor);
  return changed;
}

const liesIn = (faults: readonly Fault[], nodeIndex: number): Fault[] =>
  faults.filter(({ node }) => node === nodeIndex);

/**
 * Takes affected tensors from a trace instead of computing them. From the honest one: the liar does not go on computing
 * from its lies. From one with some of the same lies: nothing is computed twice.
 *
 * @param planted the lies in that trace, which are told once, not once more
 */
export const keepFrom =
  ({ tensors: kept }: Pick<Trace, 'tensors'>, planted: readonly Fault[] = []): Rerun =>
  ({ dtype }, _tensors, nodeIndex) =>
    flipped(kept[nodeIndex]!, dtype, liesIn(planted, nodeIndex));

/** @throws RangeError if the fault names something that the program does not have, or changes nothing */
function checkFault(trace: Trace, { node: index, element, xor = DEFAULT_XOR, step }: Fault): void {
  const { nodes } = trace.model.program;
  const node = nodes[index];
  if (!node) throw new RangeError(`there is no node ${index}: the program has ${nodes.length}`);
  const elements = sizeOf(node.shape);
  if (!(Number.isInteger(element) && element >= 0 && element < elements)) {
    throw new RangeError(`there is no element ${element} in node ${index}: it has ${elements}`);
  }
  const mask = ELEMENT_BYTES[node.dtype] === 1 ? 0xff : 0xffffffff;
  if ((xor & mask) === 0) throw new RangeError(`flipping bits ${xor} of a ${node.dtype} changes nothing`);
  if (step === undefined) return;
  const steps = node.kind === 'loop' ? sizeOf(node.fold) : 0;
  if (!(Number.isInteger(step) && step >= 0 && step < steps)) {
    throw new RangeError(`there is no fold step ${step} in node ${index}: it has ${steps}`);
  }
}

/** The trace of a liar. What it shares with the honest run is not hashed again. */
class FaultyTrace extends RunTrace {
  readonly #honest: Trace;
  readonly #faults: readonly Fault[];

  constructor(honest: Trace, tensors: readonly Uint8Array[], faults: readonly Fault[]) {
    super(honest.model, tensors);
    this.#honest = honest;
    this.#faults = faults;
  }

  #isHonest(nodeIndex: number): boolean {
    return this.tensors[nodeIndex] === this.#honest.tensors[nodeIndex];
  }

  override tensorNode(nodeIndex: number, level: number, index: number): Hash {
    return this.#isHonest(nodeIndex)
      ? this.#honest.tensorNode(nodeIndex, level, index)
      : super.tensorNode(nodeIndex, level, index);
  }

  override accumulators(nodeIndex: number, element: number, positions: readonly number[]): number[] {
    const words = super.accumulators(nodeIndex, element, positions);
    const fault = this.#faults.find((one) => one.node === nodeIndex && one.element === element);
    if (fault?.step === undefined) return words;
    const { step, xor = DEFAULT_XOR } = fault;
    return words.map((word, i) => (positions[i]! > step ? (word ^ xor) >>> 0 : word));
  }

  override tensorRoot(nodeIndex: number): Hash {
    // The root in a constant's descriptor is not that of a changed tensor.
    return this.#isHonest(nodeIndex) ? this.#honest.tensorRoot(nodeIndex) : this.tensorTree(nodeIndex).root;
  }
}

/** A loop that a liar has to run again, with the tensors of the nodes before it. */
interface Affected {
  readonly loop: LoopNode;
  readonly tensors: readonly Uint8Array[];
  readonly nodeIndex: number;
}

/** Asks for each affected loop to be run again, in node order, and returns the liar's trace. */
function* planting(honest: Trace, faults: readonly Fault[]): Generator<Affected, Trace, Uint8Array> {
  for (const fault of faults) checkFault(honest, fault);
  const changed = new Set<number>();
  const tensors: Uint8Array[] = [];
  for (const [nodeIndex, node] of honest.model.program.nodes.entries()) {
    const before = honest.tensors[nodeIndex]!;
    let bytes = before;
    if (node.kind === 'loop' && node.operands.some((operand) => changed.has(operand.node))) {
      bytes = yield { loop: node, tensors, nodeIndex };
    }
    bytes = flipped(bytes, node.dtype, liesIn(faults, nodeIndex));
    const isChanged = bytes !== before && !equalBytes(bytes, before);
    if (isChanged) changed.add(nodeIndex);
    tensors.push(isChanged ? bytes : before);
  }
  return new FaultyTrace(honest, tensors, faults);
}

/**
 * The trace of somebody who lies at the given places and runs every node that depends on a lie again.
 *
 * @param rerun the reference engine if left out; {@link keepFrom} saves the time if only the lies matter
 *
 * @throws RangeError for a fault that the program has no place for
 */
export function plantFaults(honest: Trace, faults: readonly Fault[], rerun: Rerun = runLoop): Trace {
  const steps = planting(honest, faults);
  let step = steps.next();
  while (!step.done) {
    const { loop, tensors, nodeIndex } = step.value;
    step = steps.next(rerun(loop, tensors, nodeIndex));
  }
  return step.value;
}

/** {@link plantFaults}, with an engine that runs the nodes again. */
export async function plantFaultsOn(
  session: Session,
  honest: Trace,
  faults: readonly Fault[],
): Promise<Trace> {
  const steps = planting(honest, faults);
  let step = steps.next();
  while (!step.done) {
    const { tensors, nodeIndex } = step.value;
    step = steps.next(await session.runNode(nodeIndex, tensors));
  }
  return step.value;
}
