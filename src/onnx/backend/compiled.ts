import type { Program } from '../../program/node.ts';

/** Values by the names of the tensors that a program's maker wants to find again. */
export type Marks<Mark extends string, Value> = Readonly<Record<Mark, Value>>;

/** The same names with other values. */
export function mapMarks<Mark extends string, From, To>(
  marks: Marks<Mark, From>,
  map: (value: From) => To,
): Marks<Mark, To> {
  const entries = Object.entries<From>(marks).map(([mark, value]) => [mark, map(value)]);
  return Object.fromEntries(entries) as Marks<Mark, To>;
}

/** @typeParam Mark names of the marked tensors */
export interface Compiled<Mark extends string = never> {
  readonly program: Program;
  /** Bytes of each constant node. */
  readonly weights: Map<number, Uint8Array>;
  /** A description of each node, for people. */
  readonly labels: readonly string[];
  /** Nodes of the marked tensors. */
  readonly marked: Marks<Mark, number>;
}
