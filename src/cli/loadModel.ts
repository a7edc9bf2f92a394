import { basename } from 'node:path';
import { type Model, modelOf } from '../merkle/model.ts';
import { type CompiledModel, ImportError, importOnnx } from '../onnx/index.ts';
import type { Console } from './console.ts';
import { readBytes } from './files/tensorFile.ts';
import { InputError } from './inputError.ts';

export interface LoadedModel extends CompiledModel {
  /** Name of the file, without folders. */
  readonly file: string;
  readonly model: Model;
}

/**
 * Reads and compiles an ONNX file; what its publisher should know goes to stderr.
 *
 * @throws InputError if the file cannot be read, is no ONNX model, or holds what cannot be compiled
 */
export function loadModel(
  path: string,
  dims: Readonly<Record<string, number>>,
  console: Console,
): LoadedModel {
  const bytes = readBytes(path);
  console.progress(`compiling ${basename(path)}`);
  try {
    const compiled = importOnnx(bytes, { dims });
    for (const note of compiled.notes) console.err(`assay: note: ${note}`);
    return { ...compiled, file: basename(path), model: modelOf(compiled.program) };
  } catch (error) {
    if (error instanceof ImportError) throw new InputError(`${path}: ${error.message}`);
    throw error;
  }
}
