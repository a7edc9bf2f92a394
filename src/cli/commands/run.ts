import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { TensorData } from '../../engine/engine.ts';
import { fileTensorOf } from '../../files/formats/convert.ts';
import { writeTensorFile } from '../../files/formats/tensorFile.ts';
import { InputError } from '../../files/inputError.ts';
import { hexOf } from '../../merkle/keccak.ts';
import { readInputs, requireAll } from '../arguments.ts';
import type { Console } from '../console.ts';
import { type EngineOptions, engineThatTells } from '../models/engines.ts';
import { type ImportArguments, type LoadedModel, loadModel } from '../models/loadModel.ts';
import { outputJson, outputLines } from '../models/outputs.ts';
import type { DrawingArguments } from '../text/textOptions.ts';

export interface RunArguments extends EngineOptions, ImportArguments, DrawingArguments {
  readonly ask?: string;
  readonly draft?: string;
  readonly input?: readonly string[];
  readonly outputDir?: string;
  readonly outputFormat: string;
  readonly json?: boolean;
}

const FORMATS = ['npy', 'pb'];

/** A name from the model as a file's: separators and dots at its start must not lead out of the folder. */
const fileNameOf = (name: string): string => name.replace(/[^\w.-]+/g, '_').replace(/^\.+/, '_') || '_';

/** File names of the outputs, made different where the model's names differ only in what a file name cannot hold. */
export function outputFiles(names: readonly string[], format: string): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const plain = fileNameOf(name);
    let file = `${plain}.${format}`;
    for (let i = 2; taken.has(file.toLowerCase()); i++) file = `${plain}_${i}.${format}`;
    taken.add(file.toLowerCase());
    return file;
  });
}

/** `assay run`: one inference, outputs to files and a summary to stdout. */
export async function run(path: string, options: RunArguments, console: Console): Promise<void> {
  const { engine, served } = engineThatTells(options, console);
  if (!FORMATS.includes(options.outputFormat)) {
    throw new InputError(`--output-format ${options.outputFormat}: choose npy or pb`, 2);
  }
  const loaded = await loadModel(path, options, console);
  if (loaded.text) {
    const { runText } = await import('./runText.ts');
    return runText(path, { ...loaded, text: loaded.text }, options, { engine, served }, console);
  }
  if (options.ask !== undefined || options.draft !== undefined) {
    throw new InputError('--ask and --draft are about models that write text: add --text', 2);
  }
  const inputs = requireAll(readInputs(options.input ?? [], loaded.inputs), loaded.inputs);
  const session = await engine.load(loaded.program, loaded.weights);
  const start = performance.now();
  const outputs = await session.run(inputs, (done, of) => console.progress(`running node ${done} of ${of}`));
  const seconds = (performance.now() - start) / 1000;
  await session.close();
  console.progress(undefined);
  report(loaded, outputs, { seconds, engine: served() }, options, console);
}

function report(
  loaded: LoadedModel,
  outputs: readonly TensorData[],
  { seconds, engine }: { readonly seconds: number; readonly engine: string },
  { outputDir, outputFormat, json }: RunArguments,
  console: Console,
): void {
  const files = outputFiles(
    loaded.outputs.map(({ name }) => name),
    outputFormat,
  );
  const written = loaded.outputs.map((output, i) => {
    const tensor = fileTensorOf(output, (outputs[i] as TensorData).bytes);
    const file = outputDir === undefined ? undefined : join(outputDir, files[i] as string);
    if (file !== undefined) writeTensorFile(file, tensor, output.name);
    return { name: output.name, tensor, file };
  });
  if (json) {
    const listed = written.map(({ name, tensor, file }) => ({
      ...outputJson(name, tensor),
      file: file ?? null,
    }));
    console.out(JSON.stringify({ model: hexOf(loaded.model.id), engine, seconds, outputs: listed }));
    return;
  }
  console.out(`model ${hexOf(loaded.model.id)}, ${seconds.toFixed(2)} s on the ${engine} engine`);
  for (const { name, tensor, file } of written) {
    const [heading, elements] = outputLines(name, tensor);
    console.out(`${heading}${file === undefined ? '' : ` → ${file}`}`);
    console.out(elements);
  }
}
