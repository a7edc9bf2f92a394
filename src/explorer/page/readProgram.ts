import type { Model } from '../../merkle/model.ts';
import { MAX_PROGRAM_BYTES } from '../../store/programFile.ts';
import { programOf } from './check/model.ts';
import type { PageSource } from './source.ts';

/**
 * The program of a model, checked against its id.
 *
 * @returns undefined if it is not here
 * @throws Error if the file is no program, or another one
 */
export async function readProgram(source: PageSource, id: string): Promise<Model | undefined> {
  const file = await source.file(id, `program/${id.slice(2)}`, MAX_PROGRAM_BYTES);
  return file && programOf(id, file);
}
