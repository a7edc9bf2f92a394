import type { Ora } from 'ora';
import { reasonOf } from '../files/reason.ts';

/** Where a command writes: results to stdout, everything else to stderr. Given as an argument, so tests can listen. */
export interface Console {
  /** Lets the work go on after this call although nobody reads what is written. */
  outlive?(): void;
  /** A line of the result. */
  out(line: string): void;
  /** A line about the work: notes and errors. */
  err(line: string): void;
  /** Shows the current activity, on a terminal only; `undefined` when it is done. */
  progress(doing: string | undefined): void;
}

/** Exit code of a program that SIGPIPE has ended: 128 + 13. Node ignores the signal. */
const BROKEN_PIPE_STATUS = 141;

/** Control characters but tab and line feed, and marks that change the direction of text: what is printed may be anybody's. */
const UNPRINTABLE = /(?![\t\n])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** Text that changes nothing but itself on a terminal. */
export const printable = (text: string): string =>
  // As JSON has them, so that a line of JSON keeps its meaning.
  text.replaceAll(UNPRINTABLE, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);

const isClosed = ({ code }: NodeJS.ErrnoException): boolean => code === 'EPIPE' || code === 'EIO';

/**
 * The process's own; a spinner on stderr shows long work if stderr is a terminal.
 *
 * A command whose results nobody reads any more ends, and without a word if the reader left (`| head -1`). After
 * {@link Console.outlive} it says so once and goes on. What stderr does not take is lost.
 */
export async function processConsole(): Promise<Console> {
  // A terminal without a width, such as a serial line, has no place for a spinner, which would draw it for ever.
  const hasWidth = process.stderr.isTTY && process.stderr.columns > 0;
  const ora = hasWidth ? (await import('ora')).default : undefined;
  let spinner: Ora | undefined;
  let outlives = false;
  let isTold = false;
  const write = (stream: NodeJS.WriteStream, line: string, onLoss: (error: unknown) => void): void => {
    try {
      stream.write(`${printable(line)}\n`);
    } catch (error) {
      onLoss(error);
    }
  };
  const ignore = (): void => undefined;
  const onLoss = (error: unknown): void => {
    const reason = error as NodeJS.ErrnoException;
    if (!outlives && isClosed(reason)) process.exit(BROKEN_PIPE_STATUS);
    if (!isTold) {
      const why = isClosed(reason) ? 'nobody reads it any more' : reasonOf(reason);
      const then = outlives ? 'going on without it' : 'the result is lost';
      write(process.stderr, `assay: standard output: ${why}; ${then}`, ignore);
    }
    isTold = true;
    if (!outlives) process.exit(1);
  };
  process.stdout.on('error', onLoss);
  process.stderr.on('error', ignore);
  const pause = (work: () => void): void => {
    const text = spinner?.text;
    spinner?.stop();
    work();
    if (text !== undefined) spinner?.start(text);
  };
  return {
    outlive: () => {
      outlives = true;
    },
    out: (line) => pause(() => write(process.stdout, line, onLoss)),
    err: (line) => pause(() => write(process.stderr, line, ignore)),
    progress: (doing) => {
      if (doing === undefined) {
        spinner?.stop();
        spinner = undefined;
      } else if (spinner) {
        spinner.text = printable(doing);
      } else {
        spinner = ora?.({ text: printable(doing), stream: process.stderr }).start();
      }
    },
  };
}
