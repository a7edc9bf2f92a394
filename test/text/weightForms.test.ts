import { expect } from 'chai';
import { planNode } from '../../src/engine/passes/planNode.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { SIMD128 } from '../../src/engine/wasm/target.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import type { AttributeValue, TensorValue } from '../../src/onnx/read/graph.ts';
import { TYPES } from '../../src/onnx/types.ts';
import { inBytes } from '../../src/text/byteMatrix.ts';
import { compileText } from '../../src/text/compile.ts';
import { BLOCK, type FloatMatrix } from '../../src/text/floatMatrix.ts';
import { choiceProgram, generate, inputsOf, PassChooser } from '../../src/text/generate.ts';
import { GraphWriter } from '../../src/text/graphWriter.ts';
import { inNibbles, type NibbleMatrix } from '../../src/text/nibbleMatrix.ts';
import { expectNear } from '../support/near.ts';
import {
  type Attribute,
  expectClose,
  floats,
  modelBytes,
  noise,
  runCompiled,
  runOnnxruntime,
  value,
} from '../support/onnx.ts';
import { tinyGraph } from '../support/tinyText.ts';

const matrix = (shape: readonly number[], values: ArrayLike<number>): TensorValue => ({
  type: TYPES.float,
  shape,
  values: Float32Array.from(values),
});

const plain = (attribute: AttributeValue): Attribute => (attribute as { readonly value: Attribute }).value;

/** What a graph writer has written, as a file. */
function fileOf(
  writer: GraphWriter,
  inputs: Parameters<typeof modelBytes>[0]['inputs'],
  outputs: readonly string[],
) {
  const nodes = writer.nodes.map(({ operator: op, inputs: read, outputs: outputNames, attributes }) => ({
    op,
    inputs: [...read],
    outputs: [...outputNames],
    attributes: Object.fromEntries([...attributes].map(([name, one]) => [name, plain(one)])),
  }));
  const constants = Object.fromEntries(
    [...writer.initializers].map(([name, { type, shape, values }]) => [
      name,
      value(type.name as 'float', shape, [...values]),
    ]),
  );
  return modelBytes({ nodes, inputs, constants, outputs, opset: 18 });
}

