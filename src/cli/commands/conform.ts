import { byOperator, conformance, type Result } from '../../conformance/conformance.ts';
import { InputError } from '../../files/inputError.ts';
import type { Console } from '../console.ts';

export interface ConformOptions {
  readonly json?: boolean;
}

/** `assay conform`: ONNX's backend tests, run on both engines. */
export async function conform(folder: string, { json }: ConformOptions, console: Console): Promise<void> {
  const results = await conformance(folder, (done, of) => console.progress(`test ${done + 1} of ${of}`));
  console.progress(undefined);
  const having = (verdict: Result['verdict']) => results.filter((result) => result.verdict === verdict);
  const [passed, failed, refused] = [having('passed'), having('failed'), having('refused')];
  const withoutData = having('no data');
  const total = results.length - withoutData.length;
  if (json) {
    const reasons = (list: readonly Result[]) =>
      list.map(({ test, operator, reason }) => ({ test, op: operator, reason }));
    console.out(
      JSON.stringify({
        total,
        passed: passed.length,
        failed: reasons(failed),
        refused: reasons(refused),
        noData: withoutData.map(({ test }) => test),
        bound: Object.fromEntries(
          results.filter(({ bound }) => bound.length > 0).map(({ test, bound }) => [test, bound]),
        ),
      }),
    );
  } else {
    print(results, console);
    console.out(
      `${total} tests: ${passed.length} passed, ${failed.length} failed, ${refused.length} refused` +
        (withoutData.length > 0 ? `; ${withoutData.length} without data` : ''),
    );
  }
  if (failed.length > 0) {
    throw new InputError(`${failed.length} of ${total} tests failed: ${failed[0]?.test} is the first`);
  }
}

function print(results: readonly Result[], console: Console): void {
  for (const { operator, passed, failed, refused, withoutData } of byOperator(results)) {
    const counts = [
      ...(passed.length > 0 || withoutData.length === 0 ? [`${passed.length} passed`] : []),
      ...(failed.length > 0 ? [`${failed.length} failed`] : []),
      ...(refused.length > 0 ? [`${refused.length} refused`] : []),
      ...(withoutData.length > 0 ? [`${withoutData.length} without data`] : []),
    ];
    console.out(`${operator}: ${counts.join(', ')}`);
    for (const { test, verdict, reason, bound } of [...failed, ...refused, ...withoutData, ...passed]) {
      if (verdict !== 'passed') console.out(`  ${verdict} ${test}: ${reason}`);
      else if (bound.length > 0) console.out(`  passed ${test} with ${bound.join(', ')} bound`);
    }
  }
}
