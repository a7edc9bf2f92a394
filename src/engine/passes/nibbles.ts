/** Tensors by whether each of their bytes, as signed or unsigned integers, fits 4 bits. */
const known = { signed: new WeakMap<Uint8Array, boolean>(), unsigned: new WeakMap<Uint8Array, boolean>() };

/** Whether every byte of a tensor fits 4 bits: -8 to 7 if they are signed integers, else 0 to 15. */
export function holdsNibbles(bytes: Uint8Array, isSigned: boolean): boolean {
  const answers = known[isSigned ? 'signed' : 'unsigned'];
  let answer = answers.get(bytes);
  if (answer === undefined) {
    // -8 to 7 are 0 to 15 after 8 is added, modulo 256.
    const bias = isSigned ? 8 : 0;
    answer = bytes.every((byte) => ((byte + bias) & 0xf0) === 0);
    answers.set(bytes, answer);
  }
  return answer;
}
