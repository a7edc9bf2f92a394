// Measures the float32 functions against binary64 over all of float32, and prints their greatest errors.
//
//   node --import tsx scripts/accuracy.ts [stride] [name ...]
//
// Every stride-th bit pattern, 67 if left out (odd, so that the last bits vary); every argument that is hard for some
// function (test/support/hardArguments.ts); and 2^28 / stride pairs for pow, over both whole ranges.
import { ACCURACY, FUNCTIONS } from '../src/onnx/functions/index.ts';
import { pow } from '../src/onnx/functions/power.ts';
import { EXACT, exactPower } from '../test/support/exactFunctions.ts';
import { hardArguments, powerPairs, specialPairs } from '../test/support/hardArguments.ts';
import {
  ARGUMENT,
  compileScalar,
  everyWord,
  greatestError,
  SECOND,
  type Sweep,
} from '../test/support/scalarFunction.ts';

const [first, ...names] = process.argv.slice(2);
const stride = Number(first ?? 67);

function* argumentsOf(): Generator<[number]> {
  for (const word of hardArguments()) yield [word];
  yield* everyWord(stride);
}

function* pairs(): Generator<[number, number]> {
  yield* specialPairs();
  yield* powerPairs(Math.ceil(2 ** 28 / stride));
}

const isAsked = (name: string): boolean => names.length === 0 || names.includes(name);

function report(name: keyof typeof ACCURACY, { worst, at, count }: Sweep): void {
  console.log(
    `${name.padEnd(10)} ${worst.toFixed(4).padEnd(21)} ${at.join(', ').padEnd(48)} ${String(ACCURACY[name]).padEnd(8)} ${count}`,
  );
  if (worst > ACCURACY[name]) process.exitCode = 1;
}

console.log(
  'function   greatest error, ulp   at                                               stated   values',
);
for (const name of Object.keys(EXACT).filter(isAsked) as (keyof typeof EXACT)[]) {
  report(name, greatestError(compileScalar(FUNCTIONS[name](ARGUMENT)), EXACT[name], argumentsOf()));
}
if (isAsked('pow')) report('pow', greatestError(compileScalar(pow(ARGUMENT, SECOND)), exactPower, pairs()));
