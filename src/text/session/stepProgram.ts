import type { CachedProgram, CacheWrite, ProgramPart } from '../../engine/cached.ts';
import type { Weights } from '../../engine/engine.ts';
import { ensure } from '../../onnx/errors.ts';
import { type DType, type LoopNode, type Node, type ScalarProgram, sizeOf } from '../../program/node.ts';
import { OPCODE } from '../../scalar/instructions.ts';
import {
  type Analysis,
  atNode,
  isComputed,
  isGiven,
  type RowAnalysis,
  reachesOf,
  rowCarrier,
  type Space,
} from './analysis.ts';
import { type Carrier, carrierOf, type RowAxis, stridesOf } from './axis.ts';
import { loopRows, type RowPosition } from './loopRows.ts';
import { TEXT_INPUTS } from './rowModel.ts';

/** A text model as a cached program: each part computes some rows, and writes those that later rows read to caches. */

/** The size of a part, and its results. */
export interface PartSize {
  /** Rows of a run. */
  readonly rows: number;
  /** Keys that are read: positions that may be seen, from the first one on. */
  readonly keys: number;
  /** Whether it yields rows of the target, or only fills caches. */
  readonly yields: boolean;
}

export interface StepProgram {
  readonly program: CachedProgram;
  readonly weights: Weights;
}

const NO_ROOT = new Uint8Array(32);
const NO_CODE: ScalarProgram = { code: [], result: 0 };

/**
 * @param fixed tensors of loops that depend on constants only, by node
 * @throws Refusal for a model whose rows are not understood
 */
export function stepProgram(
  analysis: Analysis,
  sizes: readonly PartSize[],
  fixed: ReadonlyMap<number, Uint8Array>,
): StepProgram {
  const writer = new StepWriter(analysis, fixed);
  const parts = sizes.map((size) => writer.part(size));
  return {
    program: { nodes: writer.nodes, caches: [...writer.caches.values()], parts },
    weights: writer.weights,
  };
}

/** The nodes of the part that is being written. */
interface PartNodes {
  readonly size: PartSize;
  /** The node that computes the rows of each node of the model. */
  readonly made: Map<number, number>;
  /** The node that holds the whole tensor of each node of the model, for this request. */
  readonly whole: Map<number, number>;
  /** Distance of keys in the tensor as the model has it, by node of the model. */
  readonly keys: Map<number, number>;
  readonly first: number;
  readonly ids: number;
  numbers(space: Space): number;
}

class StepWriter {
  readonly nodes: Node[] = [];
  readonly weights = new Map<number, Uint8Array>();
  readonly caches = new Map<number, number>();
  readonly #analysis: Analysis;
  readonly #fixed: ReadonlyMap<number, Uint8Array>;
  /** Nodes of constants, by node of the model. */
  readonly #constants = new Map<number, number>();
  readonly #tables = new Map<string, number>();
  readonly #requested = new Map<number, number>();
  /** Cached tensors whose rows lie last: a loop reads neighbouring rows for neighbouring elements of itself. */
  readonly #turned = new Set<number>();
  #slots = 0;

