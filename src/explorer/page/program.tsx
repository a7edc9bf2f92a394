import { disputeGas } from '../../dispute/gas.ts';
import type { Model } from '../../merkle/model.ts';
import type { TensorRef } from '../../program/interface.ts';
import { byteLengthOf, type LoopNode, type Node, type Program, sizeOf } from '../../program/node.ts';
import { formText } from './check/tensorValues.ts';
import { Card, Facts } from './parts.tsx';
import { readProgram } from './readProgram.ts';
import { useSource } from './source.ts';
import { useFound } from './useFound.ts';
import { bytesText } from './words.ts';

const sum = <T extends Node>(nodes: readonly T[], size: (node: T) => number): number =>
  nodes.reduce((total, node) => total + size(node), 0);

const isLoop = (node: Node): node is LoopNode => node.kind === 'loop';

const grouped = (n: number): string => n.toLocaleString('en-US');

const formsOf = ({ nodes }: Program, refs: readonly TensorRef[]): string =>
  refs.map(({ node }) => formText(nodes[node]!)).join('; ');

/** What a program computes on, and what it costs to run it and to dispute it. */
function factsOf(model: Model): readonly (readonly [string, string])[] {
  const { program, inputs, outputs, answers } = model;
  const { nodes } = program;
  const constants = nodes.filter(({ kind }) => kind === 'constant');
  const { claimant, challenger } = disputeGas(model);
  return [
    ['takes', formsOf(program, inputs)],
    ...(answers.length > 0 ? [['checks', formsOf(program, answers)] as const] : []),
    ['gives', formsOf(program, outputs)],
    ['weights', bytesText(sum(constants, byteLengthOf))],
    ['steps of a run', grouped(sum(nodes.filter(isLoop), ({ shape, fold }) => sizeOf(shape) * sizeOf(fold)))],
    ['a dispute costs the claimant at most', `${grouped(claimant)} gas`],
    ['and the challenger', `${grouped(challenger)} gas`],
  ];
}

/** A model as its program says, which is checked against the id. */
export function ProgramCard({ id }: { readonly id: string }) {
  const source = useSource();
  const model = useFound(() => readProgram(source, id), [source, id]);
  if (!model) return null;
  return (
    <Card title="What it computes">
      <Facts rows={factsOf(model)} />
    </Card>
  );
}
