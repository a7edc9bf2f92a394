import { expect } from 'chai';
import { numbersOf, programInputs } from '../../examples/models/model.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { type ImportOptions, importOnnx } from '../../src/onnx/index.ts';
import { runOnnxruntime, type Value } from './onnx.ts';

/** Real models on the fast engine; the reference would take minutes. */

/** Outputs by name. */
export async function outputsOf(
  bytes: Uint8Array,
  options: ImportOptions,
  inputs: Readonly<Record<string, Value>>,
): Promise<Map<string, { readonly isFloat: boolean; readonly values: number[] }>> {
  const model = importOnnx(bytes, options);
  const session = await wasmEngine.load(model.program, model.weights);
  const outputs = await session.run(programInputs(model, inputs));
  await session.close();
  return new Map(
    outputs.map((output, i) => [
      model.outputs[i]!.name,
      { isFloat: output.dtype === 'f32', values: [...numbersOf(output)] },
    ]),
  );
}

/**
 * Fails unless every output is onnxruntime's: integers equal, floats within `relative` of the greatest value of the
 * output, since what cancels out in sums of large terms has no digits of its own.
 */
export async function expectAgreement(
  bytes: Uint8Array,
  options: ImportOptions,
  inputs: Readonly<Record<string, Value>>,
  relative = 1e-4,
): Promise<void> {
  const mine = await outputsOf(bytes, options, inputs);
  const names = [...mine.keys()];
  const theirs = await runOnnxruntime(bytes, inputs, names);
  names.forEach((name, k) => {
    const { isFloat, values } = mine.get(name)!;
    const expected = theirs[k]!.values;
    expect(values.length, `elements of ${name}`).to.equal(expected.length);
    const most = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    values.forEach((value, i) => {
      const limit = isFloat ? relative * most : 0;
      const difference = Math.abs(value - expected[i]!);
      if (!(difference <= limit)) expect.fail(`${name}[${i}] is ${value} in place of ${expected[i]}`);
    });
  });
}
