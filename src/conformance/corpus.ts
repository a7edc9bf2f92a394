import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import { about, readBytes } from '../files/bytes.ts';
import { InputError } from '../files/inputError.ts';

/** One test of ONNX's backend suite: a model, and data sets of what goes in and what has to come out. */
export interface BackendTest {
  /** Path of its folder inside the corpus. */
  readonly name: string;
  /** Holds the model, and files in which that keeps tensors. */
  readonly folder: string;
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

/** Entries of a folder by kind, links followed; a link that leads nowhere is none. */
function entriesOf(folder: string): { readonly name: string; readonly isFolder: boolean }[] {
  return readdirSync(folder).flatMap((name) => {
    const stat = statSync(join(folder, name), { throwIfNoEntry: false });
    return stat ? [{ name, isFolder: stat.isDirectory() }] : [];
  });
}

/** Folders with a model at and below a folder; those on the way there are given, so that a link up ends. */
function* foldersWithModel(folder: string, above: ReadonlySet<string>): Generator<string> {
  const real = realpathSync(folder);
  if (above.has(real)) return;
  const entries = entriesOf(folder);
  if (entries.some(({ name, isFolder }) => name === 'model.onnx' && !isFolder)) yield folder;
  for (const { name, isFolder } of entries) {
    if (isFolder) yield* foldersWithModel(join(folder, name), new Set([...above, real]));
  }
}

/** Folders of all tests below a folder, sorted. @throws InputError saying how to get tests, if there are none */
export function testFolders(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new InputError(`${folder}: there is no such folder of ONNX backend tests; ${HOW_TO_GET_ONE}`);
  }
  const found = about(folder, () => [...foldersWithModel(folder, new Set())]);
  if (found.length === 0) {
    throw new InputError(`${folder}: holds no ONNX backend tests (*/model.onnx); ${HOW_TO_GET_ONE}`);
  }
  return found.sort((a, b) => (a < b ? -1 : 1));
}

const numbered = (folder: string, kind: 'input' | 'output'): Map<number, string> =>
  new Map(
    readdirSync(folder).flatMap((file) => {
      const position = new RegExp(`^${kind}_(\\d+)\\.pb$`).exec(file)?.[1];
      return position === undefined ? [] : [[Number(position), join(folder, file)] as const];
    }),
  );

/** Path of a test's folder inside the corpus. */
export const testName = (folder: string, corpus: string): string =>
  relative(corpus, folder).split(sep).join('/') || basename(resolve(folder));

/** @param corpus the folder that test names are relative to */
export function readTest(folder: string, corpus: string): BackendTest {
  const dataSets = entriesOf(folder)
    .filter(({ name, isFolder }) => isFolder && name.startsWith('test_data_set_'))
    .map(({ name }) => join(folder, name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((path) => ({ inputs: numbered(path, 'input'), outputs: numbered(path, 'output') }));
  const name = testName(folder, corpus);
  return { name, folder, model: readBytes(join(folder, 'model.onnx')), dataSets };
}
