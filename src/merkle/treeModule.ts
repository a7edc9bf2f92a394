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
  type ValueType,
  v128Const,
  when,
} from '../wasm/assembler.ts';
import { compileModuleNow } from '../wasm/compile.ts';
import { bulk, control, i32, i64, i64x2, v128 } from '../wasm/opcodes.ts';
import { permutation, STATE_LANES } from './permutation.ts';
import { TAGS } from './tags.ts';

/** Exports of the module that {@link treeModule} makes. Addresses and lengths are in bytes. */
export interface TreeExports extends WebAssembly.Exports {
  /** Hashes `count` records that lie end to end, each keccak256(tag ‖ record); `pairs` 1: of 64 bytes, 0: of 256. */
  readonly hash: (from: number, count: number, out: number, tag: number, pairs: number) => void;
  /**
   * The leaves of a tensor's tree: turns `begin` to `end - 1` of them, {@link CHUNKS_PER_TURN} each. Turns may be taken
   * in any order and by any thread.
   *
   * @param out where the tree is built, in its `treeBytes` (`inPlace.ts`)
   */
  readonly leaves: (begin: number, end: number, from: number, byteLength: number, out: number) => void;
  /**
   * The level above one, right behind it: pairs `begin` to `end - 1` of it, in any order and by any thread.
   *
   * @param from where the level of `count` hashes lies
   * @param padding where the root of padding of its height lies
   */
  readonly level: (begin: number, end: number, from: number, count: number, padding: number) => void;
  /**
   * All levels above one of `count` hashes, in one turn.
   *
   * @param paddings where the roots of padding lie, from that of the level's height on
   */
  readonly levels: (begin: number, end: number, count: number, from: number, paddings: number) => void;
}

/** Leaves that one turn hashes: 16 KiB of tensor, some 40 µs. */
export const CHUNKS_PER_TURN = 64;
const LOG_CHUNKS_PER_TURN = 6;

const HASH = 32;
const PAIR = 2 * HASH;

const xor = (a: Code, b: Code): Code => [...a, ...b, ...v128.xor];
const add = (a: Code, b: Code): Code => [...a, ...b, ...i32.add];
const subtract = (a: Code, b: Code): Code => [...a, ...b, ...i32.sub];
const shiftLeft = (a: Code, by: number): Code => [...a, ...i32Const(by), ...i32.shl];
const shiftRight = (a: Code, by: number): Code => [...a, ...i32Const(by), ...i32.shr_u];
const isMore = (a: Code, b: Code): Code => [...a, ...b, ...i32.gt_u];
const choose = (condition: Code, yes: Code, no: Code): Code => [
  ...yes,
  ...no,
  ...condition,
  ...control.select,
];
/** Compares signed numbers. */
const moreThan = (a: Code, than: number): Code => [...a, ...i32Const(than), ...i32.gt_s];
const odd = (a: Code): Code => [...a, ...i32Const(1), ...i32.and];

/** Copies inside the memory (memory.copy). */
const copy = (to: Code, from: Code, bytes: Code): Code => [...to, ...from, ...bytes, ...bulk.copy];
/** Fills with zeros (memory.fill). */
const clear = (at: Code, bytes: Code): Code => [...at, ...i32Const(0), ...bytes, ...bulk.fill];

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
    ...memory(v128.load64_zero, offset),
    ...memory(v128.load64_lane, offset),
    1,
  ];
  const first: Code = [
    ...[...word(0), ...i32Const(8), ...i64x2.shl],
    ...[...get(tag), ...i64.extend_i32_u, ...i64x2.splat, ...v128.or],
  ];
  /** The byte at `offset` and the 1 that starts the padding. */
  const ending = (offset: number): Code => [
    ...[...word(offset - 7), ...i32Const(56), ...i64x2.shr_u],
    ...[...both(0x100, 0), ...v128.or],
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
  const sized = (a: number, b: number): Code => choose(get(pairs), i32Const(a), i32Const(b));
  const two = isMore(get(count), i32Const(1));
  const store = (lane: number, at: Code): Code =>
    [0, 1, 2, 3].flatMap((i) => [...at, ...get(state[i]!), ...memory(v128.store64_lane, 8 * i), lane]);

  const turn = [
    // A last odd record stands in both lanes.
    ...set(second, add(get(from), choose(two, sized(PAIR, CHUNK_BYTES), i32Const(0)))),
    ...when(get(pairs), absorbPair, absorbStart),
    ...set(last, get(pairs)),
    ...repeat(
      [...permutation(state, next, spare), ...when(get(last), [], absorbRest)],
      [...get(last), ...i32.eqz, ...set(last, i32Const(1))],
    ),
    ...store(1, add(get(out), choose(two, i32Const(HASH), i32Const(0)))),
    ...store(0, get(out)),
    ...set(from, add(get(from), sized(2 * PAIR, 2 * CHUNK_BYTES))),
    ...set(out, add(get(out), i32Const(2 * HASH))),
    ...set(count, subtract(get(count), i32Const(2))),
  ];
  const code = when(moreThan(get(count), 0), repeat(turn, moreThan(get(count), 0)));
  return { name: 'hash', params, locals, code };
}

