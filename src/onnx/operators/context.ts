import { ensure, quoted, Refusal } from '../errors.ts';
import type { Expression, Reading } from '../ir/expression.ts';
import type { Index } from '../ir/indices.ts';
import { reading, type Tensor, type Words } from '../ir/tensor.ts';
import type { AttributeValue, GraphNode, Subgraph, TensorValue } from '../read/graph.ts';
import { locationOf } from '../read/model.ts';
import type { Definition } from '../tensors/builder.ts';
import type { Doubles } from '../tensors/doubles.ts';
import { Rows, readsByRow } from '../tensors/rows.ts';
import type { ElementType } from '../types.ts';
import type { RunOptions, Surroundings } from './surroundings.ts';
import { isTensor, numbersOf, type Output, type Value } from './value.ts';

/** Lowers a node to its outputs, in order (later ones may be missing). */
export type Lowering = (context: Context) => Value | readonly (Output | undefined)[];

/** Lowerings by the name of the operator, as each file of a domain exports them. */
export type Operators = Readonly<Record<string, Lowering>>;

/** One ONNX node being lowered: its inputs and attributes with their checks, and the means to define tensors. */
export class Context {
  readonly #node: GraphNode;
  /** Version of the operator set that the node's domain is imported with. */
  readonly version: number;
  readonly #around: Surroundings;
  readonly #inputs: readonly (Value | undefined)[];
  /** Attributes that were asked for so far. */
  readonly #attributesRead: Set<string>;
  readonly #inputsRead = new Set<number>();

  constructor(
    node: GraphNode,
    version: number,
    inputs: readonly (Value | undefined)[],
    around: Surroundings,
    attributesRead = new Set<string>(),
  ) {
    this.#node = node;
    this.version = version;
    this.#inputs = inputs;
    this.#around = around;
    this.#attributesRead = attributesRead;
  }

  /** The same node with other inputs, for an operator that is another one on other tensors. */
  withInputs(inputs: readonly (Tensor | undefined)[]): Context {
    return new Context(this.#node, this.version, inputs, this.#around, this.#attributesRead);
  }

  get operator(): string {
    return this.#node.operator;
  }

  get inputCount(): number {
    return this.#inputs.length;
  }

  get outputCount(): number {
    return this.#node.outputs.length;
  }

  /** Whether the node names its output `i`. */
  wants(i: number): boolean {
    return Boolean(this.#node.outputs[i]);
  }

  /** Says that attributes change nothing on this node; all others must be read. */
  disregard(...attributes: readonly string[]): void {
    for (const name of attributes) this.#attributesRead.add(name);
  }

  /** Says that an input changes nothing on this node; all others must be read. */
  disregardInput(i: number): void {
    this.#inputsRead.add(i);
  }

  /** @throws Refusal if something about the node was neither read nor disregarded */
  ensureAllRead(): void {
    for (const name of this.#node.attributes.keys()) {
      ensure(
        this.#attributesRead.has(name),
        () => `its attribute ${quoted(name)} is not supported here; remove it if it has no effect`,
      );
    }
    this.#inputs.forEach((value, i) => {
      ensure(
        !value || this.#inputsRead.has(i),
        () =>
          `its input ${i} (${quoted(this.#node.inputs[i] ?? '')}) is not supported here; remove it if it has no effect`,
      );
    });
  }

  /** An input of any kind, if there is one. */
  given(i: number): Value | undefined {
    this.#inputsRead.add(i);
    return this.#inputs[i];
  }

  input(i: number): Tensor {
    const tensor = this.optional(i);
    ensure(tensor, `input ${i} is missing`);
    return tensor;
  }

  optional(i: number): Tensor | undefined {
    const value = this.given(i);
    ensure(!value || isTensor(value), `input ${i} is a sequence or an empty optional, not a tensor`);
    return value;
  }

  /** An input of any kind. */
  value(i: number): Value {
    const value = this.given(i);
    ensure(value, `input ${i} is missing`);
    return value;
  }

