import { ensure, ImportError, Omitted, quoted, Refusal, within } from '../errors.ts';
import type { Surroundings } from '../operators/surroundings.ts';
import { isOmitted, isTensor, type Value } from '../operators/value.ts';
import {
  type AttributeValue,
  functionKey,
  type Graph,
  type GraphFunction,
  type GraphNode,
  type Subgraph,
} from '../read/graph.ts';
import { locationOf } from '../read/model.ts';
import { inOrder, namesRead } from '../read/order.ts';
import type { Builder } from '../tensors/builder.ts';
import type { Narrowing } from '../tensors/narrowing.ts';
import { lowerNode } from './node.ts';

/** Nodes that the loops and functions of one model may come to, beyond those of the main graph. */
const MAX_EXPANDED_NODES = 20_000;
/** Graphs and functions inside one another. */
const MAX_NESTING = 64;

/** State that all scopes of one import share. */
interface ImportState {
  readonly builder: Builder;
  readonly narrowing: Narrowing;
  readonly functions: ReadonlyMap<string, GraphFunction>;
  /** Warnings for the publisher. */
  readonly notes: string[];
  expandedNodes: number;
  /** The parts of a graph that are the same in all passes of a loop and all calls of a function. */
  readonly plans: Map<Subgraph, Plan>;
}

interface Plan {
  readonly order: readonly GraphNode[];
  /**
   * Uses of each value name, as input of a node or output of the graph. A use inside a subgraph counts as two, so that it
   * is never mistaken for a single use.
   */
  readonly uses: ReadonlyMap<string, number>;
  /** Initializers, and what nodes of the operator Constant yield. */
  readonly constants: Map<string, Value | Omitted>;
  /** Names of the graph's inputs; those of a function may be left out of a call. */
  readonly inputs: ReadonlySet<string>;
}

interface Environment {
  readonly opsets: ReadonlyMap<string, number>;
  /** Attributes of the call, in a function. */
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  /** The scope whose names the graph can read. */
  readonly outer: Scope | undefined;
  readonly depth: number;
  /** Passes of the loops around it, for labels: `[3]`; empty outside loops. */
  readonly passes: string;
  /** Whether the graph runs whenever the model does. */
  readonly isCertain: boolean;
}

export const mainScope = (graph: Graph, builder: Builder, narrowing: Narrowing, notes: string[]): Scope =>
  new Scope(
    graph,
    { builder, narrowing, functions: graph.functions, notes, expandedNodes: 0, plans: new Map() },
    { opsets: graph.opsets, attributes: new Map(), outer: undefined, depth: 0, passes: '', isCertain: true },
  );

/**
 * The names of one graph while it is lowered: the main graph, a branch, one pass of a loop's body, a call of a
 * function. Refusals are lazy: a node that cannot be lowered is refused once a value that is needed depends on it.
 */
export class Scope {
  readonly #module: ImportState;
  readonly #environment: Environment;
  readonly #plan: Plan;
  readonly #values: Map<string, Value | ImportError>;

  constructor(graph: Subgraph, module: ImportState, environment: Environment) {
    this.#module = module;
    this.#environment = environment;
    const plan = module.plans.get(graph) ?? planOf(graph, module);
    module.plans.set(graph, plan);
    this.#plan = plan;
    this.#values = new Map(plan.constants);
  }