describe('a matrix in 8 bits', () => {
  it('has levels to 127 by the greatest magnitude of each row, ties to even', () => {
    const { levels, scales } = inBytes(
      matrix([4, 4], [127, 0.5, 1.5, -2.5, 0, 0, 0, 0, -254, 1, 3, 5, 1e-45, -1e-45, 0, 0]),
    );
    expect([...scales.values]).to.deep.equal([1, 0, 2, 0]);
    expect([...levels.values]).to.deep.equal([127, 0, 2, -2, 0, 0, 0, 0, -127, 0, 2, 2, 0, 0, 0, 0]);
  });

  it('is multiplied as integers, which onnxruntime and plain arithmetic yield too', async () => {
    const [rows, depth, outputs] = [5, 48, 12];
    const values = noise([1, rows, depth], 3, 4).values;
    // A row of zeros, and one that is far below the others.
    const x = values.map((one, i) => (i < depth ? 0 : i < 2 * depth ? Math.fround(one * 1e-30) : one));
    const weights = matrix([outputs, depth], noise([outputs, depth], 4).values);
    const writer = new GraphWriter();
    writer.product('x', writer.matrix('w', inBytes(weights)), 'y');
    const inputs = { x: floats([1, rows, depth], x) };
    const file = fileOf(writer, inputs, ['y', 'y sums']);
    const [mine, sums] = await runCompiled(importOnnx(file), [inputs.x]);
    const [theirs, theirSums] = await runOnnxruntime(file, inputs, ['y', 'y sums']);
    expectClose(sums!, theirSums!, 0, 0);
    expectClose(mine!, theirs!, 0, 0);

    const { levels, scales } = inBytes(weights);
    const { levels: codes, scales: factors } = inBytes(matrix([rows, depth], x));
    const expected = Array.from({ length: rows * outputs }, (_, i) => {
      const [row, output] = [Math.floor(i / outputs), i % outputs];
      let sum = 0;
      for (let k = 0; k < depth; k++)
        sum += codes.values[row * depth + k]! * levels.values[output * depth + k]!;
      return { sum, number: Math.fround(Math.fround(sum * factors.values[row]!) * scales.values[output]!) };
    });
    expect(sums!.values).to.deep.equal(expected.map(({ sum }) => sum));
    expect(mine!.values.map((one) => one + 0)).to.deep.equal(expected.map(({ number }) => number + 0));
  });

  it('yields its rows, each by its own scale', async () => {
    const weights = matrix([6, 8], noise([6, 8], 5).values);
    const { levels, scales } = inBytes(weights);
    const writer = new GraphWriter();
    writer.rows(writer.matrix('w', { levels, scales }), 'ids', 'y');
    const inputs = { ids: value('int64', [1, 3], [5, 0, 5]) };
    const model = importOnnx(fileOf(writer, inputs, ['y']));
    const [rows] = await runCompiled(model, [inputs.ids]);
    expect(rows!.values).to.deep.equal(
      [5, 0, 5].flatMap((row) =>
        Array.from({ length: 8 }, (_, i) => Math.fround(levels.values[8 * row + i]! * scales.values[row]!)),
      ),
    );
  });

  it('is what a whole model may be held in, with the same bits on both engines', async () => {
    const model = compileText(tinyGraph({ tied: true }, 1, 'int8'), 1000, { prompt: 6, tokens: 10 });
    const texts = await Promise.all(
      [referenceEngine, wasmEngine].map(async (engine) => {
        const { on, session } = await PassChooser.load(model, engine);
        const text = await generate(model, on(inputsOf(model, { prompt: [5, 17, 3] })));
        await session.close();
        return text;
      }),
    );
    expect(texts[0]).to.deep.equal(texts[1]);
    expect(new Set(texts[0]).size).to.be.greaterThan(2);
  });

  it('of tokens is committed once where it makes the logits too, as one of floats is', () => {
    // Beyond what small constants share.
    const vocabulary = 4200;
    for (const [form, elementBytes] of [
      ['int8', 1],
      ['float32', 4],
    ] as const) {
      const { weights } = compileText(tinyGraph({ tied: true, vocabulary }, 1, form), 1e6, {
        prompt: 2,
        tokens: 2,
      });
      const tables = [...weights.values()].filter(({ length }) => length === vocabulary * 16 * elementBytes);
      expect(tables, form).to.have.length(1);
    }
  });
});

/** A matrix of blocks with steps and least values from a seed, as a file may store it, and the same in floats. */
function storedMatrix(rows: number, blocks: number, seed: number): FloatMatrix {
  const size = rows * blocks * BLOCK;
  const levels = Uint8Array.from(noise([size], seed, 8).values, (one) => (Math.floor(one) + 16) % 16);
  const steps = Float32Array.from(noise([rows * blocks], seed + 1).values, (one) => Math.abs(one) + 0.01);
  const leasts = Float32Array.from(noise([rows * blocks], seed + 2).values);
  const numbers = Array.from(levels, (level, i) => {
    const block = Math.floor(i / BLOCK);
    return level * steps[block]! + leasts[block]!;
  });
  const [row, inRow] = [blocks * BLOCK, blocks];
  return {
    ...matrix([rows, row], numbers),
    stored: (from, end) => ({
      levels: levels.subarray(from * row, end * row),
      steps: steps.subarray(from * inRow, end * inRow),
      leasts: leasts.subarray(from * inRow, end * inRow),
    }),
  };
}

/** What a matrix in 4 bits stands for. */
const numbersIn = ({ nibbles, factors, scales, leasts }: NibbleMatrix): number[] => {
  const [, blocks] = nibbles.shape as [number, number];
  return Array.from(nibbles.values, (level, i) => {
    const block = Math.floor(i / BLOCK);
    return (
      level * factors.values[block]! * scales.values[Math.floor(block / blocks)]! + leasts.values[block]!
    );
  });
};

