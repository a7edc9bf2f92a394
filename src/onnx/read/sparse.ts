import type { onnx as schema } from 'onnx-proto';
import { sizeOf } from '../../program/node.ts';
import { ensure, quoted } from '../errors.ts';
import { TYPES } from '../types.ts';
import type { TensorValue } from './graph.ts';
import type { ByteSource } from './source.ts';
import { readTensor } from './tensor.ts';

/**
 * A SparseTensorProto as a dense tensor: zero but for values [count] at indices, which are positions in the flattened
 * tensor [count] or coordinates [count, rank], in ascending order (onnx.proto, SparseTensorProto).
 *
 * @throws Refusal if parts are missing, do not fit each other, or come to too large a tensor
 */
export function readSparseTensor(proto: schema.ISparseTensorProto, source: ByteSource): TensorValue {
  const name = quoted(proto.values?.name ?? '');
  ensure(proto.values && proto.indices, `the sparse tensor ${name} has no values or no indices`);
  const shape = (proto.dims ?? []).map(Number);
  ensure(
    shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0),
    `the sparse tensor ${name} has the shape [${shape.slice(0, 16)}]`,
  );
  const size = sizeOf(shape);
  source.countSparse(name, size);
  const { type, values, shape: own } = readTensor(proto.values, source);
  const indices = readTensor(proto.indices, source);
  const [count = 0] = own;
  const isFlat = indices.shape.length === 1;
  ensure(
    own.length === 1 &&
      indices.type === TYPES.int64 &&
      `${indices.shape}` === `${isFlat ? [count] : [count, shape.length]}`,
    `the sparse tensor ${name} has values of shape [${own}] and ${indices.type.name} indices of [${indices.shape}]`,
  );
  const dense = new (values.constructor as new (size: number) => typeof values)(size);
  let before = -1;
  for (let i = 0; i < count; i++) {
    const position = isFlat
      ? (indices.values[i] as number)
      : offsetOf(indices.values.subarray(i * shape.length, (i + 1) * shape.length), shape);
    ensure(position < size, `the sparse tensor ${name} has an index outside its shape [${shape}]`);
    ensure(position > before, `the indices of the sparse tensor ${name} are not in ascending order`);
    dense[position] = values[i] as number;
    before = position;
  }
  return { type, shape, values: dense };
}

/** The row-major position of coordinates; beyond the tensor's end if one of them is outside. */
function offsetOf(coordinates: ArrayLike<number>, shape: readonly number[]): number {
  let position = 0;
  for (let i = 0; i < shape.length; i++) {
    const [at, extent] = [coordinates[i] as number, shape[i] as number];
    if (at < 0 || at >= extent) return Number.POSITIVE_INFINITY;
    position = position * extent + at;
  }
  return position;
}
