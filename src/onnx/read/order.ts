import { ImportError, quoted } from '../errors.ts';
import type { Graph, GraphNode } from './graph.ts';
import { placeOf } from './model.ts';

/**
 * The nodes that the outputs need, each after what it reads. ONNX wants files sorted already; some are not.
 *
 * @throws ImportError for a name that nothing yields, one that two nodes yield, or a cycle
 */
export function inOrder({ nodes, inputs, outputs, initializers }: Graph): GraphNode[] {
  const given = new Set([...inputs.map(({ name }) => name), ...initializers.keys()]);
  const producer = new Map<string, GraphNode>();
  for (const node of nodes) {
    for (const name of node.outputs) {
      if (name === '') continue;
      if (producer.has(name) || given.has(name)) {
        throw new ImportError(
          `${placeOf(node)}: it yields ${quoted(name)}, which something else already does`,
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
    for (const name of node.inputs) {
      const from = producer.get(name);
      if (from) pending.push(from);
      else if (name !== '' && !given.has(name)) {
        throw new ImportError(
          `${placeOf(node)}: it reads ${quoted(name)}, which nothing in the graph yields`,
        );
      }
    }
  }
  // Kahn's algorithm, keeping the file's order among nodes that are ready.
  const waiting = new Map<GraphNode, number>();
  const readers = new Map<GraphNode, GraphNode[]>();
  for (const node of nodes) {
    if (!needed.has(node)) continue;
    const from = new Set(node.inputs.flatMap((name) => producer.get(name) ?? []));
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
    throw new ImportError(`${placeOf(stuck)}: it is on a cycle; a model's graph must not have any`);
  }
  return ordered;
}
