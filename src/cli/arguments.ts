import { bytesForInput, type InputSlot, numbersOf } from '../files/formats/convert.ts';
import { readTensorFile } from '../files/formats/tensorFile.ts';
import { InputError } from '../files/inputError.ts';
import { type HalfArithmetic, isDouble, type Range, type TensorNumbers } from '../onnx/index.ts';

/** `name=N` as commander collects it. @throws InputError for anything else */
export function parseDims(given: readonly string[]): Readonly<Record<string, number>> {
  const dims: Record<string, number> = Object.create(null);
  for (const text of given) {
    const at = text.lastIndexOf('=');
    const value = text.slice(at + 1);
    if (at < 1 || !/^(0|[1-9]\d{0,9})$/.test(value)) {
      throw new InputError(`--dim ${text}: write it as name=N with a whole number N`, 2);
    }
    const name = text.slice(0, at);
    if (Object.hasOwn(dims, name))
      throw new InputError(`--dim ${text}: the dimension "${name}" is given twice`, 2);
    dims[name] = Number(value);
  }
  return dims;
}

const NUMBER = String.raw`-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?`;
const RANGE = new RegExp(`^(${NUMBER})\\.\\.(${NUMBER})$`);

/** `name=LOW..HIGH`, both ends included. @throws InputError for anything else */
export function parseRanges(given: readonly string[]): Readonly<Record<string, Range>> {
  const ranges: Record<string, Range> = Object.create(null);
  for (const text of given) {
    const at = text.lastIndexOf('=');
    const [, low, high] = RANGE.exec(text.slice(at + 1)) ?? [];
    if (at < 1 || low === undefined || high === undefined) {
      throw new InputError(`--range ${text}: write it as name=LOW..HIGH with two numbers`, 2);
    }
    const name = text.slice(0, at);
    if (Object.hasOwn(ranges, name)) {
      throw new InputError(`--range ${text}: the input "${name}" is given twice`, 2);
    }
    if (Number(low) > Number(high))
      throw new InputError(`--range ${text}: the first number is the greater one`, 2);
    ranges[name] = { low: Number(low), high: Number(high) };
  }
  return ranges;
}

/** Parses the arithmetic of 16-bit floats, `round` or `float32`. @throws InputError for anything else */
export function parseHalf(text: string): HalfArithmetic {
  if (text === 'round' || text === 'float32') return text;
  throw new InputError(`--half ${text}: write round or float32`, 2);
}

/** Numbers of the contracts have 256 bits at most, which are 78 digits. */
const MAX_DIGITS = 78;

/** A whole number of at most 256 bits. @throws InputError naming the option */
export function parseWhole(option: string, text: string): bigint {
  if (!/^\d+$/.test(text)) throw new InputError(`${option} ${text}: write a whole number of 0 or more`, 2);
  const value = text.length > MAX_DIGITS ? undefined : BigInt(text);
  if (value !== undefined && value >> 256n === 0n) return value;
  throw new InputError(`${option} ${text.slice(0, MAX_DIGITS)}…: write a number below 2^256`, 2);
}

/** @throws InputError for what is no number in these bounds */
export function parseBounded(option: string, text: string, least: number, most: number): number {
  const number = Number(parseWhole(option, text));
  if (number >= least && number <= most) return number;
  throw new InputError(`${option} ${text}: write a whole number from ${least} to ${most}`, 2);
}

const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');

/** Names may contain `=`, so the model's own names decide where the name ends. */
function splitName(
  option: string,
  text: string,
  names: readonly string[],
): { readonly name: string; readonly file: string } {
  if (!text.includes('=')) throw new InputError(`${option} ${text}: write it as name=FILE`, 2);
  const fitting = names.filter((name) => text.startsWith(`${name}=`));
  const [name] = fitting.sort((a, b) => b.length - a.length);
  if (name === undefined) {
    throw new InputError(`${option} ${text}: the model has no such input; its inputs are ${quoted(names)}`);
  }
  const file = text.slice(name.length + 1);
  if (file === '') throw new InputError(`${option} ${text}: write it as name=FILE`, 2);
  return { name, file };
}

/**
 * The inputs that become part of the program, by name.
 *
 * @param names of the model's inputs
 * @throws InputError for an unknown or repeated name, or a file that holds no tensor
 */
export function readBound(given: readonly string[], names: readonly string[]): Record<string, TensorNumbers> {
  const bound: Record<string, TensorNumbers> = Object.create(null);
  for (const text of given) {
    const { name, file } = splitName('--bind', text, names);
    if (Object.hasOwn(bound, name)) {
      throw new InputError(`--bind ${text}: the input "${name}" is given twice`, 2);
    }
    bound[name] = numbersOf(readTensorFile(file));
  }
  return bound;
}

/**
 * The bytes of the inputs given on the command line, by name.
 *
 * @throws InputError for an unknown or repeated name, or a file that does not fit
 */
export function readInputs(given: readonly string[], slots: readonly InputSlot[]): Map<string, Uint8Array> {
  const inputs = new Map<string, Uint8Array>();
  for (const text of given) {
    const { name, file } = splitName(
      '--input',
      text,
      slots.map((slot) => slot.name),
    );
    if (inputs.has(name)) throw new InputError(`--input ${text}: the input "${name}" is given twice`, 2);
    const slot = slots.find((one) => one.name === name) as InputSlot;
    inputs.set(name, bytesForInput(readTensorFile(file), slot, file));
  }
  return inputs;
}

/** @throws InputError naming the inputs that were not given */
export function requireAll(
  inputs: ReadonlyMap<string, Uint8Array>,
  slots: readonly InputSlot[],
): Uint8Array[] {
  const missing = slots.filter(({ name }) => !inputs.has(name));
  if (missing.length > 0) {
    const what = missing.map(
      (slot) =>
        `--input ${slot.name}=FILE (${isDouble(slot) ? 'float64' : slot.dtype} [${slot.shape.join(', ')}])`,
    );
    throw new InputError(`not every input is given; add ${what.join(' ')}`, 2);
  }
  return slots.map(({ name }) => inputs.get(name) as Uint8Array);
}
