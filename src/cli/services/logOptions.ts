import { InputError } from '../../files/inputError.ts';
import { LOG_FORMATS, LOG_LEVELS, type Log, type LogFormat, type LogLevel } from '../../operator/log.ts';
import type { Console } from '../console.ts';

/** Options for the log of a service. */
export interface LogArguments {
  readonly log: string;
  readonly logLevel: string;
}

function oneOf<T extends string>(option: string, text: string, known: readonly T[]): T {
  const found = known.find((one) => one === text);
  if (found !== undefined) return found;
  throw new InputError(`${option} ${text}: write one of ${known.join(', ')}`, 2);
}

/** @throws InputError for a format or level that does not exist */
export const parseLogOptions = ({
  log,
  logLevel,
}: LogArguments): { readonly format: LogFormat; readonly level: LogLevel } => ({
  format: oneOf('--log', log, LOG_FORMATS),
  level: oneOf('--log-level', logLevel, LOG_LEVELS),
});

/** A console whose lines about the work become lines of the log, with time and level like all others. */
export const loggingConsole = (console: Console, log: Log): Console => ({
  ...console,
  err: (line) => {
    console.progress(undefined);
    log.warn(line.replace(/^assay: /, ''));
  },
});
