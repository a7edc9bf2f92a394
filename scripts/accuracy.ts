// Measures the float32 functions against binary64 and prints their greatest errors.
//
//   node --import tsx scripts/accuracy.ts [stride]    every stride-th bit pattern; 67 if left out
import { ACCURACY, FUNCTIONS } from '../src/onnx/functions/index.ts';
import { EXACT, type Exact } from '../test/support/exactFunctions.ts';
import { ARGUMENT, compileScalar, sweep } from '../test/support/scalarFunction.ts';

const stride = Number(process.argv[2] ?? 67);
console.log('function   greatest error, ulp   at                      stated   values');
for (const [name, { of, where }] of Object.entries(EXACT) as [keyof typeof EXACT, Exact][]) {
  const { worst, at, count } = sweep(compileScalar(FUNCTIONS[name](ARGUMENT)), of, stride, where);
  console.log(
    `${name.padEnd(10)} ${worst.toFixed(4).padEnd(21)} ${String(at).padEnd(23)} ${String(ACCURACY[name]).padEnd(8)} ${count}`,
  );
  if (worst > ACCURACY[name]) process.exitCode = 1;
}
