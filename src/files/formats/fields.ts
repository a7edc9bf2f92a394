/** One field of a protobuf message, its value uninterpreted. */
export interface Field {
  readonly field: number;
  /** Wire type: 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  readonly wire: number;
  /** The bytes of a length-delimited field; empty for other fields. */
  readonly bytes: Uint8Array;
}

/** The fields of a message (protobuf.dev, "Encoding"); `undefined` if the bytes are none. */
export function readFields(bytes: Uint8Array): readonly Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    return Number.NaN;
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, wire] = [Math.floor(tag / 8), tag % 8];
    if (!(field > 0)) return undefined;
    let length = 0;
    if (wire === 0) {
      if (Number.isNaN(varint())) return undefined;
    } else if (wire === 2) length = varint();
    else if (wire === 1 || wire === 5) length = wire === 1 ? 8 : 4;
    else return undefined;
    if (!(at + length <= bytes.length)) return undefined;
    fields.push({ field, wire, bytes: bytes.subarray(at, at + length) });
    at += length;
  }
  return fields;
}