/** The functions by their places in the module. */
const HASH_FUNCTION = 0;
const LEVEL_FUNCTION = 2;

const hashes = (from: Code, count: Code, out: Code, tag: number, pairs: number): Code => [
  ...[...from, ...count, ...out, ...i32Const(tag), ...i32Const(pairs)],
  ...call(HASH_FUNCTION),
];

/** Whole chunks where they lie; a partial last one, or that of an empty tensor, is padded in a copy. */
function leavesFunction(): FunctionBody {
  const params: ValueType[] = ['i32', 'i32', 'i32', 'i32', 'i32'];
  const [begin, end, from, byteLength, out] = [0, 1, 2, 3, 4];
  const [full, last, partial] = [5, 6, 7];
  const isPartial = [...get(byteLength), ...i32.eqz, ...get(partial), ...i32.or];
  const lastLeaf = [
    ...set(out, add(get(out), shiftLeft(get(full), 5))),
    // The copy lies where the levels above will.
    ...set(end, add(get(out), i32Const(HASH))),
    ...clear(get(end), i32Const(CHUNK_BYTES)),
    ...copy(get(end), add(get(from), shiftLeft(get(full), 8)), get(partial)),
    ...hashes(get(end), i32Const(1), get(out), TAGS.TENSOR_CHUNK, 0),
  ];
  const code = [
    ...set(full, shiftRight(get(byteLength), 8)),
    ...set(begin, shiftLeft(get(begin), LOG_CHUNKS_PER_TURN)),
    ...set(end, shiftLeft(get(end), LOG_CHUNKS_PER_TURN)),
    ...set(last, choose(isMore(get(end), get(full)), get(full), get(end))),
    ...hashes(
      add(get(from), shiftLeft(get(begin), 8)),
      subtract(get(last), get(begin)),
      add(get(out), shiftLeft(get(begin), 5)),
      TAGS.TENSOR_CHUNK,
      0,
    ),
    ...set(partial, [...get(byteLength), ...i32Const(CHUNK_BYTES - 1), ...i32.and]),
    ...when(isMore(get(end), get(full)), when(isPartial, lastLeaf)),
  ];
  return { name: 'leaves', params, locals: ['i32', 'i32', 'i32'], code };
}

/** An odd last hash has the padding of its height next to it. */
function levelFunction(): FunctionBody {
  const params: ValueType[] = ['i32', 'i32', 'i32', 'i32', 'i32'];
  const [begin, end, from, count, padding, behind] = [0, 1, 2, 3, 4, 5];
  const code = [
    ...set(behind, add(get(from), shiftLeft(get(count), 5))),
    // Only the last pair, for other threads read what lies there.
    ...when(isMore(shiftLeft(get(end), 1), get(count)), copy(get(behind), get(padding), i32Const(HASH))),
    ...when(odd(get(count)), set(behind, add(get(behind), i32Const(HASH)))),
    ...hashes(
      add(get(from), shiftLeft(get(begin), 6)),
      subtract(get(end), get(begin)),
      add(get(behind), shiftLeft(get(begin), 5)),
      TAGS.TENSOR_NODE,
      1,
    ),
  ];
  return { name: 'level', params, locals: ['i32'], code };
}

/** Level by level. */
function levelsFunction(): FunctionBody {
  const params: ValueType[] = ['i32', 'i32', 'i32', 'i32', 'i32'];
  const [count, from, paddings, pairs] = [2, 3, 4, 5];
  const level = [
    ...set(pairs, shiftRight(add(get(count), i32Const(1)), 1)),
    ...[...i32Const(0), ...get(pairs), ...get(from), ...get(count), ...get(paddings)],
    ...call(LEVEL_FUNCTION),
    ...set(from, add(get(from), shiftLeft(get(pairs), 6))),
    ...set(paddings, add(get(paddings), i32Const(HASH))),
    ...set(count, get(pairs)),
  ];
  const code = when(moreThan(get(count), 1), repeat(level, moreThan(get(count), 1)));
  return { name: 'levels', params, locals: ['i32'], code };
}

/** Bytes that `leaves` needs behind the levels of a tree for its copy of a partial chunk. */
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
    const bytes = moduleOf([hashFunction(), leavesFunction(), levelFunction(), levelsFunction()], { given });
    modules.set(given, WebAssembly.validate(bytes) ? compileModuleNow(bytes) : undefined);
  }
  return modules.get(given);
}
