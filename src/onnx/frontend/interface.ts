import { ensure, quoted } from '../errors.ts';
import type { GraphNode } from '../read/graph.ts';
import { SCHEMAS } from '../read/schemas.ts';

/** Attributes, inputs and outputs of one version of an operator, as in its schema. */
export interface GraphInterface {
  /** The operator set that brought this version in. */
  readonly since: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly attributes: ReadonlySet<string>;
}

const known = new Map<string, readonly GraphInterface[]>();

/** All versions of an operator, the oldest first; none if ONNX does not define it. @param name as in SCHEMAS */
export function operatorVersions(name: string): readonly GraphInterface[] {
  const versions = known.get(name) ?? parse(name);
  known.set(name, versions);
  return versions;
}

const parse = (name: string): GraphInterface[] =>
  (SCHEMAS[name]?.split(' ') ?? []).flatMap((entry) => {
    const [since = '', counts = '', attributes = ''] = entry.split(':');
    const [inputs, outputs] = counts.split('>').map((count) => (count === '*' ? Infinity : Number(count)));
    const common = {
      inputs: inputs as number,
      outputs: outputs as number,
      attributes: new Set(attributes.split(',').filter((name) => name !== '')),
    };
    return since.split(',').map((version) => ({ since: Number(version), ...common }));
  });

/**
 * The version of an operator in an operator set, or its first one if it is younger than the set (onnxruntime's
 * optimiser and some exporters write such nodes, and one meaning alone comes into question).
 */
export const interfaceAt = (name: string, operatorSet: number): GraphInterface | undefined => {
  const versions = operatorVersions(name);
  return versions.findLast(({ since }) => since <= operatorSet) ?? versions[0];
};

/** @throws Refusal for what this version of the operator does not take */
export function ensureWithin(node: GraphNode, { since, ...most }: GraphInterface): void {
  for (const name of node.attributes.keys()) {
    ensure(
      most.attributes.has(name),
      () =>
        `version ${since} of this operator has no attribute ${quoted(name)}; remove it if it has no effect`,
    );
  }
  for (const kind of ['inputs', 'outputs'] as const) {
    const count = node[kind].findLastIndex((name) => name !== '') + 1;
    ensure(
      count <= most[kind],
      () => `it has ${count} ${kind}, and version ${since} of this operator ${most[kind]} at most`,
    );
  }
}
