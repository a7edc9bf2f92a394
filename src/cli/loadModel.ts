import { basename, dirname } from 'node:path';
import { type Model, modelOf } from '../merkle/model.ts';
import { type CompiledModel, ImportError, importOnnx, outlineOf } from '../onnx/index.ts';
import { parseDims, parseHalf, parseRanges, readBound } from './arguments.ts';
import type { Console } from './console.ts';
import { readBytes } from './files/bytes.ts';
import { filesIn } from './files/external.ts';
import { kindOfFile } from './files/kinds.ts';
import { InputError } from './inputError.ts';

export interface LoadedModel extends CompiledModel {
  /** Name of the file, without folders. */
  readonly file: string;
  readonly model: Model;
}

/** What commands that import take besides the file, as commander collects it. */
export interface ImportArguments {
  readonly dim?: readonly string[];
  readonly bind?: readonly string[];
  readonly range?: readonly string[];
  readonly half?: string;
}

const MODEL = 'an ONNX model (ModelProto)';

/**
 * Reads and compiles an ONNX file; what its publisher should know goes to stderr.
 *
 * @throws InputError if a file cannot be read, is no ONNX model, or holds what cannot be compiled
 */
export function loadModel(
  path: string,
  { dim = [], bind = [], range = [], half: arithmetic = 'round' }: ImportArguments,
  console: Console,
): LoadedModel {
  const dims = parseDims(dim);
  const ranges = parseRanges(range);
  const half = parseHalf(arithmetic);
  const bytes = readBytes(path);
  console.progress(`compiling ${basename(path)}`);
  try {
    const bound = bind.length > 0 ? readBound(bind, outlineOf(bytes).inputs) : {};
    const compiled = importOnnx(bytes, {
      dims,
      bind: bound,
      ranges,
      half,
      readExternal: filesIn(dirname(path)),
    });
    for (const note of compiled.notes) console.err(`assay: note: ${note}`);
    return { ...compiled, file: basename(path), model: modelOf(compiled.program) };
  } catch (error) {
    if (!(error instanceof ImportError)) throw error;
    const kind = kindOfFile(bytes);
    if (kind && kind !== MODEL) throw new InputError(`${path}: is not an ONNX model; it is ${kind}`);
    throw new InputError(`${path}: ${error.message}`);
  }
}
