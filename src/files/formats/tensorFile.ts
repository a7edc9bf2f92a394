import { readBytes, writeBytes } from '../bytes.ts';
import { InputError } from '../inputError.ts';
import type { FileTensor } from './elementTypes.ts';
import { kindOfFile } from './kinds.ts';
import { readNpy, writeNpy } from './npy.ts';
import { readTensorProto, writeTensorProto } from './tensorProto.ts';

const NUMPY = 'a NumPy array (.npy)';
const TENSOR = 'a tensor (ONNX TensorProto)';

/**
 * A .npy or .pb file, told apart by its ending.
 *
 * @throws InputError if it cannot be read, or is of another kind, which the message names
 */
export function readTensorFile(path: string): FileTensor {
  const isNpy = path.endsWith('.npy');
  if (!isNpy && !path.endsWith('.pb')) {
    throw new InputError(`${path}: the name ends in neither .npy nor .pb (ONNX TensorProto)`);
  }
  const bytes = readBytes(path);
  try {
    return isNpy ? readNpy(bytes, path) : readTensorProto(bytes, path);
  } catch (error) {
    const kind = kindOfFile(bytes);
    if (!(error instanceof InputError) || !kind || kind === (isNpy ? NUMPY : TENSOR)) throw error;
    throw new InputError(`${path}: is not ${isNpy ? 'a .npy' : 'an ONNX TensorProto'} file; it is ${kind}`);
  }
}

export function writeTensorFile(path: string, tensor: FileTensor, name: string): void {
  writeBytes(path, path.endsWith('.pb') ? writeTensorProto(tensor, name) : writeNpy(tensor));
}
