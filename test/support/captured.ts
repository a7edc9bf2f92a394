import { commandLine } from '../../src/cli/commandLine.ts';

/** Runs the command line in this process. @returns its exit code and the lines that it wrote */
export async function captured(...args: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await commandLine(args, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    progress: () => undefined,
  });
  return { code, out, err };
}
