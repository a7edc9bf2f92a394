import { importOnnx } from '../../src/onnx/index.ts';
import {
  type Attribute,
  expectClose,
  expectSameAsOnnxruntime,
  floats,
  modelBytes,
  noise,
  runCompiled,
  single,
  type Value,
  value,
} from '../support/onnx.ts';

/** Operators on images besides convolutions, pools and Resize. */

const list = (...values: number[]) => value('int64', [values.length], values);

describe('spatial operators', () => {
  const cases: readonly [
    op: string,
    what: string,
    inputs: readonly Value[],
    attributes: Record<string, Attribute>,
    constants: number[],
    opset: number,
  ][] = [
    ['AffineGrid', 'an image', [noise([2, 2, 3], 1), list(2, 3, 4, 5)], {}, [1], 20],
    ['AffineGrid', 'aligned corners', [noise([2, 2, 3], 1), list(2, 3, 4, 5)], { align_corners: 1 }, [1], 20],
    ['AffineGrid', 'a volume', [noise([1, 3, 4], 1), list(1, 3, 2, 4, 5)], {}, [1], 20],
    [
      'Col2Im',
      'blocks side by side',
      [noise([1, 8, 4], 1), list(4, 4), list(2, 2)],
      { strides: [2, 2] },
      [1, 2],
      18,
    ],
    [
      'Col2Im',
      'blocks that overlap, pads and dilations',
      [noise([2, 12, 16], 1), list(5, 4), list(2, 3)],
      { pads: [1, 0, 0, 2], dilations: [2, 1], strides: [1, 1] },
      [1, 2],
      18,
    ],
    ['CenterCropPad', 'both ways', [noise([5, 4, 3], 1), list(2, 7, 3)], {}, [1], 18],
    ['CenterCropPad', 'chosen axes', [noise([5, 4, 3], 1), list(8, 1)], { axes: [-1, 0] }, [1], 18],
    ['CumSum', 'exclusive', [noise([2, 5]), value('int32', [], [-1])], { exclusive: 1 }, [1], 14],
    ['CumSum', 'reverse', [noise([3, 4]), value('int32', [], [0])], { reverse: 1 }, [1], 14],
    ['CumSum', 'int32', [value('int32', [4], [5, -7, 2, 9]), value('int32', [], [0])], {}, [1], 14],
    [
      'GatherND',
      'a batch dimension',
      [noise([2, 3, 4]), value('int64', [2, 2, 1], [1, 0, -1, 2])],
      { batch_dims: 1 },
      [],
      13,
    ],
    [
      'GatherND',
      'two of them',
      [noise([2, 3, 4]), value('int64', [2, 3, 1], [1, 0, 3, 2, -4, 0])],
      { batch_dims: 2 },
      [],
      13,
    ],
    [
      'ArgMax',
      'the last of equals',
      [value('int32', [2, 4], [1, 3, 3, 0, 2, 2, 1, 2])],
      { axis: 1, select_last_index: 1 },
      [],
      13,
    ],
    [
      'OneHot',
      'an axis in front',
      [value('int64', [2, 2], [0, -1, 9, 1]), list(3), floats([2], [2, 5])],
      { axis: 0 },
      [1],
      13,
    ],
  ];
  for (const [op, what, inputs, attributes, constants, opset] of cases) {
    it(`${op} agrees with onnxruntime on ${what}`, async () => {
      await expectSameAsOnnxruntime(single(op, inputs, { attributes, constants, opset }));
    });
  }
  // onnxruntime has no CumProd yet.
  for (const [what, attributes, expected] of [
    ['forward', {}, [2, 6, -6, 4, 0, 0]],
    ['exclusive', { exclusive: 1 }, [1, 2, 6, 1, 4, 0]],
    ['reverse', { reverse: 1 }, [-6, -3, -1, 0, 0, 5]],
    ['reverse and exclusive', { reverse: 1, exclusive: 1 }, [-3, -1, 1, 0, 5, 1]],
  ] as const) {
    it(`CumProd multiplies along an axis, ${what}`, async () => {
      const data = floats([2, 3], [2, 3, -1, 4, 0, 5]);
      const spec = single('CumProd', [data, value('int64', [], [1])], {
        attributes,
        constants: [1],
        opset: 26,
      });
      const [result] = await runCompiled(importOnnx(modelBytes(spec)), [data]);
      expectClose(result!, { shape: [2, 3], values: expected });
    });
  }
});
