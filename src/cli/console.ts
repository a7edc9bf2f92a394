import type { Ora } from 'ora';

/** Where a command writes: results to stdout, everything else to stderr. Given as an argument, so tests can listen. */
export interface Console {
  /** A line of the result. */
  out(line: string): void;
  /** A line about the work: notes and errors. */
  err(line: string): void;
  /** What is being done right now, on a terminal only; `undefined` when it is done. */
  progress(doing: string | undefined): void;
}

/** The process's own; a spinner on stderr shows long work if stderr is a terminal. */
export async function processConsole(): Promise<Console> {
  const ora = process.stderr.isTTY ? (await import('ora')).default : undefined;
  let spinner: Ora | undefined;
  const pause = (write: () => void): void => {
    const text = spinner?.text;
    spinner?.stop();
    write();
    if (text !== undefined) spinner?.start(text);
  };
  return {
    out: (line) => pause(() => process.stdout.write(`${line}\n`)),
    err: (line) => pause(() => process.stderr.write(`${line}\n`)),
    progress: (doing) => {
      if (doing === undefined) {
        spinner?.stop();
        spinner = undefined;
      } else if (spinner) {
        spinner.text = doing;
      } else {
        spinner = ora?.({ text: doing, stream: process.stderr }).start();
      }
    },
  };
}
