import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandLine } from '../../src/cli/commandLine.ts';

/** The data folder of this process's commands: a lease on an account in another's would refuse them. */
const data = mkdtempSync(join(tmpdir(), 'assay-data-'));
process.once('exit', () => rmSync(data, { recursive: true, force: true }));
process.env['XDG_DATA_HOME'] = data;

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
