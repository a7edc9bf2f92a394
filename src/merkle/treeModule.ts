import { CHUNK_BYTES } from '../program/limits.ts';
import {
  type Code,
  call,
  type FunctionBody,
  get,
  i32Const,
  memory,
  moduleOf,
  repeat,
  set,
  simd,
  type ValueType,
  v128Const,
  when,
} from '../wasm/assembler.ts';
import { permutation, STATE_LANES } from './permutation.ts';
import { TAGS } from './tags.ts';

/** What the module of {@link treeModule} exports. Addresses and lengths are in bytes. */
export interface TreeExports extends WebAssembly.Exports {
  /** Hashes `count` records that lie end to end, each keccak256(tag ‖ record); `pairs` 1: of 64 bytes, 0: of 256. */
  readonly hash: (from: number, count: number, out: number, tag: number, pairs: number) => void;
  /**
   * All levels of a tensor's tree, in the `treeBytes` from `out` on (`inPlace.ts`).
   *
   * @param paddings where the `paddingTable` lies
   * @returns the address of the root
   */
  readonly tree: (from: number, byteLength: number, out: number, paddings: number) => number;
}

const HASH = 32;
const PAIR = 2 * HASH;

const xor = (a: Code, b: Code): Code => [...a, ...b, ...simd(81)];
const add = (a: Code, b: Code): Code => [...a, ...b, 0x6a];
const subtract = (a: Code, b: Code): Code => [...a, ...b, 0x6b];
const times = (a: Code, power: number): Code => [...a, ...i32Const(power), 0x74];
const over = (a: Code, power: number): Code => [...a, ...i32Const(power), 0x76];
/** Signed. */
const moreThan = (a: Code, than: number): Code => [...a, ...i32Const(than), 0x4a];
const odd = (a: Code): Code => [...a, ...i32Const(1), 0x71];

/** Copies inside the memory (memory.copy). */
const copy = (to: Code, from: Code, bytes: Code): Code => [...to, ...from, ...bytes, 0xfc, 10, 0, 0];
/** Fills with zeros (memory.fill). */
const clear = (at: Code, bytes: Code): Code => [...at, ...i32Const(0), ...bytes, 0xfc, 11, 0];

/**
 * keccak256(tag ‖ record) of records two by two. The tag moves every byte by one: lane 0 is the tag and 7 bytes, the
 * lanes after it are read from one byte before their place.
 */
function hashFunction(): FunctionBody {
  const params: ValueType[] = ['i32', 'i32', 'i32', 'i32', 'i32'];
  const [from, count, out, tag, pairs] = [0, 1, 2, 3, 4];
  const locals: ValueType[] = [];
  const local = (type: ValueType): number => params.length + locals.push(type) - 1;
  const several = (length: number): number[] => Array.from({ length }, () => local('v128'));
  const [second, last] = [local('i32'), local('i32')];
  const [state, next, spare] = [several(STATE_LANES), several(STATE_LANES), several(15)];

  const zero = v128Const(0, 0, 0, 0);
  const both = (low: number, high: number): Code => v128Const(low, high, low, high);
  /** Eight bytes of both records. */
  const word = (offset: number): Code => [
    ...get(second),
    ...get(from),
    ...memory(simd(93), offset),
    ...memory(simd(87), offset),
    1,
  ];
  const first: Code = [
    ...[...word(0), ...i32Const(8), ...simd(203)],
    ...[...get(tag), 0xad, ...simd(18), ...simd(80)],
  ];
  /** The byte at `offset` and the 1 that starts the padding. */
  const ending = (offset: number): Code => [
    ...[...word(offset - 7), ...i32Const(56), ...simd(205)],
    ...[...both(0x100, 0), ...simd(80)],
  ];
  const paddingEnd = both(0, 0x80000000);
  const absorbPair = state.flatMap((lane, i) => {
    const value =
      i === 0 ? first : i < 8 ? word(8 * i - 1) : i === 8 ? ending(63) : i === 16 ? paddingEnd : zero;
    return set(lane, value);
  });
  const absorbStart = state.flatMap((lane, i) =>
    set(lane, i === 0 ? first : i < 17 ? word(8 * i - 1) : zero),
  );
  const absorbRest = state
    .slice(0, 17)
    .flatMap((lane, i) =>
      set(lane, xor(get(lane), i < 15 ? word(135 + 8 * i) : i === 15 ? ending(255) : paddingEnd)),
    );
  /** `a` if the record is a pair, otherwise `b`. */
  const sized = (a: number, b: number): Code => [...i32Const(a), ...i32Const(b), ...get(pairs), 0x1b];
  const two = [...get(count), ...i32Const(1), 0x4b];
  const store = (lane: number, at: Code): Code =>
    [0, 1, 2, 3].flatMap((i) => [...at, ...get(state[i]!), ...memory(simd(91), 8 * i), lane]);

  const turn = [
    // A last odd record stands in both lanes.
    ...set(second, add(get(from), [...sized(PAIR, CHUNK_BYTES), ...i32Const(0), ...two, 0x1b])),
    ...when(get(pairs), absorbPair, absorbStart),
    ...set(last, get(pairs)),
    ...repeat(
      [...permutation(state, next, spare), ...when(get(last), [], absorbRest)],
      [...get(last), 0x45, ...set(last, i32Const(1))],
    ),
    ...store(1, add(get(out), [...i32Const(HASH), ...i32Const(0), ...two, 0x1b])),
    ...store(0, get(out)),
    ...set(from, add(get(from), sized(2 * PAIR, 2 * CHUNK_BYTES))),
    ...set(out, add(get(out), i32Const(2 * HASH))),
    ...set(count, subtract(get(count), i32Const(2))),
  ];
  const code = when(moreThan(get(count), 0), repeat(turn, moreThan(get(count), 0)));
  return { name: 'hash', params, locals, code };
}