describe('a matrix in 4 bits', () => {
  it('has 16 levels from least to greatest of each block, none of rows of zeros', () => {
    const row = Array.from({ length: 64 }, (_, i) => (i < 32 ? i % 16 : (i % 16) / 4 - 2));
    const nibbles = inNibbles(matrix([2, 64], [...row, ...new Array(64).fill(0)]));
    expect([...nibbles.leasts.values]).to.deep.equal([0, -2, 0, 0]);
    expect([...nibbles.nibbles.values]).to.deep.equal([
      ...row.map((_, i) => i % 16),
      ...new Array(64).fill(0),
    ]);
    expect(nibbles.scales.values[1]).to.equal(0);
    numbersIn(nibbles).forEach((number, i) => {
      expectNear(number, row[i] ?? 0, 1e-3, `number ${i}`);
    });
  });

  it('keeps levels and least values as stored, and steps to a part of the greatest', () => {
    const given = storedMatrix(3, 18, 7);
    const nibbles = inNibbles(given);
    const { levels, steps, leasts } = given.stored!(0, 3);
    expect([...nibbles.nibbles.values]).to.deep.equal([...levels]);
    expect([...nibbles.leasts.values]).to.deep.equal([...leasts]);
    steps.forEach((step, block) => {
      const row = Math.floor(block / 18);
      const greatest = Math.max(...steps.subarray(18 * row, 18 * (row + 1)));
      const stepMade = nibbles.factors.values[block]! * nibbles.scales.values[row]!;
      expectNear(stepMade, step, greatest / 3900, `step of block ${block}`);
    });
  });

  it('leaves no sum outside 32 bits, however long its rows are', () => {
    for (const columns of [32, 576, 4864, 2 ** 15]) {
      const { factors } = inNibbles(storedMatrix(1, columns / BLOCK, 3));
      const most = Math.max(...factors.values);
      expect(most * 15 * 127 * columns, `${columns}`).to.be.below(2 ** 31);
      expect(most, `${columns}`).to.be.at.least(34);
    }
  });

  it('is multiplied as integers, which onnxruntime and plain arithmetic yield too', async () => {
    const [rows, depth, outputs] = [5, 96, 12];
    const x = noise([1, rows, depth], 3, 4).values;
    const weights = inNibbles(storedMatrix(outputs, depth / BLOCK, 4));
    const writer = new GraphWriter();
    writer.product('x', writer.matrix('w', weights), 'y');
    const inputs = { x: floats([1, rows, depth], x) };
    const file = fileOf(writer, inputs, ['y', 'y sums']);
    const [mine, sums] = await runCompiled(importOnnx(file), [inputs.x]);
    const [theirs, theirSums] = await runOnnxruntime(file, inputs, ['y', 'y sums']);
    expectClose(sums!, theirSums!, 0, 0);
    expectClose(mine!, theirs!, 1e-5, 1e-5);

    const { levels: codes, scales } = inBytes(matrix([rows, depth], x));
    const numbers = numbersIn(weights);
    mine!.values.forEach((value, i) => {
      const [row, output] = [Math.floor(i / outputs), i % outputs];
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += codes.values[row * depth + k]! * numbers[output * depth + k]!;
      expectNear(value, sum * scales.values[row]!, 1e-3, `product ${i}`);
    });
  });

  it('is held in 4 bits in a whole model, with the same bits on both engines', async () => {
    const change = { layers: 1, width: 288, headSize: 72, keyHeads: 4, hidden: 288, tied: true };
    const model = compileText(tinyGraph(change, 1, 'int4'), 1e6, { prompt: 3, tokens: 2 });
    const inputs = [...inputsOf(model, { prompt: [5, 17, 3] }), Uint8Array.of(1, 2)];
    const planned = model.program.nodes.map((node) =>
      node.kind === 'loop' ? planNode(node, model.program.nodes, SIMD128, model.weights).label : '',
    );
    expect(planned.filter((label) => label.includes('in words'))).to.have.length(7);
    const [expected, actual] = await Promise.all(
      [referenceEngine, wasmEngine].map(async (engine) =>
        (await engine.load(choiceProgram(model), model.weights)).run(inputs),
      ),
    );
    expect(actual![0]!.bytes).to.deep.equal(expected![0]!.bytes);
  });
});
