import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  decodeClock,
  encodeClock,
  isOut,
  lastTimestamp,
  loserByTime,
  MAX_SECONDS,
  pressed,
  startClock,
} from '../../src/dispute/clock.ts';
import {
  atBlock,
  decodePosition,
  down,
  encodePosition,
  encodeStart,
  inFold,
  intoBlock,
  intoTensor,
  MOVERS,
  narrowed,
  PHASES,
  type Phase,
  type Position,
  SIGNED,
  START,
  topOfTrace,
} from '../../src/dispute/position.ts';
import {
  decodeWords,
  elementAt,
  encodeWords,
  intervalAt,
  intervalsOf,
  levelsToReveal,
  postedPositions,
  REASONS,
} from '../../src/dispute/rules.ts';
import { blockLevels } from '../../src/program/blocks.ts';
import { MAX_INTERVALS, MAX_REVEAL_LEVELS } from '../../src/program/limits.ts';
import type { LoopNode } from '../../src/program/node.ts';
import { loop } from '../support/programs.ts';
import { Random } from '../support/randomProgram.ts';

const stretch = (lo: number, hi: number, grain: number): Position =>
  narrowed({ ...inFold(START, 0, 2), grain }, lo, hi, 1, 2);

describe('position', () => {
  it('has its fields where the table in Position.sol draws them', () => {
    const position: Position = {
      format: 0xaa,
      phase: 'Interval',
      depthLeft: 0x11,
      traceDepth: 0x22,
      nodeIndex: 0x33333333,
      index: 0x44444444,
      lo: 0x55555555,
      hi: 0x66666666,
      grain: 0x77777777,
      accumulator: 0x88888888,
      word: 0x99999999,
    };
    expect(encodePosition(position).toString(16)).to.equal(
      'aa0b112233333333444444445555555566666666777777778888888899999999',
    );
    expect(encodePosition(START)).to.equal(1n << 240n);
    const claimHash = 2n ** 256n - 1n;
    expect(encodeStart(claimHash).toString(16)).to.equal(`1${'f'.repeat(60)}`);
    expect(decodePosition(encodeStart(claimHash))).to.deep.equal(START);
  });

  it('reads back what it writes, and refuses codes of no phase', () => {
    const random = new Random(1);
    for (const phase of Object.keys(PHASES) as Phase[]) {
      const position = {
        format: random.below(256),
        phase,
        depthLeft: random.below(256),
        traceDepth: random.below(256),
        nodeIndex: random.word(),
        index: random.word(),
        lo: random.word(),
        hi: random.word(),
        grain: random.word(),
        accumulator: random.word(),
        word: random.word(),
      };
      expect(decodePosition(encodePosition(position))).to.deep.equal(phase === 'Root' ? START : position);
    }
    expect(() => decodePosition(13n << 240n)).to.throw(RangeError);
    expect(() => decodePosition(1n << 256n)).to.throw(RangeError);
  });

  it('goes down a tree by whole reveals', () => {
    // 2^14 nodes lie in 512 blocks of 32.
    const top = topOfTrace(2 ** 14);
    expect([top.depthLeft, top.index, top.hi, top.phase]).to.deep.equal([9, 0, 2 ** 14, 'TracePick']);
    const next = down(top, 'TraceReveal', 5, 11);
    expect([next.depthLeft, next.index, next.hi, next.phase]).to.deep.equal([4, 11, 2 ** 14, 'TraceReveal']);
    expect(down(next, 'TraceReveal', 4, 5).index).to.equal(11 * 16 + 5);
    const block = atBlock(next, 181);
    expect([block.depthLeft, block.index, block.hi, block.phase]).to.deep.equal([
      5,
      181,
      2 ** 14,
      'NodeReveal',
    ]);
    expect(intoBlock(block, 0x80000001)).to.deep.equal({ ...block, phase: 'NodePick', word: 0x80000001 });
    const node = loop({ dtype: 'i8', shape: [300], fold: [9], grain: 2, init: 3 });
    expect(intoTensor(next, 93, node)).to.deep.equal({
      format: 1 + SIGNED,
      phase: 'TensorReveal',
      depthLeft: 1,
      traceDepth: 14,
      nodeIndex: 93,
      index: 0,
      lo: 300,
      hi: 2,
      grain: 2,
      accumulator: 3,
      word: 9,
    });
    expect(intoTensor(next, 93, loop({ dtype: 'f32', shape: [64] })).phase).to.equal('Chunk');
  });
});

describe('blocks', () => {
  it('are a whole small program, then 16 nodes, then 32, with no more reveals', () => {
    const depths = Array.from({ length: 21 }, (_, depth) => depth);
    expect(depths.map(blockLevels)).to.deep.equal([
      0, 1, 2, 3, 4, 5, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5,
    ]);
    const reveals = (depth: number): number => Math.ceil(depth / MAX_REVEAL_LEVELS);
    for (const depth of depths) {
      expect(reveals(blockLevels(depth)) + reveals(depth - blockLevels(depth))).to.equal(reveals(depth));
    }
  });

  it('start a dispute at its only block, or above them', () => {
    expect(topOfTrace(32)).to.deep.include({ phase: 'NodePick', depthLeft: 5, traceDepth: 5, hi: 32 });
    expect(topOfTrace(33)).to.deep.include({ phase: 'TracePick', depthLeft: 2, traceDepth: 6, hi: 33 });
    expect(topOfTrace(1)).to.deep.include({ phase: 'NodePick', depthLeft: 0, traceDepth: 0, hi: 1 });
  });
});