  /** The tensors of an input that is a sequence. */
  sequence(i: number): readonly Tensor[] {
    const value = this.value(i);
    ensure(!isTensor(value) && value.kind === 'sequence', `input ${i} is no sequence`);
    return value.items;
  }

  /** All inputs of an operator that takes any number. */
  inputs(): Tensor[] {
    return this.#inputs.map((_, i) => this.input(i));
  }

  /** Labels what `work` defines as belonging to a step of an unrolled node. */
  step<T>(number: number, work: () => T): T {
    const { builder } = this.#around;
    const before = builder.current;
    const label = before.label.replace(/ \([^()]*\)$/, (operator) => `[${number}]${operator}`);
    builder.current = { ...before, label };
    const made = work();
    builder.current = before;
    return made;
  }

  /** Tells the publisher something about the node. */
  note(text: string): void {
    this.#around.note(`${locationOf(this.#node)}: ${text}`);
  }

  /** Numbers of an input that decides shapes and must therefore be known now. */
  known(i: number, what: string): number[] {
    const tensor = this.input(i);
    const values = this.numbers(tensor);
    if (!values) throw this.dependent(what, tensor);
    return values;
  }

  /** Whether the node runs whenever the model does. */
  get isCertain(): boolean {
    return this.#around.isCertain;
  }

  /** The builder's {@link Builder.knownWords}. */
  knownWords(tensor: Tensor): Words | undefined {
    return this.#around.builder.knownWords(tensor);
  }

  /** Values of a constant, exact of type double; `undefined` if the tensor is none. @throws Refusal as `exactKeys` does */
  numbers(tensor: Tensor): number[] | undefined {
    const values = numbersOf(tensor);
    return values && (this.doubles.exactNumbers(tensor) ?? values);
  }

  /** The refusal of a node for which a tensor would have to be known. */
  dependent(what: string, tensor: Tensor): Refusal {
    const names = this.#around.builder.inputsOf(tensor);
    if (names.length === 0) {
      return new Refusal(`${what} ("${tensor.name}") takes too much computation to be known at import`);
    }
    const bind = names.map((name) => `--bind ${name}=FILE`).join(' ');
    return new Refusal(
      `${what} (input "${tensor.name}") depends on the model's inputs; fix it with ${bind}`,
      names,
    );
  }

  knownOr(i: number, what: string, otherwise: number[] | undefined): number[] | undefined {
    return this.optional(i) ? this.known(i, what) : otherwise;
  }

  /**
   * The input's tensor times `factor` plus `shift` (both by channel) as its producer would compute it with other
   * weights; `undefined` if it cannot, or if the unscaled tensor is needed as well.
   */
  rescaled(i: number, factor: Tensor, shift: Tensor): Tensor | undefined {
    return this.#around.uses(this.#node.inputs[i] ?? '') === 1
      ? this.input(i).rescale?.(factor, shift)
      : undefined;
  }

  define(definition: Definition): Tensor {
    return this.#around.builder.define(definition);
  }

  /**
   * Rows of a matrix that is held in bytes, computed from these, with an axis of one for each number; `undefined` for
   * another tensor, or one whose rows share numbers.
   *
   * @param numbers of the rows, [rows]
   */
  rowsInBytes(tensor: Tensor, axis: number, numbers: Tensor): Tensor | undefined {
    const { builder } = this.#around;
    if (!builder.isInBytes(tensor) || !readsByRow(tensor, axis)) return undefined;
    return new Rows(builder, numbers, { computes: () => true, whole: (read) => read }).computed(tensor, axis);
  }

  constant(type: ElementType, shape: readonly number[], values: ArrayLike<number>): Tensor {
    return this.#around.narrowing.constant(type, shape, values);
  }

  /** Whether the steps of an operator that ONNX defines by others are rounded in a type. */
  isRounded(type: ElementType): boolean {
    return this.#around.narrowing.isRounded(type);
  }

  /** The exact elements of tensors of type double. */
  get doubles(): Doubles {
    return this.#around.narrowing.doubles;
  }

  /** The rounding of results to a type. The node's outputs are rounded anyway. */
  rounding(type: ElementType): (x: Expression) => Expression {
    return this.#around.narrowing.rounding(type);
  }

