import type { ElementType, Range } from '../types.ts';

/** An ONNX model as plain values, independent of the protobuf library. */

export interface TensorValue {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** float types and everything that fits a double; 64-bit integers beyond 2^53 are rounded. */
  readonly values: Float64Array | Float32Array | Int32Array | Uint8Array | Int8Array;
  /** Set for a large tensor, whose values are read from its file each time they are asked for. */
  readonly isFar?: boolean;
  /** Bounds of a large tensor of integers, which are found without holding it. */
  readonly range?: Range;
}

/** A tensor of strings, of which only that it is one is kept. */
export interface StringTensor {
  readonly type: 'string';
}

export type AttributeValue =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: TensorValue }
  | { readonly kind: 'graph'; readonly value: Subgraph }
  /** The attribute that the calling node gives under this name, inside a function. */
  | { readonly kind: 'reference'; readonly name: string }
  | { readonly kind: 'unsupported'; readonly what: string };

export interface GraphNode {
  readonly operator: string;
  /** Empty for the ONNX operators proper. */
  readonly domain: string;
  readonly name: string;
  /** Empty names are left-out optional inputs. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

/** A dimension: its size, or the name of a size not known yet (empty if it has none). */
export type Extent = number | string;

export interface GraphValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Extent[];
}

/** Nodes with their own names; other names are those of the graph around it. */
export interface Subgraph {
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly { readonly name: string }[];
  readonly outputs: readonly { readonly name: string }[];
  readonly initializers: ReadonlyMap<string, TensorValue | StringTensor>;
}

/** An operator that the file itself defines. */
export interface GraphFunction extends Subgraph {
  /** Attributes that calls may give; those with a default may be left out. */
  readonly attributes: ReadonlySet<string>;
  readonly defaults: ReadonlyMap<string, AttributeValue>;
  readonly opsets: ReadonlyMap<string, number>;
}

export interface Graph extends Subgraph {
  readonly inputs: readonly GraphValue[];
  /** Version of each operator set, by domain. */
  readonly opsets: ReadonlyMap<string, number>;
  /** By {@link functionKey}. */
  readonly functions: ReadonlyMap<string, GraphFunction>;
}

export const functionKey = (domain: string, operator: string): string => `${domain}.${operator}`;
