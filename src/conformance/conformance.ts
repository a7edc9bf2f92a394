import { InputError } from '../files/inputError.ts';
import { ImportError, outlineOf } from '../onnx/index.ts';
import { type BackendTest, readTest, testFolders, testName } from './corpus.ts';
import { runTest, type TestOutcome } from './runTest.ts';

/** A test of ONNX's backend suite, what it is about and how it went. */
export interface Result extends TestOutcome {
  readonly test: string;
  /** The operator under test, or what stands in for it. */
  readonly operator: string;
}

/** For models of several operators. */
export const SEVERAL = '(several operators)';

/** ONNX gives most operators that are functions a second test, whose model is the function's body. */
const functionOf = (test: string): string | undefined => /^(.*)_expanded(_ver\d+)?$/.exec(test)?.[1];

function operatorOf(operators: readonly string[]): string {
  const different = new Set(operators.filter((operator) => operator !== 'Constant'));
  return different.size === 1 ? ([...different][0] as string) : operators.length === 1 ? 'Constant' : SEVERAL;
}

function outline(model: Uint8Array): { readonly inputs: string[]; readonly operators: string[] } {
  try {
    return outlineOf(model);
  } catch (error) {
    if (error instanceof ImportError) return { inputs: [], operators: [] };
    throw error;
  }
}

/** A test whose own files cannot be read fails, and the others go on. */
function readable(
  path: string,
  corpus: string,
): BackendTest | { readonly test: string; readonly reason: string } {
  try {
    return readTest(path, corpus);
  } catch (error) {
    if (error instanceof InputError) return { test: testName(path, corpus), reason: error.message };
    throw error;
  }
}

/**
 * Runs every ONNX backend test below a folder on both engines, at ONNX's own tolerances.
 *
 * @throws InputError if there are no tests
 */
export async function conformance(
  folder: string,
  progress: (done: number, of: number) => void = () => undefined,
): Promise<Result[]> {
  const folders = testFolders(folder);
  const results: Result[] = [];
  const operators = new Map<string, string>();
  for (const [i, path] of folders.entries()) {
    progress(i, folders.length);
    const test = readable(path, folder);
    if ('reason' in test) {
      results.push({ ...test, operator: SEVERAL, verdict: 'failed', bound: [] });
      continue;
    }
    const { inputs, operators: used } = outline(test.model);
    const whole = operators.get(functionOf(test.name) ?? '');
    const operator = whole && used.length > 1 ? `${whole}, expanded` : operatorOf(used);
    operators.set(test.name, operator);
    results.push({ test: test.name, operator, ...(await runTest(test, inputs)) });
  }
  return results;
}

export interface OperatorRow {
  readonly operator: string;
  readonly passed: readonly Result[];
  readonly failed: readonly Result[];
  readonly refused: readonly Result[];
  readonly withoutData: readonly Result[];
}

/** Results by operator, in alphabetical order. */
export function byOperator(results: readonly Result[]): OperatorRow[] {
  const operators = [...new Set(results.map(({ operator }) => operator))].sort((a, b) => (a < b ? -1 : 1));
  return operators.map((operator) => {
    const own = results.filter((result) => result.operator === operator);
    const having = (verdict: TestOutcome['verdict']) => own.filter((result) => result.verdict === verdict);
    return {
      operator,
      passed: having('passed'),
      failed: having('failed'),
      refused: having('refused'),
      withoutData: having('no data'),
    };
  });
}
