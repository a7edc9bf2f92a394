/** Why a model cannot be imported: one line that names the place, the reason and what to do about it. */
export class ImportError extends Error {
  override name = 'ImportError';
}

/** Raised inside a lowering, before the node is known; {@link within} adds it. */
export class Refusal extends Error {
  override name = 'Refusal';
}

/** Throws unless `condition` holds; the message is a clause such as `axis 5 is outside rank 4`. */
export function require(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) throw new Refusal(typeof message === 'string' ? message : message());
}

/** Longest name that a message quotes; names in real files (and in hostile ones) can be of any length. */
const QUOTED_LENGTH = 80;

/** A name from the file, on one line and of bounded length. */
export const quoted = (name: string): string => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
  const line = name.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?');
  return `"${line.length > QUOTED_LENGTH ? `${line.slice(0, QUOTED_LENGTH)}…` : line}"`;
};

/** Runs `work`, giving every refusal in it the place where it happened. */
export function within<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) throw new ImportError(`${place}: ${error.message}`);
    throw error;
  }
}
