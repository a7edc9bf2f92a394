import type { Console } from './console.ts';
import { InputError } from './inputError.ts';

export async function rehearse(_model: string, _options: object, _console: Console): Promise<void> {
  throw new InputError('rehearse is not built yet');
}
