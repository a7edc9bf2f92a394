import { type DType, ELEMENT_BYTES } from '../../program/node.ts';

/** The word that an element of `dtype` gives when it is loaded after `word` was stored in it. */
export function wordAsStored(dtype: DType, word: number): number {
  if (dtype === 'i8') return ((word << 24) >> 24) >>> 0;
  if (dtype === 'u8') return word & 0xff;
  return word >>> 0;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Reads elements of a tensor as words: bytes sign- or zero-extended, the others little-endian, bits untouched. */
export function wordReader(dtype: DType, bytes: Uint8Array): (element: number) => number {
  const view = viewOf(bytes);
  if (dtype === 'i8') return (element) => view.getInt8(element) >>> 0;
  if (dtype === 'u8') return (element) => view.getUint8(element);
  return (element) => view.getUint32(4 * element, true);
}

/** Stores words as elements of a tensor, those of byte tensors by their low byte. */
export function wordWriter(dtype: DType, bytes: Uint8Array): (element: number, word: number) => void {
  const view = viewOf(bytes);
  if (ELEMENT_BYTES[dtype] === 1) return (element, word) => view.setUint8(element, word);
  return (element, word) => view.setUint32(4 * element, word, true);
}
