import { expect } from 'chai';
import { byteLengthOf } from '../../src/program/node.ts';
import { expectSameAsOnnxruntime, floats, integers, single, value } from '../support/onnx.ts';

/** A convolution of 16 filters of 3×3×4, quantised by filter. */
const convolution = (zeros: readonly number[]) =>
  single(
    'QLinearConv',
    [
      integers('uint8', [1, 4, 6, 6], 0, 255),
      floats([], [0.02]),
      value('uint8', [], [128]),
      integers('int8', [16, 4, 3, 3], -127, 127, 2),
      floats(
        [16],
        Array.from({ length: 16 }, (_, i) => 0.01 + i / 1000),
      ),
      value('int8', [16], zeros),
      floats([], [0.5]),
      value('uint8', [], [120]),
    ],
    { constants: [1, 2, 3, 4, 5, 6, 7] },
  );

const bytesOf = ({ nodes }: Awaited<ReturnType<typeof expectSameAsOnnxruntime>>['program'], dtype: string) =>
  nodes.reduce(
    (sum, node) => sum + (node.kind === 'constant' && node.dtype === dtype ? byteLengthOf(node) : 0),
    0,
  );

describe('filters of bytes', () => {
  it('stay bytes if their zero points are all 0', async () => {
    const { program } = await expectSameAsOnnxruntime(convolution(new Array<number>(16).fill(0)));
    expect(bytesOf(program, 'i8')).to.equal(16 * 4 * 9);
  });

  it('become words less their zero points if one is not', async () => {
    const { program } = await expectSameAsOnnxruntime(convolution([...new Array<number>(15).fill(0), 3]));
    expect(bytesOf(program, 'i8')).to.equal(0);
    expect(bytesOf(program, 'i32')).to.be.at.least(4 * 16 * 4 * 9);
  });
});