/** Leaves first, then level by level, an odd last hash next to the padding of its height. */
function treeFunction(hash: number): FunctionBody {
  const params: ValueType[] = ['i32', 'i32', 'i32', 'i32'];
  const [from, byteLength, out, paddings] = [0, 1, 2, 3];
  const locals: ValueType[] = ['i32', 'i32', 'i32'];
  const [count, end, partial] = [4, 5, 6];
  const full = over(get(byteLength), 8);
  const hashes = (source: Code, many: Code, to: Code, tag: number, pairs: number): Code => [
    ...[...source, ...many, ...to, ...i32Const(tag), ...i32Const(pairs)],
    ...call(hash),
  ];
  const level = [
    ...set(end, add(get(out), times(get(count), 5))),
    ...when(odd(get(count)), [
      ...copy(get(end), get(paddings), i32Const(HASH)),
      ...set(count, add(get(count), i32Const(1))),
      ...set(end, add(get(end), i32Const(HASH))),
    ]),
    ...set(count, over(get(count), 1)),
    ...hashes(get(out), get(count), get(end), TAGS.TENSOR_NODE, 1),
    ...set(out, get(end)),
    ...set(paddings, add(get(paddings), i32Const(HASH))),
  ];
  const code = [
    ...hashes(get(from), full, get(out), TAGS.TENSOR_CHUNK, 0),
    ...set(count, full),
    ...set(partial, [...get(byteLength), ...i32Const(CHUNK_BYTES - 1), 0x71]),
    // The padded copy of a last chunk lies where the levels above will.
    ...when(
      [...get(partial), ...get(byteLength), 0x45, 0x72],
      [
        ...set(end, add(add(get(out), times(full, 5)), i32Const(HASH))),
        ...clear(get(end), i32Const(CHUNK_BYTES)),
        ...copy(get(end), add(get(from), times(full, 8)), get(partial)),
        ...hashes(get(end), i32Const(1), add(get(out), times(full, 5)), TAGS.TENSOR_CHUNK, 0),
        ...set(count, add(full, i32Const(1))),
      ],
    ),
    ...when(moreThan(get(count), 1), repeat(level, moreThan(get(count), 1))),
    ...get(out),
  ];
  return { name: 'tree', params, result: 'i32', locals, code };
}

/** Bytes that `tree` needs behind the levels of a tree for its copy of a partial chunk. */
export const PARTIAL_BYTES = HASH + CHUNK_BYTES;

const modules = new Map<Sharing, WebAssembly.Module | undefined>();

/** Whether threads share the memory that is given to a module. */
export type Sharing = 'shared' | 'unshared';

/**
 * The module that hashes inside a memory that it is given as `env.memory`, with {@link TreeExports}; compiled once, and
 * good for any thread. Undefined where WebAssembly has no SIMD or no threads.
 */
export function treeModule(given: Sharing): WebAssembly.Module | undefined {
  if (!modules.has(given)) {
    const bytes = moduleOf([hashFunction(), treeFunction(0)], { given });
    modules.set(given, WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : undefined);
  }
  return modules.get(given);
}
