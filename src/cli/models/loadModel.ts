import { basename } from 'node:path';
import { kindOfFile } from '../../files/formats/kinds.ts';
import { InputError } from '../../files/inputError.ts';
import { openModel } from '../../files/modelFile.ts';
import { type Model, modelOf } from '../../merkle/model.ts';
import { type CompiledModel, ImportError, importOnnx, outlineOf } from '../../onnx/index.ts';
import { keepHeapSmall } from '../../operator/smallHeap.ts';
import { parseDims, parseHalf, parseRanges, readBound } from '../arguments.ts';
import type { Console } from '../console.ts';
import type { LoadedText } from '../text/loadText.ts';
import { type DrawingArguments, refuseTextOptions, type TextArguments } from '../text/textOptions.ts';

export interface LoadedModel extends CompiledModel {
  /** Name of the file, without folders. */
  readonly file: string;
  readonly model: Model;
  /** The text model behind the program, for a model that writes text. */
  readonly text?: LoadedText;
}

/** Options of importing commands, as commander collects them. */
export interface ImportArguments extends TextArguments, DrawingArguments {
  readonly dim?: readonly string[];
  readonly bind?: readonly string[];
  readonly range?: readonly string[];
  readonly half?: string;
  /** Files of inputs, of commands that run the model. */
  readonly input?: readonly string[];
}

const MODEL = 'an ONNX model (ModelProto)';
const GGUF_MODEL = 'a GGUF model';

/**
 * Reads and compiles an ONNX file, or a GGUF file of a model that writes text; what its publisher should know goes to
 * stderr.
 *
 * @throws InputError if a file cannot be read, is no such model, or holds what cannot be compiled
 */
export async function loadModel(
  path: string,
  given: ImportArguments,
  console: Console,
): Promise<LoadedModel> {
  const { dim = [], bind = [], range = [], input = [], half: arithmetic = 'round' } = given;
  const isText = given.text !== undefined && given.text !== false;
  if (!isText) refuseTextOptions(given);
  else if (dim.length + bind.length + range.length + input.length > 0) {
    throw new InputError(
      '--dim, --bind, --range and --input have no use with --text, which fixes all inputs',
      2,
    );
  }
  const dims = parseDims(dim);
  const ranges = parseRanges(range);
  const half = parseHalf(arithmetic);
  const file = openModel(path);
  const { bytes } = file;
  keepHeapSmall();
  console.progress(`compiling ${basename(path)}`);
  const tell = (notes: readonly string[]): void => {
    for (const note of notes) console.err(`assay: note: ${note}`);
  };
  try {
    if (isText) {
      const text = await (await import('../text/loadText.ts')).loadText(path, file, given);
      tell(text.model.notes);
      return { ...text.model, file: basename(path), model: modelOf(text.model.program), text };
    }
    const bound = bind.length > 0 ? readBound(bind, outlineOf(bytes).inputs) : {};
    const compiled = importOnnx(bytes, {
      dims,
      bind: bound,
      ranges,
      half,
      readExternal: file.readExternal,
      fileBytes: file.size,
    });
    tell(compiled.notes);
    return { ...compiled, file: basename(path), model: modelOf(compiled.program) };
  } catch (error) {
    if (!(error instanceof ImportError)) throw error;
    // The importer calls the file so; the path says which it is.
    const why = kindRefusal(kindOfFile(bytes), isText) ?? error.message.replace(/^file: /, '');
    throw new InputError(`${path}: ${why}`);
  } finally {
    file.close();
  }
}

/** Why a file of a kind is no model; `undefined` for models, whose own refusal says more, and for kinds not known. */
function kindRefusal(kind: string | undefined, isText: boolean): string | undefined {
  if (kind === undefined || kind === MODEL || (isText && kind === GGUF_MODEL)) return undefined;
  if (isText) return `is not an ONNX or GGUF model; it is ${kind}`;
  return `is not an ONNX model; it is ${kind}${kind === GGUF_MODEL ? ', which only --text takes' : ''}`;
}
