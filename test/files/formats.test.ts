import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import onnxProto from 'onnx-proto';
import { bytesForInput } from '../../src/files/formats/convert.ts';
import { ELEMENT_TYPES, elementType, type FileTensor } from '../../src/files/formats/elementTypes.ts';
import { readNpy, writeNpy } from '../../src/files/formats/npy.ts';
import { readTensorProto, writeTensorProto } from '../../src/files/formats/tensorProto.ts';

/** Files that NumPy 2.4 wrote. */
const numpy: Record<string, string> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'numpy.json'), 'utf8'),
);
const fileOf = (name: string): Uint8Array => Uint8Array.from(Buffer.from(numpy[name] as string, 'base64'));

const values = ({ type, bytes }: FileTensor) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / type.bytes }, (_, i) => type.read(view, i * type.bytes));
};

const tensors = fc
  .record({
    type: fc.constantFrom(...ELEMENT_TYPES.filter(({ npy }) => npy !== '')),
    shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
  })
  .chain(({ type, shape }) => {
    const length = shape.reduce((product, extent) => product * extent, type.bytes as number);
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((bytes): FileTensor => ({ type, shape, bytes }));
  });

describe('.npy files', () => {
  for (const version of ['version1', 'version2', 'version3']) {
    it(`are read in ${version}`, () => {
      const tensor = readNpy(fileOf(version), 'x.npy');
      expect(tensor.type.name).to.equal('float32');
      expect(tensor.shape).to.deep.equal([2, 3]);
      expect(values(tensor)).to.deep.equal([1, -2, 3, 4, 5.5, -0]);
    });
  }

  it('are written byte for byte as NumPy writes them', () => {
    expect(Buffer.from(writeNpy(readNpy(fileOf('version1'), 'x.npy'))).toString('base64')).to.equal(
      numpy['version1'],
    );
    expect(Buffer.from(writeNpy(readNpy(fileOf('bool'), 'x.npy'))).toString('base64')).to.equal(
      numpy['bool'],
    );
    expect(Buffer.from(writeNpy(readNpy(fileOf('scalar'), 'x.npy'))).toString('base64')).to.equal(
      numpy['scalar'],
    );
  });

  it('in Fortran order come out row-major', () => {
    expect(values(readNpy(fileOf('fortran'), 'x.npy'))).to.deep.equal([1, -2, 3, 4, 5.5, -0]);
    const cube = readNpy(fileOf('fortran3'), 'x.npy');
    expect(cube.shape).to.deep.equal([2, 3, 4]);
    expect(values(cube)).to.deep.equal(Array.from({ length: 24 }, (_, i) => i));
  });

  it('in big-endian order come out little-endian', () => {
    expect(values(readNpy(fileOf('bigEndian'), 'x.npy'))).to.deep.equal([1, -2, 3, 4, 5.5, -0]);
  });

  it('hold float16, bool and scalars', () => {
    expect(values(readNpy(fileOf('float16'), 'x.npy'))).to.deep.equal([
      1,
      -0.5,
      65504,
      2 ** -24,
      Number.POSITIVE_INFINITY,
    ]);
    expect(values(readNpy(fileOf('bool'), 'x.npy'))).to.deep.equal([1, 0]);
    const scalar = readNpy(fileOf('scalar'), 'x.npy');
    expect(scalar.shape).to.deep.equal([]);
    expect(values(scalar)).to.deep.equal([7n]);
  });

  it('come back as they were written, whatever they hold', () => {
    fc.assert(
      fc.property(tensors, (tensor) => {
        expect(readNpy(writeNpy(tensor), 'x.npy')).to.deep.equal(tensor);
        expect(writeNpy(tensor).length - tensor.bytes.length).to.satisfy((n: number) => n % 64 === 0);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('cut short anywhere are refused in one line', () => {
    const whole = fileOf('version1');
    for (let length = 0; length < whole.length; length++) {
      expect(() => readNpy(whole.slice(0, length), 'x.npy'), `${length} bytes`).to.throw(/^x\.npy: [^\n]+$/);
    }
  });

  const refused: [string, Uint8Array, RegExp][] = [
    ['with bytes after the array', Uint8Array.of(...fileOf('version1'), 0), /has bytes after its array/],
    ['of records', fileOf('records'), /records with named fields/],
    ['of complex numbers', fileOf('complex'), /NumPy type "<c8" .* use one of/],
    ['of an unknown version', fileOf('version1').with(6, 9), /version 9/],
  ];
  for (const [what, bytes, message] of refused) {
    it(`${what} are refused`, () => expect(() => readNpy(bytes, 'x.npy')).to.throw(message));
  }
});

describe('TensorProto files', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(tensors, (tensor) => {
        expect(readTensorProto(writeTensorProto(tensor, 'x'), 'x.pb')).to.deep.equal(tensor);
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  for (const [name, given] of [
    ['int4', [-8, 7, -1, 0, 5]],
    ['uint4', [15, 0, 8, 7]],
  ] as const) {
    it(`hold ${name} two in a byte, and .npy files do not`, () => {
      const type = elementType(name);
      const tensor = { type, shape: [given.length], bytes: Uint8Array.from(given) };
      const file = writeTensorProto(tensor, 'x');
      const inBytes = { ...tensor, type: elementType('uint8') };
      expect(file.length).to.equal(writeTensorProto(inBytes, 'x').length - Math.floor(given.length / 2));
      expect(values(readTensorProto(file, 'x.pb'))).to.deep.equal(given);
      expect(() => writeNpy(tensor)).to.throw(/cannot hold/);
    });
  }

  it('are read from typed fields too', () => {
    // dims 2, data_type 1 (float32), float_data packed 1, -2
    const floats = Uint8Array.of(0x08, 2, 0x10, 1, 0x22, 8, 0, 0, 128, 63, 0, 0, 0, 192);
    expect(values(readTensorProto(floats, 'x.pb'))).to.deep.equal([1, -2]);
    // dims 2, data_type 7 (int64), int64_data packed 300, -1
    const ints = Uint8Array.of(0x08, 2, 0x10, 7, 0x3a, 12, 0xac, 2, ...Array(9).fill(0xff), 1);
    expect(values(readTensorProto(ints, 'x.pb'))).to.deep.equal([300n, -1n]);
  });

  it('cut short or of another kind are refused in one line', () => {
    const whole = writeTensorProto(readNpy(fileOf('version1'), 'x'), 'x');
    for (let length = 0; length < whole.length; length++) {
      expect(() => readTensorProto(whole.slice(0, length), 'x.pb')).to.throw(/^x\.pb: [^\n]+$/);
    }
    expect(() => readTensorProto(fileOf('version1'), 'x.pb')).to.throw(/^x\.pb: [^\n]+$/);
  });
});

describe('numbers of a TensorProto file in int32_data', () => {
  const file = (dataType: number, int32Data: number[], dims = [int32Data.length]): Uint8Array =>
    onnxProto.onnx.TensorProto.encode({ dims, dataType, int32Data }).finish();

  it('are bytes that say true or false for bool', () => {
    expect([...readTensorProto(file(9, [0, 1, 256, -1]), 'x.pb').bytes]).to.deep.equal([0, 1, 1, 1]);
  });

  it('are codes of narrow floats, and several short elements each', () => {
    const values = (dataType: number, data: number[], count: number): number[] => {
      const { type, bytes } = readTensorProto(file(dataType, data, [count]), 'x.pb');
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return Array.from({ length: count }, (_, i) => Number(type.read(view, i * type.bytes)));
    };
    // 0x38 is 1 in E4M3; 1, -6 in E2M1; -2, 1, -1 in int2; -8, 7 in int4.
    expect(values(17, [0x38, 0xb8], 2)).to.deep.equal([1, -1]);
    expect(values(23, [0xf2], 2)).to.deep.equal([1, -6]);
    expect(values(26, [0b110110], 3)).to.deep.equal([-2, 1, -1]);
    expect(values(22, [0x78], 2)).to.deep.equal([-8, 7]);
  });

  for (const [name, code, data, reason] of [
    ['int8', 3, [300], 'element 0 is 300, which is no int8'],
    ['uint8', 2, [0, -1], 'element 1 is -1, which is no uint8'],
    ['uint16', 4, [65536], 'element 0 is 65536, which is no uint16'],
    ['int16', 5, [-40000], 'element 0 is -40000, which is no int16'],
    ['float16', 10, [65536], 'element 0 is 65536, which is no code of a float16'],
    ['float8e5m2', 19, [256], 'element 0 is 256, which is no code of a float8e5m2'],
    ['float6e2m3', 27, [64], 'element 0 is 64, which is no code of a float6e2m3'],
    ['uint4', 21, [300], 'holds the number 300 where packed elements take a byte'],
  ] as const) {
    it(`are refused where ${name} has none of them`, () => {
      expect(() => readTensorProto(file(code, [...data]), 'x.pb')).to.throw(`x.pb: ${reason}`);
    });
  }
});

describe('an input file for a model', () => {
  const tensor = (type: string, shape: number[], bytes: ArrayBuffer): FileTensor => ({
    type: elementType(type),
    shape,
    bytes: new Uint8Array(bytes),
  });
  const f32 = { name: 'x', dtype: 'f32', onnxType: 'float', shape: [2] } as const;
  const u8 = { name: 'x', dtype: 'u8', onnxType: 'uint8', shape: [2] } as const;
  const i32 = { name: 'x', dtype: 'i32', onnxType: 'int64', shape: [2] } as const;

  it('keeps its bits where the type is the same', () => {
    const nan = new Uint32Array([0x7fc12345, 0xffa00001]).buffer;
    expect(bytesForInput(tensor('float32', [2], nan), f32, 'x.npy')).to.deep.equal(new Uint8Array(nan));
  });

  it('is converted between floats and between integers', () => {
    const doubles = new Float64Array([0.1, Number.NEGATIVE_INFINITY]).buffer;
    expect(bytesForInput(tensor('float64', [2], doubles), f32, 'x.npy')).to.deep.equal(
      new Uint8Array(new Float32Array([0.1, Number.NEGATIVE_INFINITY]).buffer),
    );
    const far = new Float64Array([1, -1e300]).buffer;
    expect(() => bytesForInput(tensor('float64', [2], far), f32, 'x.npy')).to.throw(
      /^x\.npy: element 1 is -1e\+300, which is more than float32 can hold$/,
    );
    const longs = new BigInt64Array([-(2n ** 31n), 2n ** 31n - 1n]).buffer;
    expect(bytesForInput(tensor('int64', [2], longs), i32, 'x.npy')).to.deep.equal(
      new Uint8Array(new Int32Array([-(2 ** 31), 2 ** 31 - 1]).buffer),
    );
    const bools = Uint8Array.of(1, 0);
    expect(bytesForInput(tensor('bool', [2], bools.buffer), u8, 'x.npy')).to.deep.equal(bools);
  });

  it('is float64 for an input of type double, exactly, and within its range', () => {
    const double = { name: 'x', dtype: 'i32', onnxType: 'double', shape: [2] } as const;
    const numbers = Float64Array.of(1.2, 1e38);
    expect(bytesForInput(tensor('float64', [2], numbers.buffer), double, 'x.npy')).to.deep.equal(
      new Uint8Array(numbers.buffer),
    );
    const floats = Float32Array.of(0.1, -2);
    expect(bytesForInput(tensor('float32', [2], floats.buffer), double, 'x.npy')).to.deep.equal(
      new Uint8Array(Float64Array.from(floats).buffer),
    );
    const ranged = { ...double, range: { low: 0, high: 2 } };
    expect(() => bytesForInput(tensor('float64', [2], numbers.buffer), ranged, 'x.npy')).to.throw(
      'x.npy: element 1 is 1e+38, outside the 0 … 2 that the model takes',
    );
    const far = Float64Array.of(1, -1e300).buffer;
    expect(() => bytesForInput(tensor('float64', [2], far), double, 'x.npy')).to.throw(
      'x.npy: element 1 is -1e+300, which is more than float32 can hold',
    );
    const integers = Int32Array.of(1, 2).buffer;
    expect(() => bytesForInput(tensor('int32', [2], integers), double, 'x.npy')).to.throw(
      'x.npy: holds int32, the model takes float64; convert it with astype("float64")',
    );
  });

  it('is true in every element but 0 for a bool input, of any integer type', () => {
    const bool = { ...u8, onnxType: 'bool' };
    const longs = new BigInt64Array([256n, 0n]).buffer;
    expect(bytesForInput(tensor('int64', [2], longs), bool, 'x.npy')).to.deep.equal(Uint8Array.of(1, 0));
    for (const type of ['bool', 'uint8']) {
      const bytes = Uint8Array.of(2, 255).buffer;
      expect(bytesForInput(tensor(type, [2], bytes), bool, 'x.npy')).to.deep.equal(Uint8Array.of(1, 1));
    }
  });

  for (const [onnxType, dtype, file, values, message] of [
    ['int4', 'i8', 'int8', Int8Array.of(7, 8), 'element 1 is 8, outside the -8 … 7'],
    ['uint4', 'u8', 'uint8', Uint8Array.of(16, 0), 'element 0 is 16, outside the 0 … 15'],
    ['int2', 'i8', 'int8', Int8Array.of(-3, 0), 'element 0 is -3, outside the -2 … 1'],
    ['uint16', 'i32', 'int32', Int32Array.of(0, -1), 'element 1 is -1, outside the 0 … 65535'],
    ['int16', 'i32', 'int32', Int32Array.of(32768, 0), 'element 0 is 32768, outside the -32768 … 32767'],
    ['uint32', 'i32', 'int32', Int32Array.of(-5, 0), 'element 0 is -5, outside the 0 … 2147483647'],
    ['uint64', 'i32', 'int64', BigInt64Array.of(0n, -1n), 'element 1 is -1, outside the 0 … 2147483647'],
  ] as const) {
    it(`is refused if an element is none of ${onnxType}`, () => {
      const slot = { name: 'x', dtype, onnxType, shape: [2] };
      expect(() => bytesForInput(tensor(file, [2], values.buffer), slot, 'x.npy')).to.throw(
        `x.npy: ${message} that the model takes`,
      );
    });
  }

  it('is refused if a number is more than its short float type holds', () => {
    const half = { ...f32, onnxType: 'float16' };
    const numbers = Float32Array.of(65504, 65536).buffer;
    expect(() => bytesForInput(tensor('float32', [2], numbers), half, 'x.npy')).to.throw(
      'x.npy: element 1 is 65536, which is more than float16 can hold',
    );
    const endless = Float32Array.of(Number.NEGATIVE_INFINITY, 1).buffer;
    expect(bytesForInput(tensor('float32', [2], endless), half, 'x.npy')).to.deep.equal(
      new Uint8Array(endless),
    );
  });

  it('is refused in one line if kind, range or shape do not fit', () => {
    const longs = new BigInt64Array([0n, 2n ** 31n]).buffer;
    expect(() => bytesForInput(tensor('int64', [2], longs), i32, 'x.npy')).to.throw(
      'x.npy: element 1 is 2147483648, outside the -2147483648 … 2147483647 that the model takes',
    );
    expect(() => bytesForInput(tensor('int64', [2], longs), f32, 'x.npy')).to.throw(
      'x.npy: holds int64, the model takes float32; convert it with astype("float32")',
    );
    const floats = new Float32Array(2).buffer;
    expect(() => bytesForInput(tensor('float32', [1, 2], floats), f32, 'x.npy')).to.throw(
      'x.npy: has the shape [1, 2], input "x" takes [2]; reshape it',
    );
    expect(() => bytesForInput(tensor('float32', [1], floats.slice(4)), f32, 'x.npy')).to.throw(
      'x.npy: has the shape [1], input "x" takes [2]',
    );
  });
});
