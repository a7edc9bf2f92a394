import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { encodeOnnx, type Value } from '../../examples/onnx.ts';
import { openModel } from '../../src/files/modelFile.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { importOnnx, OWN_FILE, withoutBulk } from '../../src/onnx/index.ts';
import { Random } from '../support/randomProgram.ts';

/** A chain of products, each by a matrix [inputs, outputs], which a program holds turned. */
function chain(
  side: number,
  count: number,
  elements: (size: number) => Value['values'],
  type: Value['type'],
) {
  const names = Array.from({ length: count }, (_, i) => `w${i}`);
  const cast = type === 'float' ? [] : names;
  return encodeOnnx({
    name: 'chain',
    opset: 17,
    nodes: [
      ...cast.map((name) => ({
        op: 'Cast',
        inputs: [name],
        outputs: [`${name} floats`],
        attributes: { to: 1 },
      })),
      ...names.map((name, i) => ({
        op: 'MatMul',
        inputs: [i === 0 ? 'x' : `y${i - 1}`, cast.length > 0 ? `${name} floats` : name],
        outputs: [`y${i}`],
      })),
    ],
    constants: Object.fromEntries(
      names.map((name): [string, Value] => [
        name,
        { type, shape: [side, side], values: elements(side * side) },
      ]),
    ),
    inputs: { x: { type: 'float', shape: [1, side] } },
    outputs: [`y${count - 1}`],
  });
}

const idOf = (bytes: Uint8Array, options: Parameters<typeof importOnnx>[1] = {}): string =>
  hexOf(modelOf(importOnnx(bytes, options).program).id);

const readerOf = (bytes: Uint8Array) => (offset: number, length: number) =>
  bytes.slice(offset, offset + length);

describe('a large ONNX file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'assay-model-'));
  after(() => rmSync(folder, { recursive: true }));

  it('gives the same model without its weights in memory, of every type of weights', () => {
    const random = new Random(1);
    const noise = (size: number) => Array.from({ length: size }, () => random.below(120));
    for (const type of ['float', 'uint8', 'int8'] as const) {
      const file = chain(512, 2, noise, type);
      const read = readerOf(file);
      const bytes = withoutBulk(file.length, read)!;
      expect(bytes.length, type).to.be.below(1000);
      const readExternal = (location: string, offset: number, length: number): Uint8Array => {
        expect(location).to.equal(OWN_FILE);
        return read(offset, length);
      };
      expect(idOf(bytes, { readExternal, fileBytes: file.length }), type).to.equal(idOf(file));
    }
  });

  it('is left as it is where it has no weights to leave out, or is cut or damaged', () => {
    const small = chain(16, 3, (size) => new Float32Array(size).fill(0.5), 'float');
    expect(withoutBulk(small.length, readerOf(small))).to.deep.equal(small);
    const large = chain(300, 1, (size) => new Float32Array(size).fill(0.5), 'float');
    const random = new Random(2);
    for (let i = 0; i < 200; i++) {
      const damaged = large.slice(0, random.below(large.length));
      for (let at = 0; at < 4; at++) damaged[random.below(Math.min(200, damaged.length))] = random.below(256);
      const bytes = withoutBulk(damaged.length, readerOf(damaged));
      expect(bytes?.length ?? 0, `${i}`).to.be.at.most(damaged.length + 100);
    }
  });

  it('is known for no model by its first byte, however long the file of zeros', () => {
    const asked: number[] = [];
    const zeros = (offset: number, length: number): Uint8Array => {
      asked.push(offset);
      return new Uint8Array(length);
    };
    expect(withoutBulk(2 ** 40, zeros)).to.equal(undefined);
    expect(asked).to.deep.equal([0]);
  });

  it('is opened by its path, and weights beside it are found too', () => {
    const file = chain(1024, 3, (size) => new Float32Array(size).map((_, i) => i % 7), 'float');
    const path = join(folder, 'chain.onnx');
    writeFileSync(path, file);
    const opened = openModel(path);
    expect(opened.bytes.length).to.be.below(1000);
    const { readExternal, size } = opened;
    expect(idOf(opened.bytes, { readExternal, fileBytes: size })).to.equal(idOf(file));
    expect(() => readExternal('../chain.onnx', 0, 1)).to.throw(/leads out of the model's folder/);
    writeFileSync(join(folder, 'beside.bin'), Uint8Array.of(1, 2, 3));
    expect([...readExternal('beside.bin', 1, 2)]).to.deep.equal([2, 3]);
    opened.close();
  });

  for (const [type, count] of [
    ['float', 8],
    ['int8', 32],
  ] as const) {
    it(`takes at most 1.5 times its size in memory to compile, with weights of type ${type}`, function () {
      // Where the greatest memory of one process is told.
      if (!existsSync('/proc/self/status')) this.skip();
      this.timeout(120_000);
      const greatest = (side: number): { readonly memory: number; readonly size: number } => {
        const path = join(folder, `${side}.onnx`);
        const file = chain(side, count, (size) => new Float32Array(size).map((_, i) => i % 120), type);
        writeFileSync(path, file);
        const script = `
          import { readFileSync } from 'node:fs';
          import { openModel } from './src/files/modelFile.ts';
          import { importOnnx } from './src/onnx/index.ts';
          import { keepHeapSmall } from './src/operator/smallHeap.ts';
          // As the command line does.
          keepHeapSmall();
          const { bytes, readExternal, size } = openModel(${JSON.stringify(path)});
          importOnnx(bytes, { readExternal, fileBytes: size });
          console.log(1024 * Number(/VmHWM:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]));
        `;
        const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
        const cwd = join(import.meta.dirname, '../..');
        const { stdout, stderr } = spawnSync(process.execPath, args, { cwd });
        const memory = Number(String(stdout));
        expect(memory, String(stderr)).to.be.greaterThan(0);
        return { memory, size: file.length };
      };
      const [small, large] = [greatest(64), greatest(2048)];
      expect((large.memory - small.memory) / large.size).to.be.within(1, 1.5);
    });
  }
});
