import { ensure, Refusal } from '../errors.ts';
import { Context } from '../operators/context.ts';
import { LOWERINGS, reasonAgainst } from '../operators/index.ts';
import type { Surroundings } from '../operators/surroundings.ts';
import type { Output, Value } from '../operators/value.ts';
import { WRITTEN_FOR } from '../operators/versions.ts';
import type { GraphNode } from '../read/graph.ts';
import { NEWEST_VERSIONS } from '../read/schemas.ts';
import { ensureWithin, interfaceAt } from './interface.ts';

/** com.microsoft has one version; its operators gain attributes, which are refused unless they are read. */
const NEWEST: Readonly<Record<string, number>> = { ...NEWEST_VERSIONS, 'com.microsoft': 1 };

/** Attributes that no lowering reads, because they never change what an operator yields. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  // Inputs that a runtime may overwrite (up to version 5 of ONNX's operators).
  'consumed_inputs',
  // Number of training rows that reached a node of a tree.
  'nodes_hitrates',
  'nodes_hitrates_as_tensor',
]);

/**
 * Lowers a node to its outputs. A node is refused if anything about it was not read: an attribute or an input that
 * the lowering did not ask for, or a version of the operator that the lowering was not written for.
 *
 * @param operatorSet version of the operator set that the node's domain is imported with
 * @throws Refusal
 */
export function lowerNode(
  node: GraphNode,
  operatorSet: number,
  inputs: readonly (Value | undefined)[],
  around: Surroundings,
): readonly (Output | undefined)[] {
  const name = node.domain ? `${node.domain}.${node.operator}` : node.operator;
  const lowering = LOWERINGS.get(name);
  if (!lowering) throw new Refusal(reasonAgainst(node));
  ensureKnownSet(node.domain, operatorSet);
  const schema = interfaceAt(name, operatorSet);
  if (schema) {
    ensureWrittenFor(schema.since, WRITTEN_FOR.get(name));
    ensureWithin(node, schema);
  }
  const context = new Context(node, operatorSet, inputs, around);
  context.disregard(...WITHOUT_EFFECT);
  const made = lowering(context);
  context.ensureAllRead();
  return Array.isArray(made) ? (made as readonly (Output | undefined)[]) : [made as Value];
}

function ensureKnownSet(domain: string, operatorSet: number): void {
  const newest = NEWEST[domain];
  ensure(
    newest === undefined || operatorSet <= newest,
    () =>
      `version ${operatorSet} of the operators of ${domain || 'ONNX'} is newer than ${newest}, the newest that is known here; export with that`,
  );
}

/** @param newest the newest version of the operator that its lowering was written for; undefined if none is named */
export function ensureWrittenFor(since: number, newest: number | undefined): void {
  ensure(
    newest !== undefined,
    'src/onnx/operators/versions.ts names no version of this operator; add it there',
  );
  ensure(
    since <= newest,
    () => `version ${since} of this operator is not supported; export with an older operator set`,
  );
}
