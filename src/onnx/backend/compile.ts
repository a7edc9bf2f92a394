import { type Hash, hexOf } from '../../merkle/keccak.ts';
import { tensorRoot } from '../../merkle/tensor.ts';
import { withCheckpoints } from '../../program/blocks.ts';
import { encodeNode } from '../../program/codec.ts';
import { LIMITS } from '../../program/limits.ts';
import { type ConstantNode, type DType, ELEMENT_BYTES, type Node, type Program } from '../../program/node.ts';
import { validate } from '../../program/validate.ts';
import { ImportError } from '../errors.ts';
import type { Sketch } from '../ir/sketch.ts';
import { type Tensor, type Words, wordsFor } from '../ir/tensor.ts';
import { type Loop, layOut, type OperandSource, TooLarge } from '../loops/loop.ts';
import { MustStore, type Resolution, resolve } from '../loops/resolve.ts';
import { inBlocks } from './blocks.ts';
import { type Stored, withCopies } from './copies.ts';
import { emit, type Location } from './emit.ts';
import { fuse } from './fuse.ts';
import { withGrain } from './grain.ts';

/** From tensors to a program: what is stored, loops, constants, grain, node numbers. */

export interface Compiled {
  readonly program: Program;
  /** Bytes of each constant node. */
  readonly weights: Map<number, Uint8Array>;
  /** A description of each node, for people. */
  readonly labels: readonly string[];
  /** Node of each output, in the order given. */
  readonly outputs: readonly number[];
  /** Node of each tensor that was to be found again, in the order given. */
  readonly marked: readonly number[];
}

/** Tensors that a program has besides inputs and outputs. */
export interface Besides {
  /** Tensors that a claim supplies, in slot order after the inputs. */
  readonly answers?: readonly Tensor[];
  /** Tensors to be stored as nodes of their own and found again. */
  readonly marked?: readonly Tensor[];
}

/**
 * Constants up to this size share one node: each node that a program saves makes every opening of its trace
 * shorter, which outweighs the longer openings inside the shared tensor.
 */
const SHARED_CONSTANT_BYTES = 65_536;

/** Loops of a program, far below what the chain allows: disputes stay short, and compiling takes seconds. */
const MAX_LOOPS = 8192;

export function compile(
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  sketchOf: (tensor: Tensor) => Sketch,
  { answers = [], marked = [] }: Besides = {},
): Compiled {
  const supplied = [...inputs, ...answers];
  const loops = loopsOf([...outputs, ...marked], sketchOf);
  const constants = new Constants();
  for (const { loop } of loops) {
    for (const { source } of loop.operands) constants.take(source);
  }
  const nodes: Node[] = supplied.map(({ type: { dtype }, shape }, slot) => ({
    kind: 'input',
    dtype,
    shape,
    slot,
  }));
  const names = supplied.map(({ label }) => label);
  const bytesOf = new Map<number, Uint8Array>();
  for (const { node, bytes, label } of constants.nodes()) {
    bytesOf.set(nodes.length, bytes);
    nodes.push(node);
    names.push(label);
  }
  const nodeOf = new Map<Tensor, number>(supplied.map((tensor, i) => [tensor, i]));
  const known = new Map<string, number>();
  for (const { tensor, loop, label } of loops) {
    const { node } = withGrain(
      emit(loop, (source) =>
        'tensor' in source && source.tensor.source.kind !== 'constant'
          ? { node: nodeOf.get(source.tensor) as number }
          : constants.locate(source, supplied.length),
      ),
    );
    // Equal nodes are one node (a maximum that two operators take of the same tensor).
    const key = hexOf(encodeNode(node));
    const same = known.get(key);
    nodeOf.set(tensor, same ?? nodes.length);
    if (same !== undefined) continue;
    known.set(key, nodes.length);
    nodes.push(node);
    names.push(label);
  }
  if (nodes.length > LIMITS.MAX_NODES)
    throw new ImportError(`model: ${nodes.length} program nodes, of ${LIMITS.MAX_NODES}`);
  const laidOut = inBlocks({
    program: {
      nodes,
      inputs: inputs.map((_, slot) => slot),
      outputs: outputs.map((tensor) => nodeOf.get(tensor) as number),
      ...(answers.length > 0 ? { answers: answers.map((_, i) => inputs.length + i) } : {}),
    },
    weights: bytesOf,
    labels: names,
    marked: marked.map((tensor) => nodeOf.get(tensor) as number),
  });
  const { weights, labels } = laidOut;
  const program = withCheckpoints(laidOut.program);
  // The compiler must not emit a program that the chain would call malformed.
  const [violation] = validate(program);
  if (violation) {
    throw new ImportError(`${labels[violation.node] ?? 'model'}: ${violation.message}`);
  }
  return { program, weights, labels, outputs: program.outputs, marked: laidOut.marked ?? [] };
}