  constructor(analysis: Analysis, fixed: ReadonlyMap<number, Uint8Array>) {
    this.#analysis = analysis;
    this.#fixed = fixed;
    const { nodes } = analysis.model.program;
    for (const [i, own] of analysis.rows) this.#turnCaches(nodes[i]!, own);
    for (const node of analysis.cached)
      this.caches.set(node, this.#input(nodes[node]!.dtype, nodes[node]!.shape));
    for (const { node, dtype, shape } of analysis.model.inputs.slice(TEXT_INPUTS))
      this.#requested.set(node, this.#input(dtype, shape));
  }

  part(size: PartSize): ProgramPart {
    const { model, target, extents, rows, whole, dependence, cached } = this.#analysis;
    const { program, sequence } = model;
    const from = this.nodes.length;
    const first = this.#input('i32', []);
    const place = this.#input('i32', []);
    const ids = this.#input('i32', [size.rows]);
    const numbers = new Map<Space, number>();
    const part: PartNodes = {
      size,
      made: new Map([[sequence, ids]]),
      whole: new Map(),
      keys: new Map(),
      first,
      ids,
      numbers: (space) => {
        const known =
          numbers.get(space) ?? this.#push(counting(space === 'position' ? first : place, size.rows));
        numbers.set(space, known);
        return known;
      },
    };
    const writes: CacheWrite[] = [];
    const needed = size.yields ? undefined : this.#neededBy(cached);
    for (let i = 0; i <= target; i++) {
      const node = program.nodes[i]!;
      if (node.kind !== 'loop' || isGiven(model, i) || (needed && !needed.has(i))) continue;
      const own = rows.get(i);
      if (own) {
        part.made.set(i, this.#push(atNode(model, i, () => this.#rows(node, i, own, part))));
        const cache = this.caches.get(i);
        if (cache !== undefined) {
          ensure(!part.keys.has(i), 'a cached tensor has keys');
          const outer = sizeOf(node.shape) / (extents.position * own.inner);
          const isTurned = this.#turned.has(i);
          writes.push({ cache, rows: part.made.get(i)!, outer, inner: own.inner, isTurned });
        }
      }
      if (whole.has(i) && dependence[i] === 'request') {
        const operands = node.operands.map((operand) => ({
          ...operand,
          node: this.#wholeNode(operand.node, part),
        }));
        part.whole.set(i, this.#push({ ...node, operands }));
      }
    }
    return {
      from,
      to: this.nodes.length,
      inputs: [place, ids, ...this.#requested.values()],
      outputs: size.yields ? [part.made.get(target)!] : [],
      first,
      writes,
    };
  }

  /** Nodes that some nodes are computed from, themselves included. */
  #neededBy(wanted: ReadonlySet<number>): Set<number> {
    const { nodes } = this.#analysis.model.program;
    const needed = new Set(wanted);
    for (let i = nodes.length - 1; i >= 0; i--) {
      const node = nodes[i]!;
      if (needed.has(i) && node.kind === 'loop')
        for (const operand of node.operands) needed.add(operand.node);
    }
    return needed;
  }

  #rows(loop: LoopNode, i: number, own: RowAnalysis, part: PartNodes): LoopNode {
    const { extents, dependence } = this.#analysis;
    const reaches = reachesOf(this.#analysis, loop, own);
    const axis: RowAxis = { extent: extents[own.space], inner: own.inner };
    const carrier = rowCarrier(loop, own.inner);
    const key = this.#keys(loop, reaches, part);
    if (key && key.index < loop.shape.length) part.keys.set(i, key.unit * stridesOf(loop.shape)[key.index]!);
    const places = loop.operands.map((operand, o): RowPosition => {
      const reach = reaches[o]!;
      const { node } = operand;
      if (reach.kind === 'whole' || !this.#isComputed(node)) {
        const isCached = dependence[node] === 'tokens';
        if (!isCached) return { node: this.#wholeNode(node, part), shrunk: [] };
        const turned = this.#turned.has(node) ? this.#rowAxis(node) : undefined;
        return { node: this.caches.get(node)!, shrunk: [], turned };
      }
      const keyInner = part.keys.get(node);
      const isNumbers = node === this.#analysis.model.rowNumbers;
      return {
        node: isNumbers ? part.numbers('position') : part.made.get(node)!,
        shrunk: [
          { axis: { extent: extents[reach.rows.space], inner: reach.rows.inner }, extent: part.size.rows },
          ...(keyInner === undefined
            ? []
            : [{ axis: { extent: extents.position, inner: keyInner }, extent: part.size.keys }]),
        ],
      };
    });
    return loopRows(loop, {
      places,
      reaches,
      row: { carrier, axis, count: part.size.rows },
      key: key && { carrier: key, extent: extents.position, count: part.size.keys },
      numbers: () => part.numbers(own.space),
      constant: (o) => this.#constant(loop.operands[o]!.node),
      define: (...table) => this.#table(...table),
    });
  }

  /** The index by which a loop reads keys; undefined if it reads none, or all of them anyway. */
  #keys(loop: LoopNode, reaches: ReturnType<typeof reachesOf>, part: PartNodes): Carrier | undefined {
    const { extents, rows } = this.#analysis;
    const extent = extents.position;
    if (part.size.keys === extent) return undefined;
    const found = new Map<string, Carrier>();
    for (const [o, { node, view }] of loop.operands.entries()) {
      const isCache = reaches[o]!.kind === 'whole' && this.caches.has(node);
      const inner = isCache ? rows.get(node)!.inner : part.keys.get(node);
      if (inner === undefined) continue;
      const carrier = carrierOf(view, { extent, inner }, [...loop.shape, ...loop.fold]);
      if (carrier) found.set(`${carrier.index} ${carrier.unit}`, carrier);
      else ensure(isCache, 'it reads keys in an order of its own');
    }
    ensure(found.size <= 1, 'it reads keys by two indices');
    return [...found.values()][0];
  }

  #rowAxis(node: number): RowAxis {
    return { extent: this.#analysis.extents.position, inner: this.#analysis.rows.get(node)!.inner };
  }

  /** Turns caches for a loop that reads them by its innermost index, which SIMD lanes go along. */
  #turnCaches(loop: Node, own: RowAnalysis): void {
    if (loop.kind !== 'loop') return;
    const extents = [...loop.shape, ...loop.fold];
    for (const [o, reach] of reachesOf(this.#analysis, loop, own).entries()) {
      const { node, view } = loop.operands[o]!;
      if (reach.kind !== 'whole' || !this.#analysis.cached.has(node)) continue;
      const carrier = carrierOf(view, this.#rowAxis(node), extents);
      if (carrier?.index === loop.shape.length - 1 && carrier.unit === 1) this.#turned.add(node);
    }
  }

  #wholeNode(node: number, part: PartNodes): number {
    return part.whole.get(node) ?? this.#requested.get(node) ?? this.#takeConstant(node);
  }

  #isComputed(node: number): boolean {
    return isComputed(this.#analysis, node) || isGiven(this.#analysis.model, node);
  }

  #constant(node: number): Uint8Array | undefined {
    return this.#analysis.model.weights.get(node) ?? this.#fixed.get(node);
  }

  #takeConstant(node: number): number {
    const known = this.#constants.get(node);
    if (known !== undefined) return known;
    const { dtype, shape } = this.#analysis.model.program.nodes[node]!;
    const bytes = this.#constant(node);
    ensure(bytes, 'a tensor that depends on no request is not there');
    const made = this.#push({ kind: 'constant', dtype, shape, root: NO_ROOT });
    this.#constants.set(node, made);
    this.weights.set(made, bytes);
    return made;
  }

  #table(key: string, dtype: DType, shape: readonly number[], make: () => Uint8Array): number {
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const made = this.#push({ kind: 'constant', dtype, shape, root: NO_ROOT });
    this.#tables.set(key, made);
    this.weights.set(made, make());
    return made;
  }

  #input(dtype: DType, shape: readonly number[]): number {
    return this.#push({ kind: 'input', dtype, shape, slot: this.#slots++ });
  }

  #push(node: Node): number {
    return this.nodes.push(node) - 1;
  }
}

/** Numbers from a given one on, [count], int32. */
const counting = (first: number, count: number): LoopNode => ({
  kind: 'loop',
  dtype: 'i32',
  shape: [count],
  fold: [],
  init: 0,
  constants: [],
  operands: [{ node: first, dtype: 'i32', view: [], fill: 0 }],
  step: NO_CODE,
  // Slots: the accumulator, the first number, the index.
  post: { code: [{ opcode: OPCODE['i32.add'], a: 1, b: 2, c: 0 }], result: 3 },
  grain: 1,
  checkpoint: false,
});
