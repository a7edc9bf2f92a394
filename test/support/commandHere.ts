import { captured } from './captured.ts';

/** Runs a command in this process, which is faster than starting one. */
export async function runHere(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, out, err } = await captured(...args);
  return { code, out: out.join('\n'), err: err.join('\n') };
}
