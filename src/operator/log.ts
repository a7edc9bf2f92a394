import pino, { type DestinationStream } from 'pino';

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];
/** Levels, the most verbose first. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields of a log line, for programs: ids, hashes, counts. */
export type Fields = Readonly<Record<string, string | number | boolean | null>>;

/** A log: one line for each message, with time and level. */
export type Log = { readonly [Level in LogLevel]: (message: string, fields?: Fields) => void };

export interface LogOptions {
  readonly format: LogFormat;
  /** Lines below this level are left out. */
  readonly level: LogLevel;
  /** Sinks of lines: warnings and errors go to `err`, the rest to `out`, both without a line end. */
  readonly sink: { out(line: string): void; err(line: string): void };
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** Pino's number of the level from which a line goes to `err`. */
const WARN = pino.levels.values['warn'] as number;

/** Makes pino set `lastLevel` before each line, as its documentation says under "destination". */
const WANTS_LEVEL = Symbol.for('pino.metadata');

/** A line for people: time, level, message. */
function textLine(json: string): string {
  const { time, level, msg } = JSON.parse(json) as { time: string; level: string; msg: string };
  return `${time} ${level.padEnd(5)} ${msg.replaceAll(/[\r\n]+/g, ' ')}`;
}

/** A log over pino. The text form has the message alone; the JSON form has the fields as well. */
export function createLog({ format, level, sink, now = Date.now }: LogOptions): Log {
  const destination: DestinationStream & { lastLevel: number } = {
    lastLevel: WARN,
    write(line) {
      const text = format === 'json' ? line.trimEnd() : textLine(line);
      if (this.lastLevel >= WARN) sink.err(text);
      else sink.out(text);
    },
  };
  Object.assign(destination, { [WANTS_LEVEL]: true });
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date(now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const at =
    (name: LogLevel) =>
    (message: string, fields: Fields = {}): void =>
      logger[name](fields, message);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
