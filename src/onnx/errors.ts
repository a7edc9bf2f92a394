/** Why a model cannot be imported: one line that names the node or input, the reason and what to do about it. */
export class ImportError extends Error {
  override name = 'ImportError';
  /** Inputs whose values would have to be known at import, if that is the reason. */
  readonly toBind: readonly string[];
  /** Inputs from which numbers are computed that may not fit, if that is the reason. */
  readonly toNarrow: readonly string[];
  /** Rows that a table would have to have, if that is the reason. */
  readonly tooShort: TooShort | undefined;

  constructor(
    message: string,
    toBind: readonly string[] = [],
    toNarrow: readonly string[] = [],
    tooShort?: TooShort,
  ) {
    super(onOneLine(message, MESSAGE_LENGTH));
    this.toBind = toBind;
    this.toNarrow = toNarrow;
    this.tooShort = tooShort;
  }
}

/** Why an output of a node is left out: no program can hold it, but the rest of the model runs. */
export class Omitted extends ImportError {
  override name = 'Omitted';
}

/** Names in real files (and in hostile ones) can be of any length and hold anything. */
const QUOTED_LENGTH = 80;
const MESSAGE_LENGTH = 480;

const onOneLine = (text: string, length: number): string => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?');
  return line.length > length ? `${line.slice(0, length)}…` : line;
};

/** A table that is read beyond its end: at rows from `low` to `high`. */
export interface TooShort {
  readonly extent: number;
  readonly low: number;
  readonly high: number;
}

/** Raised inside a lowering, before the node is known; {@link within} adds it. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly toBind: readonly string[];
  readonly tooShort: TooShort | undefined;

  constructor(message: string, toBind: readonly string[] = [], tooShort?: TooShort) {
    super(message);
    this.toBind = toBind;
    this.tooShort = tooShort;
  }
}

/** Throws unless `condition` holds; the message is a clause such as `axis 5 is outside rank 4`. */
export function ensure(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) throw new Refusal(typeof message === 'string' ? message : message());
}

/** A name from the file, on one line and of bounded length. */
export const quoted = (name: string): string => `"${onOneLine(name, QUOTED_LENGTH)}"`;

/** Runs `work`, adding to every refusal in it where it happened. */
export function within<T>(location: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new ImportError(`${location}: ${error.message}`, error.toBind, [], error.tooShort);
  }
}
