/**
 * Something the user gave that cannot be used. The message is one line: what is wrong, and what to do. The command
 * line prints it and exits with 1 (2 for wrong usage of the command itself).
 */
export class InputError extends Error {
  override name = 'InputError';
  readonly exitCode: 1 | 2;
  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
