import { expect } from 'chai';
import { InvalidInput, packInput } from '../../src/client/client.ts';
import { f32Bytes, i32Bytes } from '../support/programs.ts';

describe('the input of a request', () => {
  const inputs = [
    { name: 'ids', dtype: 'i32', onnxType: 'int64', shape: [2], range: { low: 0, high: 50_264 } },
    { name: 'scale', dtype: 'f32', onnxType: 'float', shape: [], range: { low: -1, high: 1 } },
    { name: 'rest', dtype: 'i8', onnxType: 'int8', shape: [3] },
  ] as const;
  const rest = Uint8Array.of(0, 127, 128);

  it('is all tensors, one after the other', () => {
    const ids = i32Bytes([0, 50_264]);
    const packed = packInput(inputs, [ids, f32Bytes([-1]), rest]);
    expect([...packed]).to.deep.equal([...ids, ...f32Bytes([-1]), ...rest]);
  });

  for (const [what, tensors, reason] of [
    [
      'a value above a range',
      [i32Bytes([7, 50_265]), f32Bytes([0]), rest],
      /"ids": element 1 is 50265, outside the 0 … 50264/,
    ],
    ['a value below a range', [i32Bytes([-1, 0]), f32Bytes([0]), rest], /"ids": element 0 is -1, outside/],
    [
      'a float outside',
      [i32Bytes([0, 0]), f32Bytes([1.5]), rest],
      /"scale": element 0 is 1\.5, outside the -1 … 1/,
    ],
    [
      'NaN where there is a range',
      [i32Bytes([0, 0]), f32Bytes([NaN]), rest],
      /"scale": element 0 is NaN, outside/,
    ],
    ['a tensor cut short', [i32Bytes([0]), f32Bytes([0]), rest], /"ids": 4 bytes, and i32 \[2\] has 8/],
    ['a tensor too few', [i32Bytes([0, 0])], /takes 3 tensors, not 1/],
  ] as const) {
    it(`is refused for ${what}, before anything is sent`, () => {
      expect(() => packInput(inputs, tensors)).to.throw(InvalidInput, reason);
    });
  }
});
