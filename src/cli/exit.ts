/** Ends a command that has said everything with an exit code that means something. */
export class Exit extends Error {
  override name = 'Exit';
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}
