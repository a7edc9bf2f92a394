import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { InputError } from '../inputError.ts';
import type { FileTensor } from './elementTypes.ts';
import { readNpy, writeNpy } from './npy.ts';
import { readTensorProto, writeTensorProto } from './tensorProto.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to open it',
  EISDIR: 'is a folder, not a file',
  ENOTDIR: 'a part of the path is a file, not a folder',
  ENOSPC: 'the disk is full',
  EROFS: 'the file system is read-only',
};

const explain = (path: string, error: unknown): InputError => {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return new InputError(`${path}: ${REASONS[code] ?? (error as Error).message}`);
};

/** @throws InputError saying why the file cannot be read */
export function readBytes(path: string): Uint8Array {
  try {
    return Uint8Array.from(readFileSync(path));
  } catch (error) {
    throw explain(path, error);
  }
}

export function writeBytes(path: string, bytes: Uint8Array): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  } catch (error) {
    throw explain(path, error);
  }
}

/** A .npy or .pb file, told apart by its ending. */
export function readTensorFile(path: string): FileTensor {
  if (path.endsWith('.npy')) return readNpy(readBytes(path), path);
  if (path.endsWith('.pb')) return readTensorProto(readBytes(path), path);
  throw new InputError(`${path}: the name ends in neither .npy nor .pb (ONNX TensorProto)`);
}

export function writeTensorFile(path: string, tensor: FileTensor, name: string): void {
  writeBytes(path, path.endsWith('.pb') ? writeTensorProto(tensor, name) : writeNpy(tensor));
}
