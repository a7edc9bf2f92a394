/**
 * Reads part of a file beside the model.
 *
 * @param location path relative to the model's folder, as the model has it: not to be trusted
 * @throws Error whose message is a clause such as `there is no file w.bin`
 */
export type ReadExternal = (location: string, offset: number, length: number) => Uint8Array;
