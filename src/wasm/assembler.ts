import { control, f32, i32, i64, v128, variable } from './opcodes.ts';

/**
 * Writes WebAssembly modules (core specification 2.0, §5 "Binary format"): functions over one memory. Code is a list of
 * bytes, so that expressions are nested by concatenation.
 *
 * By hand, because the compiler libraries at hand cost more than they give here: binaryen is 13.5 MB of JavaScript,
 * takes 0.7 s to load in plain Node and over 15 s under tsx, and a few opcodes are all that is needed.
 */
export type Code = readonly number[];

export const VALUE_TYPES = { i32: 0x7f, i64: 0x7e, f32: 0x7d, v128: 0x7b } as const;
export type ValueType = keyof typeof VALUE_TYPES;

export const PAGE_BYTES = 65_536;

/** Unsigned LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (;;) {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value > 0 ? low | 128 : low);
    if (value === 0) return bytes;
  }
}

/** Signed LEB128, of integers that binary64 holds. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  for (;;) {
    const low = ((value % 128) + 128) % 128;
    value = Math.floor(value / 128);
    const done = (value === 0 && low < 64) || (value === -1 && low >= 64);
    bytes.push(done ? low : low | 128);
    if (done) return bytes;
  }
}

const little = (word: number): number[] => [0, 8, 16, 24].map((shift) => (word >>> shift) & 255);

export const i32Const = (value: number): Code => [...i32.const, ...signed(value | 0)];
export const i64Const = (value: number): Code => [...i64.const, ...signed(value)];
export const f32Const = (word: number): Code => [...f32.const, ...little(word)];
export const v128Const = (...words: [number, number, number, number]): Code => [
  ...v128.const,
  ...words.flatMap(little),
];

export const get = (local: number): Code => [...variable.get, ...unsigned(local)];
export const set = (local: number, value: Code): Code => [...value, ...variable.set, ...unsigned(local)];

/** Most pages of a 32-bit memory, and their bytes. */
export const MAX_PAGES = 65_536;
export const MEMORY_BYTES = MAX_PAGES * PAGE_BYTES;

/** The place of an offset that counts through all memories of a module, each of which has `MEMORY_BYTES` of them. */
export const placeOf = (offset: number): { readonly memory: number; readonly at: number } => ({
  memory: Math.floor(offset / MEMORY_BYTES),
  at: offset % MEMORY_BYTES,
});

/** An immediate that names a memory other than the first; the alignment is the other bits. */
const NAMES_MEMORY = 0x40;

/**
 * An instruction on memory, without alignment promised. `offset` is added to the address without wrapping. From
 * `MEMORY_BYTES` on it is one of the next memory, and so on.
 */
export function memory(opcode: Code, offset: number): Code {
  const { memory: index, at } = placeOf(offset);
  return index === 0
    ? [...opcode, 0, ...unsigned(at)]
    : [...opcode, NAMES_MEMORY, ...unsigned(index), ...unsigned(at)];
}

/** The type of a block that leaves nothing. */
const NO_RESULT = 0x40;

/** `condition ? yes : no`, only one of them run. */
export const branch = (type: ValueType, condition: Code, yes: Code, no: Code): Code => [
  ...condition,
  ...control.if,
  VALUE_TYPES[type],
  ...yes,
  ...control.else,
  ...no,
  ...control.end,
];

/** Runs one of two statements, the second only if there is one. */
export const when = (condition: Code, yes: Code, no: Code = []): Code => [
  ...[...condition, ...control.if, NO_RESULT, ...yes],
  ...(no.length > 0 ? [...control.else, ...no] : []),
  ...control.end,
];

/** Runs the body at least once, and again while the condition after it holds. */
export const repeat = (body: Code, condition: Code): Code => [
  ...control.loop,
  NO_RESULT,
  ...body,
  ...condition,
  ...control.br_if,
  0,
  ...control.end,
];

/** Appends code to longer code. */
export function append(out: number[], code: Code): void {
  for (let i = 0; i < code.length; i++) out.push(code[i]!);
}

/** As {@link repeat}, for a body that is long and appends itself. */
export function appendRepeat(out: number[], condition: Code, body: () => void): void {
  out.push(...control.loop, NO_RESULT);
  body();
  append(out, condition);
  out.push(...control.br_if, 0, ...control.end);
}

/** Runs a body that appends itself if the condition holds. */
export function appendWhen(out: number[], condition: Code, body: () => void): void {
  append(out, condition);
  out.push(...control.if, NO_RESULT);
  body();
  out.push(...control.end);
}

/** Calls a function of the module by its place among them; the code before it has left its arguments. */
export const call = (index: number): Code => [...control.call, ...unsigned(index)];