/** Lays out every stored tensor, storing more of them until each loop is one that a node can be. */
function loopsOf(outputs: readonly Tensor[], sketchOf: (tensor: Tensor) => Sketch): Stored[] {
  const forced = new Set<Tensor>();
  const done = new Map<Tensor, { key: string; stored: Stored }>();
  for (;;) {
    const { stored, isStored } = fuse(outputs, forced, sketchOf);
    if (stored.length > MAX_LOOPS) {
      throw new ImportError(
        `model: ${stored.length} tensors to compute, of ${MAX_LOOPS} allowed; unroll fewer steps or layers`,
      );
    }
    const before = forced.size;
    const loops: Stored[] = [];
    for (const tensor of stored) {
      try {
        const resolution = resolve(tensor, isStored);
        const key = resolution.inlined.map(({ id }) => id).join();
        const known = done.get(tensor);
        // A loop depends on what it computes in place only.
        if (known?.key === key) {
          loops.push(known.stored);
          continue;
        }
        const loop = checked(tensor, resolution, sketchOf, forced);
        const made = { tensor, loop, label: labelOf(tensor, resolution.inlined) };
        done.set(tensor, { key, stored: made });
        loops.push(made);
      } catch (error) {
        if (!(error instanceof MustStore)) throw error;
        if (isStored(error.tensor)) {
          throw new ImportError(`${tensor.label}: ${tensor.name} cannot be laid out as one loop`);
        }
        forced.add(error.tensor);
      }
    }
    if (forced.size === before) return withCopies(loops, isStored);
  }
}

/** Lays the loop out and tries it as a node; if it is too large, the most laborious tensor computed in it is to be stored. */
function checked(
  tensor: Tensor,
  resolution: Resolution,
  sketchOf: (tensor: Tensor) => Sketch,
  forced: ReadonlySet<Tensor>,
): Loop {
  try {
    const loop = layOut(tensor, resolution);
    emit(loop, () => ({ node: 0 }));
    return loop;
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    const { inlined } = resolution;
    const candidates = inlined.filter((one) => one !== tensor && !forced.has(one));
    const [first] = candidates
      .map((one) => ({ one, weight: sketchOf(one).operations + sketchOf(one).readings.length }))
      .sort((a, b) => b.weight - a.weight || a.one.id - b.one.id);
    if (!first) throw new ImportError(`${tensor.label}: one loop with ${error.message}`);
    throw new MustStore(first.one);
  }
}

