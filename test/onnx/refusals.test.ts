import { expect } from 'chai';
import onnxProto from 'onnx-proto';
import { ImportError, importOnnx } from '../../src/onnx/index.ts';
import { floats, type GraphSpec, modelBytes, noise, single, value } from '../support/onnx.ts';

/** Every refusal is one line that names the place, the reason and what to do (attack 29). */

const { ModelProto } = onnxProto.onnx;

function refusalOf(bytes: Uint8Array, options = {}): string {
  try {
    importOnnx(bytes, options);
  } catch (error) {
    expect(error, String(error)).to.be.instanceOf(ImportError);
    const { message } = error as Error;
    expect(message, 'one line').not.to.match(/[\r\n]/);
    expect(message.length, 'of readable length').to.be.below(500);
    return message;
  }
  throw new Error('the model was not refused');
}

const x = noise([2, 3]);

describe('refused models', () => {
  const operator = (op: string, reason: RegExp, domain?: string): void => {
    it(`names the node, the operator and the reason for ${op}`, () => {
      const message = refusalOf(
        modelBytes(single(op, [op === 'If' ? value('bool', [], [1]) : x], domain ? { domain } : {})),
      );
      expect(message).to.match(reason);
      expect(message).to.contain(`node "the_${op}" (${domain ? `${domain}.` : ''}${op})`);
    });
  };
  operator('Loop', /depends on the model's inputs|body is missing/);
  operator('If', /then_branch is missing/);
  operator('RandomNormal', /random/);
  operator('StringNormalizer', /strings/);
  operator('NonZero', /depends on data/);
  operator('Frobnicate', /not supported yet/);
  operator('Frobnicate', /domain com\.example/, 'com.example');
  operator(
    'MatMulBnb4',
    /this operator of com\.microsoft is not supported; those that are stand in/,
    'com.microsoft',
  );

  it('says how to bind an open dimension, by name or by place', () => {
    const spec: GraphSpec = { ...single('Relu', [x]), open: { x0: ['batch', 0] } };
    expect(refusalOf(modelBytes(spec))).to.equal(
      'input "x0": the shape [?,?] has dimensions without a size; bind them with --dim batch=N --dim x0.1=N',
    );
    expect(importOnnx(modelBytes(spec), { dims: { batch: 4, 'x0.1': 5 } }).inputs[0]?.shape).to.deep.equal([
      4, 5,
    ]);
  });

  it('refuses the name of a dimension that no input has, and sizes that are none', () => {
    const bytes = modelBytes({ ...single('Relu', [x]), open: { x0: ['batch', 3] } });
    expect(refusalOf(bytes, { dims: { bach: 1 } })).to.match(/--dim "bach".*"batch"/);
    expect(refusalOf(bytes, { dims: { batch: -1 } })).to.match(/-1 is no 31-bit size/);
    expect(refusalOf(bytes, { dims: { batch: 1.5 } })).to.match(/1\.5 is no 31-bit size/);
    expect(refusalOf(bytes, { bind: { y: { shape: [], values: [1] } } })).to.match(/--bind "y".*"x0"/);
  });

  it('says which input to bind if a shape depends on it', () => {
    const spec = single('Reshape', [x, value('int64', [2], [3, 2])]);
    expect(refusalOf(modelBytes(spec))).to.match(/the new shape \(input "x1"\) depends on .* --bind x1=FILE/);
    const bound = importOnnx(modelBytes(spec), { bind: { x1: { shape: [2], values: [3, 2] } } });
    expect(bound.outputs[0]?.shape).to.deep.equal([3, 2]);
    expect(bound.notes.join()).to.match(/"x1" is bound/);
  });

  it('refuses int64 arithmetic that may leave 32 bits, and allows it where it cannot', () => {
    const two = value('int64', [2], [5, 6]);
    expect(refusalOf(modelBytes(single('Mul', [two, two])))).to.match(/may not fit int32/);
    const small: GraphSpec = {
      nodes: [
        { op: 'Cast', inputs: ['x'], outputs: ['wide'], attributes: { to: 7 } },
        { op: 'Mul', inputs: ['wide', 'wide'], outputs: ['y'] },
      ],
      inputs: { x: value('uint8', [2], [5, 6]) },
      outputs: ['y'],
    };
    expect(importOnnx(modelBytes(small)).outputs[0]?.onnxType).to.equal('int64');
  });
});

describe('attack 29: hostile ONNX files', () => {
  const graph = (edit: (model: NonNullable<Parameters<typeof ModelProto.encode>[0]>) => void): Uint8Array => {
    const model = ModelProto.toObject(ModelProto.decode(modelBytes(single('Relu', [x])))) as Parameters<
      typeof ModelProto.encode
    >[0];
    edit(model);
    return ModelProto.encode(model).finish();
  };

  it('refuses what is no protobuf, is cut short, or is empty', () => {
    const good = modelBytes(single('Relu', [noise([64, 64])], { constants: [0] }));
    expect(refusalOf(new Uint8Array())).to.match(/not an ONNX model/);
    expect(refusalOf(new TextEncoder().encode('<!DOCTYPE html><html><body>404'))).to.match(
      /not an ONNX model/,
    );
    for (let length = 1; length < 200; length += 7) {
      expect(() => importOnnx(good.slice(0, length)), `${length} bytes`).to.throw(ImportError);
    }
    expect(refusalOf(good.slice(0, -100))).to.match(/not an ONNX model/);
  });

  it('refuses a cyclic graph', () => {
    const bytes = modelBytes({
      nodes: [
        { op: 'Add', name: 'first', inputs: ['x', 'b'], outputs: ['a'] },
        { op: 'Relu', name: 'second', inputs: ['a'], outputs: ['b'] },
      ],
      inputs: { x },
      outputs: ['b'],
    });
    expect(refusalOf(bytes)).to.match(/cycle/);
  });

  it('refuses a value that two nodes yield, and one that none does', () => {
    const twice = modelBytes({
      nodes: [
        { op: 'Relu', inputs: ['x'], outputs: ['y'] },
        { op: 'Abs', inputs: ['x'], outputs: ['y'] },
      ],
      inputs: { x },
      outputs: ['y'],
    });
    expect(refusalOf(twice)).to.match(/"y", which something else/);
    expect(refusalOf(modelBytes({ ...single('Relu', [x]), outputs: ['z'] }))).to.match(/"z": nothing/);
    const missing = modelBytes({
      nodes: [{ op: 'Relu', inputs: ['q'], outputs: ['y'] }],
      inputs: { x },
      outputs: ['y'],
    });
    expect(refusalOf(missing)).to.match(/"q", which nothing/);
  });

  it('refuses huge dimensions without allocating them', () => {
    const dims = [2 ** 30, 2 ** 30, 7];
    expect(refusalOf(modelBytes({ ...single('Relu', [x]), open: { x0: dims } }))).to.match(/bytes, of/);
    const initializer = graph((model) => {
      model.graph!.initializer = [{ name: 'w', dims, dataType: 1, rawData: new Uint8Array(4) }];
    });
    expect(refusalOf(initializer)).to.match(/"w" has the shape .* too large/);
    const filled = single('ConstantOfShape', [value('int64', [2], [2 ** 30, 2 ** 20])], { constants: [0] });
    expect(refusalOf(modelBytes(filled))).to.match(/allowed/);
    const tiled = single('Tile', [x, value('int64', [2], [2 ** 30, 2 ** 30])], { constants: [1] });
    expect(refusalOf(modelBytes(tiled))).to.match(/allowed|31-bit/);
    const padded = single('Pad', [x, value('int64', [4], [2 ** 40, 0, 0, 0])], { constants: [1] });
    expect(refusalOf(modelBytes(padded))).to.match(/31-bit/);
    const range = single('Range', [floats([], [0]), floats([], [1e30]), floats([], [1])], {
      constants: [0, 1, 2],
    });
    expect(refusalOf(modelBytes(range))).to.match(/list of/);
    const window = single('MaxPool', [noise([1, 1, 4, 4])], {
      attributes: { kernel_shape: [2 ** 31, 2 ** 31] },
    });
    expect(refusalOf(modelBytes(window))).to.match(/window|large/);
  });

  it('refuses a tensor whose elements are missing or too many', () => {
    const wrong = (count: number) =>
      graph((model) => {
        model.graph!.initializer = [
          { name: 'w', dims: [3], dataType: 1, rawData: new Uint8Array(4 * count) },
        ];
      });
    expect(refusalOf(wrong(2))).to.match(/2 elements in place of 3/);
    expect(refusalOf(wrong(4))).to.match(/4 elements in place of 3/);
  });

  it('refuses data in other files, whatever their path', () => {
    for (const location of ['weights.bin', '../../etc/passwd', '/etc/passwd']) {
      const bytes = graph((model) => {
        model.graph!.initializer = [
          {
            name: 'w',
            dims: [3],
            dataType: 1,
            dataLocation: 1,
            externalData: [{ key: 'location', value: location }],
          },
        ];
      });
      const message = refusalOf(bytes);
      expect(message).to.match(/another file/);
      expect(message).not.to.contain('passwd');
    }
  });

  it('refuses deeply nested graphs before they are decoded', () => {
    const varint = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >> 7)]);
    const field = (number: number, bytes: number[]): number[] => [
      (number << 3) | 2,
      ...varint(bytes.length),
      ...bytes,
    ];
    let nested: number[] = [];
    // graph = { node = { attribute = { g = graph … } } }
    for (let i = 0; i < 2000; i++) nested = field(1, field(5, field(6, nested)));
    const start = Date.now();
    expect(refusalOf(Uint8Array.from(field(7, nested)))).to.match(/nested deeper/);
    expect(Date.now() - start).to.be.below(1000);
  });

  it('refuses a giant attribute before it is decoded', () => {
    const ints = new Uint8Array(9_000_000);
    const head = (number: number, length: number): number[] => {
      const out = [(number << 3) | 2];
      for (let n = length; ; n = Math.floor(n / 128)) {
        if (n < 128) {
          out.push(n);
          return out;
        }
        out.push((n % 128) | 128);
      }
    };
    let bytes = ints;
    for (const number of [8, 5, 1, 7]) {
      const prefix = head(number, bytes.length);
      const next = new Uint8Array(prefix.length + bytes.length);
      next.set(prefix);
      next.set(bytes, prefix.length);
      bytes = next;
    }
    expect(refusalOf(bytes)).to.match(/more than 8000000 values/);
  });

  it('keeps long and multi-line names out of messages', () => {
    const name = `evil\n\u001b[31m${'x'.repeat(10_000)}`;
    const bytes = modelBytes({
      nodes: [{ op: 'Loop', name, inputs: ['x'], outputs: ['y'] }],
      inputs: { x },
      outputs: ['y'],
    });
    const message = refusalOf(bytes);
    expect(message).to.match(/^node "evil\?\?\[31mx+…" \(Loop\)/);
  });

  it('takes a chain of 5,000 nodes', () => {
    const count = 5000;
    const bytes = modelBytes({
      nodes: Array.from({ length: count }, (_, i) => ({
        op: 'Abs',
        inputs: [`v${i}`],
        outputs: [`v${i + 1}`],
      })),
      inputs: { v0: x },
      outputs: [`v${count}`],
    });
    const start = Date.now();
    expect(importOnnx(bytes).program.nodes.length).to.be.below(count);
    expect(Date.now() - start).to.be.below(10_000);
  });
});