/** One function, exported by its name. */
export interface FunctionBody {
  readonly name: string;
  /** Its first locals; none if left out. */
  readonly params?: readonly ValueType[];
  /** Type of the value that its code leaves; none if left out. */
  readonly result?: ValueType;
  /** Locals after the parameters. */
  readonly locals: readonly ValueType[];
  readonly code: readonly number[];
}

/**
 * The memory of a module: its own, exported as `memory`, or one that it is given as `env.memory`, or several by their
 * `memoryName`; with `env.thread`, if it asks for that, the number of the thread that it is for.
 */
export type MemoryUse =
  | { readonly pages: number }
  | { readonly given: 'shared' | 'unshared'; readonly memories?: number; readonly thread?: boolean };

/** The number of the thread, in a module that is given it. */
export const threadNumber: Code = [...variable.global_get, 0];

/** The name by which a module is given a memory. */
export const memoryName = (index: number): string => (index === 0 ? 'memory' : `memory${index}`);

/** Whether a module may have several memories here. */
export const hasSeveralMemories = (): boolean =>
  WebAssembly.validate(new Uint8Array([...HEAD, ...section(5, [2, 0, 0, 0, 0])]));

const section = (id: number, bytes: readonly number[]): number[] => [id, ...unsigned(bytes.length), ...bytes];

const nameBytes = (name: string): number[] => {
  const bytes = [...new TextEncoder().encode(name)];
  return [...unsigned(bytes.length), ...bytes];
};

function bodyOf({ locals, code }: FunctionBody): Uint8Array {
  const groups: { type: ValueType; count: number }[] = [];
  for (const type of locals) {
    const last = groups.at(-1);
    if (last?.type === type) last.count++;
    else groups.push({ type, count: 1 });
  }
  const declared = [
    ...unsigned(groups.length),
    ...groups.flatMap(({ type, count }) => [...unsigned(count), VALUE_TYPES[type]]),
  ];
  const length = declared.length + code.length + 1;
  const prefix = [...unsigned(length), ...declared];
  const bytes = new Uint8Array(prefix.length + code.length + 1);
  bytes.set(prefix);
  bytes.set(code, prefix.length);
  bytes[bytes.length - 1] = control.end[0];
  return bytes;
}

const functionType = ({ params = [], result }: FunctionBody): number[] => [
  0x60,
  ...unsigned(params.length),
  ...params.map((type) => VALUE_TYPES[type]),
  ...(result ? [1, VALUE_TYPES[result]] : [0]),
];

/** Magic number and version. */
const HEAD = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** Sections that say where the memory comes from: imports and own memory. */
function memorySections(memory: MemoryUse): { imports: number[]; own: number[]; exports: number[] } {
  if ('pages' in memory) {
    const size = unsigned(memory.pages);
    return {
      imports: [],
      own: section(5, [1, 1, ...size, ...size]),
      exports: [...nameBytes('memory'), 2, 0],
    };
  }
  const limits = memory.given === 'shared' ? [3, 0, ...unsigned(MAX_PAGES)] : [0, 0];
  const imports = Array.from({ length: memory.memories ?? 1 }, (_, i) => [
    ...nameBytes('env'),
    ...nameBytes(memoryName(i)),
    2,
    ...limits,
  ]);
  if (memory.thread) imports.push([...nameBytes('env'), ...nameBytes('thread'), 3, VALUE_TYPES.i32, 0]);
  return {
    imports: section(2, [imports.length, ...imports.flat()]),
    own: [],
    exports: [],
  };
}

export function moduleOf(functions: readonly FunctionBody[], memory: MemoryUse): Uint8Array<ArrayBuffer> {
  const bodies = functions.map(bodyOf);
  const bodyBytes = bodies.reduce((sum, { length }) => sum + length, 0);
  const count = unsigned(functions.length);
  const typeIndices = new Map<string, number>();
  const typeOf = functions.map((one) => {
    const key = functionType(one).join();
    const index = typeIndices.get(key) ?? typeIndices.size;
    typeIndices.set(key, index);
    return index;
  });
  const types = [...typeIndices.keys()].flatMap((key) => key.split(',').map(Number));
  const { imports, own, exports } = memorySections(memory);
  const head = [
    ...HEAD,
    ...section(1, [...unsigned(typeIndices.size), ...types]),
    ...imports,
    ...section(3, [...count, ...typeOf.flatMap(unsigned)]),
    ...own,
    ...section(7, [
      ...unsigned(functions.length + (exports.length > 0 ? 1 : 0)),
      ...exports,
      ...functions.flatMap(({ name }, i) => [...nameBytes(name), 0, ...unsigned(i)]),
    ]),
    ...[10, ...unsigned(count.length + bodyBytes), ...count],
  ];
  const bytes = new Uint8Array(head.length + bodyBytes);
  bytes.set(head);
  let at = head.length;
  for (const body of bodies) {
    bytes.set(body, at);
    at += body.length;
  }
  return bytes;
}