describe('reasons', () => {
  it('are numbered as the contract declares them', () => {
    const source = readFileSync(
      join(import.meta.dirname, '../../contracts/interfaces/IDisputeGame.sol'),
      'utf8',
    );
    const body = /enum Reason \{([^}]*)\}/.exec(source)?.[1] ?? '';
    const members = body
      .split('\n')
      .filter((line) => !line.includes('//'))
      .join('')
      .split(',')
      .map((name) => name.trim());
    expect(members).to.deep.equal([...REASONS]);
  });
});

describe('rules', () => {
  it('reveals as few times as possible, in even parts', () => {
    expect([0, 1, 5, 6, 7, 10, 11, 20, 22].map(levelsToReveal)).to.deep.equal([0, 1, 5, 3, 4, 5, 4, 5, 5]);
    for (let depth = 1; depth <= 32; depth++) {
      let reveals = 0;
      for (let left = depth; left > 0; left -= levelsToReveal(left)) {
        expect(levelsToReveal(left)).to.be.within(1, MAX_REVEAL_LEVELS);
        reveals++;
      }
      expect(reveals).to.equal(Math.ceil(depth / MAX_REVEAL_LEVELS));
    }
  });

  it('divides a range into 32 intervals at most, none shorter than a grain', () => {
    for (const grain of [1, 2, 7, 64]) {
      for (const [lo, hi] of [
        [0, grain + 1],
        [0, 32 * grain],
        [0, 32 * grain + 1],
        [5, 5 + 33 * grain],
        [3, 5000 + grain],
        [0, 2 ** 31 - 1],
      ] as const) {
        const position = stretch(lo, hi, grain);
        const { count, stride } = intervalsOf(position);
        expect(count).to.be.within(2, MAX_INTERVALS);
        expect(stride).to.be.at.least(grain);
        const words = encodeWords(Array.from({ length: count - 1 }, (_, i) => 100 + i));
        expect(postedPositions(position).length).to.equal(count - 1);
        let at: number = lo;
        let word = position.accumulator;
        for (let i = 0; i < count; i++) {
          const interval = intervalAt(position, words, i);
          expect(interval.lo).to.equal(at);
          expect(interval.hi).to.be.above(at);
          expect(interval.accumulator).to.equal(word);
          at = interval.hi;
          word = interval.word;
        }
        expect([at, word]).to.deep.equal([hi, position.word]);
        expect(() => intervalAt(position, words, count)).to.throw(RangeError);
      }
    }
  });

  it('posts words big-endian', () => {
    expect([...encodeWords([0x01020304, 0xffffffff])]).to.deep.equal([1, 2, 3, 4, 255, 255, 255, 255]);
    expect(decodeWords(encodeWords([0x80000001, 7]))).to.deep.equal([0x80000001, 7]);
  });

  it('finds elements in a chunk, bytes extended by their sign, none beyond the end', () => {
    const chunk = new Uint8Array(256).fill(0xfe);
    const at = (index: number, node: LoopNode): Position => ({ ...intoTensor(START, 0, node), index });
    const bytes = loop({ dtype: 'i8', shape: [300], fold: [9], grain: 2, init: 3 });
    expect(elementAt(at(1, bytes), chunk, 43)).to.deep.include({
      phase: 'Interval',
      index: 299,
      lo: 0,
      hi: 9,
      grain: 2,
      accumulator: 3,
      word: 0xfffffffe,
    });
    expect(() => elementAt(at(1, bytes), chunk, 44)).to.throw(RangeError);
    expect(() => elementAt(at(0, bytes), chunk, 256)).to.throw(RangeError);
    const words = loop({ dtype: 'f32', shape: [65] });
    expect(elementAt(at(1, words), chunk, 0).index).to.equal(64);
    expect(() => elementAt(at(1, words), chunk, 1)).to.throw(RangeError);
    expect(() => elementAt(at(0, words), chunk, 64)).to.throw(RangeError);
  });
});

describe('clock', () => {
  it('has its fields where the table in Clock.sol draws them', () => {
    const clock = {
      lastMoveAt: 0x1122334455,
      claimantSecondsLeft: 0x6666666,
      challengerSecondsLeft: 0x7777777,
      baseFeeAtOpenWei: 0x8899aabbccddeeffn,
    };
    expect(encodeClock(clock).toString(16)).to.equal('8899aabbccddeeff112233445566666667777777');
    expect(decodeClock(encodeClock(clock))).to.deep.equal(clock);
  });

  it('attack 7: lets a side move in its last second and not in the one after', () => {
    const clock = startClock(1000, 60, 1_000_000_007n);
    for (const role of ['claimant', 'challenger'] as const) {
      expect(lastTimestamp(clock, role)).to.equal(1060);
      expect([1059, 1060, 1061].map((now) => isOut(clock, role, now))).to.deep.equal([false, false, true]);
    }
  });

  it('takes time from the side that moved only', () => {
    const clock = pressed(
      pressed(startClock(1000, 60, 1_000_000_007n), 'claimant', 1010),
      'challenger',
      1040,
    );
    expect(clock).to.deep.equal({
      lastMoveAt: 1040,
      claimantSecondsLeft: 50,
      challengerSecondsLeft: 30,
      baseFeeAtOpenWei: 999_948_288n,
    });
    expect(pressed(startClock(0, MAX_SECONDS, 0n), 'claimant', MAX_SECONDS).claimantSecondsLeft).to.equal(0);
  });

  it('says who has lost by time, by whose move the phase waits for', () => {
    const clock = { ...startClock(1000, 5, 0n), challengerSecondsLeft: 10 };
    for (const phase of Object.keys(MOVERS) as (keyof typeof MOVERS)[]) {
      const mover = MOVERS[phase];
      const last = mover === 'claimant' ? 1005 : 1010;
      expect(loserByTime({ ...START, phase }, clock, last)).to.equal(undefined);
      expect(loserByTime({ ...START, phase }, clock, last + 1)).to.equal(mover);
    }
  });
});
