import type { FileTensor } from '../../files/formats/elementTypes.ts';
import { sizeOf } from '../../program/node.ts';

/** Elements shown of each output. */
const SHOWN = 8;

const elementsOf = ({ type, shape, bytes }: FileTensor, most: number): string[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.min(most, sizeOf(shape)) }, (_, i) => {
    const value = type.read(view, i * type.bytes);
    return typeof value === 'number' && type.kind === 'float'
      ? String(Number(value.toPrecision(8)))
      : String(value);
  });
};

/** An output's heading and its first elements. */
export function outputLines(name: string, tensor: FileTensor): [heading: string, elements: string] {
  const more = sizeOf(tensor.shape) > SHOWN ? ' …' : '';
  return [
    `${name}: ${tensor.type.name} [${tensor.shape.join(', ')}]`,
    `  ${elementsOf(tensor, SHOWN).join(' ')}${more}`,
  ];
}

/** The same for `--json`. */
export const outputJson = (name: string, tensor: FileTensor) => ({
  name,
  type: tensor.type.name,
  shape: tensor.shape,
  first: elementsOf(tensor, SHOWN),
});
