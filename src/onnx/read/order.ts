import { ImportError, quoted } from '../errors.ts';
import type { GraphNode, Subgraph } from './graph.ts';
import { locationOf } from './model.ts';

const readsOf = new WeakMap<GraphNode, ReadonlySet<string>>();

/** Names that a node reads: its inputs, and what the graphs among its attributes read of those around them. */
export function namesRead(node: GraphNode): ReadonlySet<string> {
  const known = readsOf.get(node);
  if (known) return known;
  const names = new Set(node.inputs.filter((name) => name !== ''));
  for (const attribute of node.attributes.values()) {
    if (attribute.kind !== 'graph') continue;
    const { nodes, inputs, outputs, initializers } = attribute.value;
    const own = new Set([...inputs.map(({ name }) => name), ...initializers.keys()]);
    for (const { outputs: yields } of nodes) for (const name of yields) own.add(name);
    const read = [...nodes.flatMap((inner) => [...namesRead(inner)]), ...outputs.map(({ name }) => name)];
    for (const name of read) if (!own.has(name)) names.add(name);
  }
  readsOf.set(node, names);
  return names;
}

/**
 * The nodes that the outputs need, each after what it reads. ONNX wants files sorted already; some are not.
 *
 * @throws ImportError for a name that two nodes yield, or a cycle
 */
export function inOrder({ nodes, inputs, outputs, initializers }: Subgraph): GraphNode[] {
  const given = new Set([...inputs.map(({ name }) => name), ...initializers.keys()]);
  const producer = new Map<string, GraphNode>();
  for (const node of nodes) {
    for (const name of node.outputs) {
      if (name === '') continue;
      if (producer.has(name) || given.has(name)) {
        throw new ImportError(
          `${locationOf(node)}: it yields ${quoted(name)}, which something else already does`,
        );
      }
      producer.set(name, node);
    }
  }
  const needed = new Set<GraphNode>();
  const pending = outputs.flatMap(({ name }) => producer.get(name) ?? []);
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (needed.has(node)) continue;
    needed.add(node);
    for (const name of namesRead(node)) {
      const from = producer.get(name);
      if (from) pending.push(from);
    }
  }
  // Kahn's algorithm, keeping the file's order among nodes that are ready.
  const waiting = new Map<GraphNode, number>();
  const readers = new Map<GraphNode, GraphNode[]>();
  for (const node of nodes) {
    if (!needed.has(node)) continue;
    const from = new Set([...namesRead(node)].flatMap((name) => producer.get(name) ?? []));
    waiting.set(node, from.size);
    for (const one of from) {
      const list = readers.get(one);
      if (list) list.push(node);
      else readers.set(one, [node]);
    }
  }
  const ready = [...waiting].filter(([, count]) => count === 0).map(([node]) => node);
  const ordered: GraphNode[] = [];
  for (let i = 0; i < ready.length; i++) {
    const node = ready[i] as GraphNode;
    ordered.push(node);
    for (const reader of readers.get(node) ?? []) {
      const left = (waiting.get(reader) as number) - 1;
      waiting.set(reader, left);
      if (left === 0) ready.push(reader);
    }
  }
  if (ordered.length < waiting.size) {
    const stuck = nodes.find((node) => (waiting.get(node) ?? 0) > 0) as GraphNode;
    throw new ImportError(`${locationOf(stuck)}: it is on a cycle; a model's graph must not have any`);
  }
  return ordered;
}
