import type { Console } from './console.ts';
import { InputError } from './inputError.ts';

export async function inspect(_model: string, _options: object, _console: Console): Promise<void> {
  throw new InputError('inspect is not built yet');
}
