import { expectSameAsOnnxruntime, noise, single } from '../support/onnx.ts';

interface Case {
  readonly what: string;
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly bias?: boolean;
  readonly attributes?: Record<string, number | string | readonly number[]>;
}

const cases: readonly Case[] = [
  { what: 'a 3×3 filter', x: [1, 3, 7, 9], w: [5, 3, 3, 3], bias: true },
  { what: 'one input channel', x: [1, 1, 6, 6], w: [4, 1, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
  { what: 'a batch', x: [3, 2, 5, 5], w: [2, 2, 2, 2], bias: true },
  { what: 'uneven pads', x: [1, 2, 5, 6], w: [3, 2, 3, 3], attributes: { pads: [0, 2, 1, 0] } },
  { what: 'uneven strides', x: [1, 2, 9, 8], w: [3, 2, 3, 2], attributes: { strides: [2, 3] } },
  {
    what: 'dilations',
    x: [1, 2, 9, 9],
    w: [2, 2, 3, 3],
    attributes: { dilations: [2, 3], pads: [2, 3, 2, 3] },
  },
  { what: 'groups', x: [1, 4, 5, 5], w: [6, 2, 3, 3], bias: true, attributes: { group: 2 } },
  {
    what: 'a filter for each channel',
    x: [1, 5, 6, 6],
    w: [5, 1, 3, 3],
    attributes: { group: 5, pads: [1, 1, 1, 1] },
  },
  { what: 'two filters for each channel', x: [1, 3, 6, 6], w: [6, 1, 3, 3], attributes: { group: 3 } },
  { what: 'pads wider than the image', x: [1, 1, 2, 2], w: [1, 1, 3, 3], attributes: { pads: [3, 3, 3, 3] } },
  { what: 'one dimension', x: [1, 3, 11], w: [4, 3, 3], bias: true, attributes: { pads: [1, 1] } },
  { what: 'three dimensions', x: [1, 2, 4, 5, 4], w: [3, 2, 2, 2, 2], attributes: { strides: [1, 2, 1] } },
  {
    what: 'auto_pad SAME_UPPER',
    x: [1, 2, 6, 7],
    w: [2, 2, 3, 4],
    attributes: { auto_pad: 'SAME_UPPER', strides: [2, 2] },
  },
  {
    what: 'auto_pad SAME_LOWER',
    x: [1, 2, 6, 7],
    w: [2, 2, 3, 4],
    attributes: { auto_pad: 'SAME_LOWER', strides: [2, 2] },
  },
  { what: 'a 1×1 filter', x: [1, 8, 4, 4], w: [6, 8, 1, 1], bias: true },
];

describe('Conv', () => {
  for (const { what, x, w, bias, attributes } of cases) {
    it(`agrees with onnxruntime on ${what}`, async () => {
      const inputs = [noise(x, 1), noise(w, 2), ...(bias ? [noise([w[0]!], 3)] : [])];
      const options = attributes ? { attributes } : {};
      await expectSameAsOnnxruntime(single('Conv', inputs, { ...options, constants: [1, 2] }));
      // Filters that are inputs take the way of ordinary operands.
      await expectSameAsOnnxruntime(single('Conv', inputs, options));
    });
  }
});