  define(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  /** @throws ImportError if what should yield the name was refused */
  get(name: string): Value | undefined {
    const value = this.#values.get(name) ?? this.#environment.outer?.get(name);
    if (value instanceof ImportError) throw value;
    return value;
  }

  /** Why what should yield the name leaves it out, if it does. */
  omitted(name: string): Omitted | undefined {
    const value = this.#values.get(name);
    return value instanceof Omitted ? value : undefined;
  }

  /** Lowers the nodes that the graph's outputs need. */
  lower(): void {
    const { builder, narrowing } = this.#module;
    const { order, uses } = this.#plan;
    const around: Surroundings = {
      builder,
      narrowing,
      uses: (name) => uses.get(name) ?? 0,
      run: (graph, inputs, { pass, isCertain = true } = {}) => {
        const passes = pass === undefined ? this.#environment.passes : `${this.#environment.passes}[${pass}]`;
        const environment = { ...this.#environment, outer: this, passes };
        return this.#run(graph, inputs, { ...environment, isCertain: isCertain && environment.isCertain });
      },
      isCertain: this.#environment.isCertain,
      note: (text) => this.#module.notes.push(text),
    };
    for (const node of order) {
      if (isConstantNode(node) && this.#values.has(node.outputs[0] as string)) continue;
      try {
        within(locationOf(node), () => fitting(() => this.#lowerNode(node, around)));
      } catch (error) {
        if (!(error instanceof ImportError)) throw error;
        for (const name of node.outputs) this.#values.set(name, error);
      }
    }
  }

  #lowerNode(node: GraphNode, around: Surroundings): void {
    const { builder, functions } = this.#module;
    if (this.#environment.depth > 0) this.#module.expandedNodes++;
    if (this.#module.expandedNodes > MAX_EXPANDED_NODES) {
      throw new Refusal(
        `with it loops and functions come to more than ${MAX_EXPANDED_NODES} nodes; export with fewer steps`,
      );
    }
    const inputs = node.inputs.map((name) => {
      const value = name === '' ? undefined : this.get(name);
      if (!value && name !== '' && !this.#plan.inputs.has(name)) {
        throw new Refusal(`it reads ${quoted(name)}, which nothing in the graph yields`);
      }
      return value;
    });
    builder.current = {
      name: node.outputs[0] ?? '',
      label: `${node.name || node.outputs[0] || node.operator}${this.#environment.passes} (${node.operator})`,
      location: locationOf(node),
    };
    const attributes = this.#resolved(node.attributes);
    const own = functions.get(functionKey(node.domain, node.operator));
    const results = own
      ? this.#call(own, { ...node, attributes }, inputs)
      : lowerNode({ ...node, attributes }, this.#environment.opsets.get(node.domain) ?? 1, inputs, around);
    node.outputs.forEach((name, i) => {
      if (name === '') return;
      const result = results[i];
      if (result && isOmitted(result)) {
        this.#values.set(
          name,
          new Omitted(`${locationOf(node)}: its output ${quoted(name)} ${result.omitted}`),
        );
      } else if (result) {
        const value = isTensor(result) ? around.narrowing.rounded(result) : result;
        this.#values.set(name, value);
        if (isConstantNode(node)) this.#plan.constants.set(name, value);
      } else if (around.uses(name) > 0)
        throw new Refusal(`its output ${i} (${quoted(name)}) is not supported`);
    });
  }

  #resolved(attributes: GraphNode['attributes']): GraphNode['attributes'] {
    if (![...attributes.values()].some(({ kind }) => kind === 'reference')) return attributes;
    // An attribute that the call does not give is left out, so that the operator's own default holds.
    return new Map(
      [...attributes].flatMap(([name, attribute]) => {
        const value =
          attribute.kind === 'reference' ? this.#environment.attributes.get(attribute.name) : attribute;
        return value ? [[name, value] as const] : [];
      }),
    );
  }

  #call(
    own: GraphFunction,
    { attributes, ...node }: GraphNode,
    inputs: readonly (Value | undefined)[],
  ): Value[] {
    for (const name of attributes.keys()) {
      ensure(
        own.attributes.has(name),
        `the function that it calls has no attribute ${quoted(name)}; remove it if it has no effect`,
      );
    }
    for (const kind of ['inputs', 'outputs'] as const) {
      ensure(
        node[kind].length <= own[kind].length,
        `it has ${node[kind].length} ${kind}, and the function that it calls ${own[kind].length}`,
      );
    }
    return this.#run(own, inputs, {
      ...this.#environment,
      opsets: own.opsets,
      attributes: new Map([...own.defaults, ...attributes]),
      outer: undefined,
    });
  }

  #run(graph: Subgraph, inputs: readonly (Value | undefined)[], environment: Environment): Value[] {
    const depth = environment.depth + 1;
    if (depth > MAX_NESTING) throw new Refusal(`graphs and functions are nested deeper than ${MAX_NESTING}`);
    const scope = new Scope(graph, this.#module, { ...environment, depth });
    graph.inputs.forEach(({ name }, i) => {
      const value = inputs[i];
      if (value) scope.define(name, value);
    });
    scope.lower();
    return graph.outputs.map(({ name }) => {
      const value = scope.get(name);
      if (!value) throw new Refusal(`nothing yields the output ${quoted(name)}`);
      return value;
    });
  }
}

/**
 * Lowerings check what models get wrong. What is left, such as ranks that no operator's definition allows, ends in
 * the language's own errors, and is a refusal like any other.
 */
function fitting(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new Refusal(`its inputs or attributes do not fit the operator (${error.message})`);
    }
    throw error;
  }
}

/** A constant that does not depend on the call of the function it is in. */
const isConstantNode = ({ domain, operator, attributes, outputs }: GraphNode): boolean =>
  domain === '' &&
  operator === 'Constant' &&
  outputs.length === 1 &&
  [...attributes.values()].every(({ kind }) => kind !== 'reference');

function planOf(graph: Subgraph, { builder, narrowing }: ImportState): Plan {
  const constants = new Map<string, Value | Omitted>();
  for (const [name, value] of graph.initializers) {
    const location = `initializer ${quoted(name)}`;
    if (value.type === 'string') {
      constants.set(name, new Omitted(`${location}: its elements are strings, which no program holds`));
      continue;
    }
    builder.current = { name, label: `constant ${name}`, location };
    within(location, () => constants.set(name, narrowing.exact(narrowing.stored(value, name))));
  }
  return {
    constants,
    inputs: new Set(graph.inputs.map(({ name }) => name)),
    order: inOrder(graph),
    uses: countUses(graph),
  };
}

function countUses({ nodes, outputs }: Subgraph): Map<string, number> {
  const uses = new Map<string, number>();
  const count = (name: string, by: number) => uses.set(name, (uses.get(name) ?? 0) + by);
  for (const node of nodes) {
    const own = new Set(node.inputs);
    for (const name of node.inputs) count(name, 1);
    for (const name of namesRead(node)) if (!own.has(name)) count(name, 2);
  }
  for (const { name } of outputs) count(name, 1);
  return uses;
}