/** `Conv_12 (Conv+Relu)`: the first ONNX node's name, and the operators in order. */
function labelOf(tensor: Tensor, inlined: readonly Tensor[]): string {
  const parts = [...new Set([...inlined, tensor])].sort((a, b) => a.id - b.id).map(({ label }) => label);
  // Of the steps of one node the last one counts: it is what the loop computes.
  const distinct = [
    ...new Map(parts.map((label) => [label.replace(/(\[\d+\])+(?= \()/, ''), label])).values(),
  ];
  const [head = ''] = distinct;
  const operators = distinct.map((label) => /\(([^()]*)\)$/.exec(label)?.[1] ?? label);
  return operators.length > 1 ? `${head.replace(/ \([^()]*\)$/, '')} (${operators.join('+')})` : head;
}

interface Found {
  readonly dtype: DType;
  readonly words: Words;
  /** Read through one dimension, so that it can be part of a larger constant. */
  readonly isFlat: boolean;
}

interface Pooled extends Found {
  /** Equal for equal constants only. */
  readonly key: string;
  readonly root: Hash;
}

const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Words as bytes of a tensor; where a machine has the words so already, they are not copied. */
const bytesOfWords = (words: Words): Uint8Array => {
  if (IS_LITTLE_ENDIAN || words.BYTES_PER_ELEMENT === 1)
    return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  const bytes = new Uint8Array(words.byteLength);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < words.length; i++) view.setUint32(4 * i, words[i]!, true);
  return bytes;
};

/** The constants of all loops: equal ones once, small ones together. */
class Constants {
  readonly #entries = new Map<string, Pooled>();
  /** Constants read through one dimension, and the others. */
  readonly #flat = new Map<Words, Pooled>();
  readonly #whole = new Map<Words, Pooled>();
  readonly #places = new Map<string, Location>();

  take(source: OperandSource): void {
    const found = constantOf(source);
    if (!found) return;
    const pooled = this.#pool(found);
    if (!this.#entries.has(pooled.key)) this.#entries.set(pooled.key, pooled);
  }

  #pool(found: Found): Pooled {
    const { words, dtype, isFlat } = found;
    const pool = isFlat ? this.#flat : this.#whole;
    const known = pool.get(words);
    if (known) return known;
    const root = (this.#flat.get(words) ?? this.#whole.get(words))?.root ?? tensorRoot(bytesOfWords(words));
    // A constant that is a node of its own is read through any shape.
    const isSmall = words.length * ELEMENT_BYTES[dtype] <= SHARED_CONSTANT_BYTES;
    const pooled = { ...found, root, key: `${dtype} ${isFlat || !isSmall} ${words.length} ${hexOf(root)}` };
    pool.set(words, pooled);
    return pooled;
  }

  /** @param base node number of the first constant */
  locate(source: OperandSource, base: number): Location {
    const place = this.#places.get(this.#pool(constantOf(source) as Found).key) as Location;
    return { ...place, node: place.node + base };
  }

  nodes(): { node: ConstantNode; bytes: Uint8Array; label: string }[] {
    const groups: Pooled[][] = [];
    const shared = new Map<DType, Pooled[]>();
    for (const entry of this.#entries.values()) {
      const bytes = entry.words.length * ELEMENT_BYTES[entry.dtype];
      const isSmall = entry.isFlat && bytes <= SHARED_CONSTANT_BYTES;
      const group = isSmall ? shared.get(entry.dtype) : undefined;
      if (group) group.push(entry);
      else {
        groups.push([entry]);
        if (isSmall) shared.set(entry.dtype, groups.at(-1) as Pooled[]);
      }
    }
    return groups.map((group, node) => {
      const total = group.reduce((sum, { words }) => sum + words.length, 0);
      const isShared = group.length > 1;
      const words = isShared ? wordsFor(group[0]!.dtype, total) : (group[0] as Pooled).words;
      let base = 0;
      for (const entry of group) {
        if (isShared) words.set(entry.words, base);
        this.#places.set(entry.key, entry.isFlat ? { node, part: { base, total } } : { node });
        base += entry.words.length;
      }
      const { dtype, root } = group[0] as Pooled;
      const bytes = bytesOfWords(words);
      const label = isShared ? `weights (${group.length} constants)` : 'weights';
      return {
        node: { kind: 'constant', dtype, shape: [total], root: isShared ? tensorRoot(bytes) : root },
        bytes,
        label,
      };
    });
  }
}

function constantOf(source: OperandSource): Found | undefined {
  if ('constant' in source) return { ...source.constant, isFlat: true };
  const { tensor } = source;
  if (tensor.source.kind !== 'constant') return undefined;
  return { words: tensor.source.words, dtype: tensor.type.dtype, isFlat: false };
}
