import { setFlagsFromString } from 'node:v8';
import { expect } from 'chai';
import { get, i32Const, moduleOf } from '../../src/wasm/assembler.ts';
import { compileModule, compileModuleNow } from '../../src/wasm/compile.ts';
import { i32 } from '../../src/wasm/opcodes.ts';

/** A module whose function `sum` adds a number to its parameter. V8 keeps the code of modules, so no two are equal. */
let modules = 0;
function adding(): { number: number; bytes: Uint8Array<ArrayBuffer> } {
  const number = ++modules;
  const code = [...get(0), ...i32Const(number), ...i32.add];
  const bytes = moduleOf([{ name: 'sum', params: ['i32'], result: 'i32', locals: [], code }], {
    given: 'unshared',
  });
  return { number, bytes };
}

/** Asks V8 whether its optimizing compiler made a function's code. */
const ASKS = 'return (f) => [%IsLiftoffFunction(f), %IsTurboFanFunction(f)]';
const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });

describe('compiling WebAssembly', () => {
  setFlagsFromString('--allow-natives-syntax');
  const kinds = new Function(ASKS)() as (f: unknown) => [boolean, boolean];
  const sumOf = (module: WebAssembly.Module) =>
    new WebAssembly.Instance(module, { env: { memory } }).exports.sum as (x: number) => number;

  for (const [name, compile] of Object.entries({ compileModule, compileModuleNow })) {
    it(`${name} uses the optimizing compiler before the first call`, async () => {
      const { number, bytes } = adding();
      const sum = sumOf(await compile(bytes));
      expect(kinds(sum)).to.deep.equal([false, true]);
      expect(sum(7)).to.equal(7 + number);
    });
  }

  it('modules that others compile are compiled as before', async () => {
    await compileModule(adding().bytes);
    const sum = sumOf(new WebAssembly.Module(adding().bytes));
    sum(7);
    expect(kinds(sum)).to.deep.equal([true, false]);
  });

  it('a module that is none is refused, and the flags are set back', async () => {
    const failed = await compileModule(Uint8Array.of(1, 2, 3)).catch((error: unknown) => error);
    expect(failed).to.be.instanceOf(WebAssembly.CompileError);
    const sum = sumOf(new WebAssembly.Module(adding().bytes));
    sum(7);
    expect(kinds(sum)).to.deep.equal([true, false]);
  });
});
