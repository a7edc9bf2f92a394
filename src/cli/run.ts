import type { Console } from './console.ts';
import { InputError } from './inputError.ts';

export async function run(_model: string, _options: object, _console: Console): Promise<void> {
  throw new InputError('run is not built yet');
}