describe('attack 29: mutated files', function () {
  this.timeout(600_000);
  const COUNT = process.env.ASSAY_LONG ? 20_000 : 500;

  it(`either compile or are refused in one line, ${COUNT} times`, () => {
    const spec: GraphSpec = {
      nodes: [
        {
          op: 'Conv',
          inputs: ['x', 'w', 'b'],
          outputs: ['c'],
          attributes: { pads: [1, 1, 1, 1], strides: [2, 2] },
        },
        { op: 'Relu', inputs: ['c'], outputs: ['r'] },
        { op: 'Reshape', inputs: ['r', 'shape'], outputs: ['f'] },
        { op: 'Gemm', inputs: ['f', 'v'], outputs: ['g'], attributes: { transB: 1 } },
        { op: 'Softmax', inputs: ['g'], outputs: ['y'], attributes: { axis: 1 } },
      ],
      inputs: { x: noise([1, 2, 4, 4]) },
      constants: {
        w: noise([3, 2, 3, 3], 2),
        b: noise([3], 3),
        shape: value('int64', [2], [1, -1]),
        v: noise([2, 12], 4),
      },
      outputs: ['y'],
    };
    const good = modelBytes(spec);
    let state = 1;
    const roll = (sides: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * sides);
    };
    const start = Date.now();
    let refused = 0;
    for (let i = 0; i < COUNT; i++) {
      const bytes = good.slice();
      for (let edits = 1 + roll(4); edits > 0; edits--) bytes[roll(bytes.length)] = roll(3) ? roll(256) : 255;
      try {
        importOnnx(bytes);
      } catch (error) {
        expect(error, `mutation ${i}: ${(error as Error).stack}`).to.be.instanceOf(ImportError);
        expect((error as Error).message).not.to.match(/[\r\n]/);
        refused++;
      }
    }
    expect(refused).to.be.greaterThan(COUNT / 10);
    expect((Date.now() - start) / COUNT, 'milliseconds each').to.be.below(1000);
  });
});
