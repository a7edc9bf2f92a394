import { readdirSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import { readBytes } from '../files/tensorFile.ts';
import { InputError } from '../inputError.ts';

/** One test of ONNX's backend suite: a model, and data sets of what goes in and what has to come out. */
export interface BackendTest {
  /** Path of its folder inside the corpus. */
  readonly name: string;
  readonly model: Uint8Array;
  readonly dataSets: readonly DataSet[];
}

/** TensorProto files, by position among the model's inputs and outputs. */
export interface DataSet {
  readonly inputs: ReadonlyMap<number, string>;
  readonly outputs: ReadonlyMap<number, string>;
}

const HOW_TO_GET_ONE =
  'Debian has one: apt install libonnx-testdata, then /usr/share/libonnx-testdata/data; ' +
  'others have onnx/backend/test/data of the ONNX repository';

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true, recursive: true });
  } catch {
    throw new InputError(`${folder}: there is no such folder of ONNX backend tests; ${HOW_TO_GET_ONE}`);
  }
}

/** Folders of all tests below a folder, sorted. @throws InputError saying how to get tests, if there are none */
export function testFolders(folder: string): string[] {
  const models = entriesOf(folder).filter((entry) => entry.isFile() && entry.name === 'model.onnx');
  if (models.length === 0) {
    throw new InputError(`${folder}: holds no ONNX backend tests (*/model.onnx); ${HOW_TO_GET_ONE}`);
  }
  return models.map(({ parentPath }) => parentPath).sort((a, b) => (a < b ? -1 : 1));
}

const numbered = (folder: string, kind: 'input' | 'output'): Map<number, string> =>
  new Map(
    readdirSync(folder).flatMap((file) => {
      const position = new RegExp(`^${kind}_(\\d+)\\.pb$`).exec(file)?.[1];
      return position === undefined ? [] : [[Number(position), join(folder, file)] as const];
    }),
  );

/** @param corpus the folder that test names are relative to */
export function readTest(folder: string, corpus: string): BackendTest {
  const dataSets = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.startsWith('test_data_set_'))
    .map(({ name }) => join(folder, name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((path) => ({ inputs: numbered(path, 'input'), outputs: numbered(path, 'output') }));
  const name = relative(corpus, folder).split(sep).join('/') || basename(resolve(folder));
  return { name, model: readBytes(join(folder, 'model.onnx')), dataSets };
}