  /** Notes that a tensor's elements are all those of others. */
  exactAs(tensor: Tensor, others: readonly Tensor[]): Tensor {
    return this.#around.narrowing.exactAs(tensor, others);
  }

  /** Notes that a tensor's elements are rounded to its type already. */
  exact(tensor: Tensor): Tensor {
    return this.#around.narrowing.exact(tensor);
  }

  #attribute<K extends AttributeValue['kind']>(
    name: string,
    kind: K,
  ): Extract<AttributeValue, { kind: K }> | undefined {
    this.#attributesRead.add(name);
    const attribute = this.#node.attributes.get(name);
    if (!attribute) return undefined;
    // An empty list has no type of its own in files that leave types out.
    ensure(attribute.kind === kind, () => `attribute ${name} is of kind ${describe(attribute)}, not ${kind}`);
    return attribute as Extract<AttributeValue, { kind: K }>;
  }

  has(name: string): boolean {
    this.#attributesRead.add(name);
    return this.#node.attributes.has(name);
  }

  /** Reads an attribute of which one value alone is supported. @throws Refusal for another one */
  only(name: string, supported: number | string): void {
    const given = typeof supported === 'number' ? this.int(name, supported) : this.string(name, supported);
    ensure(given === supported, () => `${name} ${quoted(String(given))} is not supported; ${supported} is`);
  }

  float(name: string, otherwise: number): number {
    return this.#attribute(name, 'float')?.value ?? otherwise;
  }

  int(name: string, otherwise: number): number {
    return this.#attribute(name, 'int')?.value ?? otherwise;
  }

  string(name: string, otherwise: string): string {
    return this.#attribute(name, 'string')?.value ?? otherwise;
  }

  ints(name: string): readonly number[] | undefined;
  ints(name: string, otherwise: readonly number[]): readonly number[];
  ints(name: string, otherwise?: readonly number[]): readonly number[] | undefined {
    return this.#attribute(name, 'ints')?.value ?? otherwise;
  }

  floats(name: string): readonly number[] | undefined {
    return this.#attribute(name, 'floats')?.value;
  }

  tensor(name: string): TensorValue | undefined {
    return this.#attribute(name, 'tensor')?.value;
  }

  strings(name: string): readonly string[] | undefined {
    return this.#attribute(name, 'strings')?.value;
  }

  /** A graph among the attributes. */
  graph(name: string): Subgraph {
    const graph = this.#attribute(name, 'graph')?.value;
    ensure(graph, `its graph ${name} is missing`);
    return graph;
  }

  /** Records which branch is taken, of a condition that is known. */
  take(isTrue: boolean): void {
    const { branches, current } = this.#around.builder;
    branches.set(current.label, isTrue);
  }

  /** Lowers a graph among the attributes with these inputs. @returns what its outputs are */
  run(name: string, inputs: readonly Value[], how?: RunOptions): Value[] {
    return this.#around.run(this.graph(name), inputs, how);
  }

  /** An axis attribute made non-negative. */
  axis(axis: number, rank: number): number {
    const made = axis < 0 ? axis + rank : axis;
    ensure(Number.isInteger(made) && made >= 0 && made < rank, `axis ${axis} is outside rank ${rank}`);
    return made;
  }

  axes(axes: readonly number[], rank: number): number[] {
    const made = axes.map((axis) => this.axis(axis, rank));
    ensure(new Set(made).size === made.length, `axes ${axes} name one twice`);
    return made;
  }
}

const describe = (attribute: AttributeValue): string =>
  attribute.kind === 'unsupported' ? `"${attribute.what}"` : attribute.kind;

/** Element of a tensor that is known to have these indices. */
export const at = (tensor: Tensor, indices: readonly Index[]): Reading => reading(tensor, indices);

/** Element of a tensor, or `fill` (a word) where an index is outside. */
export const atOr = (tensor: Tensor, indices: readonly Index[], fill: number): Reading =>
  reading(tensor, indices, fill);

export type { Expression };
