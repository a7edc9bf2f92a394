/** Whether typed arrays of this machine have the byte order of ONNX files and of programs. */
export const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
