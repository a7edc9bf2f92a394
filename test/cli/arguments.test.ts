import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  parseDims,
  parseHalf,
  parseRanges,
  parseWhole,
  readInputs,
  requireAll,
} from '../../src/cli/arguments.ts';
import { elementType } from '../../src/files/formats/elementTypes.ts';
import { writeNpy } from '../../src/files/formats/npy.ts';
import { InputError } from '../../src/files/inputError.ts';

const mistake = (act: () => unknown): { message: string; exitCode: number } => {
  try {
    act();
  } catch (error) {
    if (error instanceof InputError) return { message: error.message, exitCode: error.exitCode };
    throw error;
  }
  throw new Error('nothing was wrong');
};

describe('--dim', () => {
  it('binds names to whole numbers', () => {
    expect(parseDims([])).to.deep.equal({});
    expect(parseDims(['batch=1', 'a=b=12'])).to.deep.equal({ batch: 1, 'a=b': 12 });
  });

  for (const text of ['batch', '=3', 'batch=', 'batch=-1', 'batch=1.5', 'batch=x', 'batch=99999999999']) {
    it(`refuses ${text}`, () => {
      const { message, exitCode } = mistake(() => parseDims([text]));
      expect(message).to.equal(`--dim ${text}: write it as name=N with a whole number N`);
      expect(exitCode).to.equal(2);
    });
  }

  it('takes a name that objects have of their own', () => {
    expect(Object.entries(parseDims(['__proto__=3', 'toString=4']))).to.deep.equal([
      ['__proto__', 3],
      ['toString', 4],
    ]);
    expect(Object.keys(parseRanges(['__proto__=1..2']))).to.deep.equal(['__proto__']);
  });

  it('refuses a name given twice', () => {
    expect(mistake(() => parseDims(['__proto__=1', '__proto__=2'])).message).to.match(/given twice/);
    expect(mistake(() => parseDims(['n=1', 'n=2'])).message).to.match(/given twice/);
  });
});

describe('whole numbers', () => {
  it('have 256 bits at most, and say so', () => {
    const most = 2n ** 256n - 1n;
    expect(parseWhole('--n', `${most}`)).to.equal(most);
    for (const text of [`${most + 1n}`, '9'.repeat(79)])
      expect(mistake(() => parseWhole('--n', text))).to.deep.equal({
        message: `--n ${text.slice(0, 78)}…: write a number below 2^256`,
        exitCode: 2,
      });
    expect(mistake(() => parseWhole('--n', '1e3')).message).to.match(/write a whole number of 0 or more$/);
  });
});

describe('--half', () => {
  it('is one of two words', () => {
    expect(['round', 'float32'].map(parseHalf)).to.deep.equal(['round', 'float32']);
    expect(mistake(() => parseHalf('float16'))).to.deep.equal({
      message: '--half float16: write round or float32',
      exitCode: 2,
    });
  });
});

describe('--range', () => {
  it('binds names to two numbers, whole or not', () => {
    expect(parseRanges([])).to.deep.equal({});
    expect(parseRanges(['ids=0..50264', 'a=b=-7..-3', 'x=-1.5..2e3', 'n=4..4'])).to.deep.equal({
      ids: { low: 0, high: 50_264 },
      'a=b': { low: -7, high: -3 },
      x: { low: -1.5, high: 2000 },
      n: { low: 4, high: 4 },
    });
  });

  for (const text of [
    'ids',
    'ids=',
    '=0..1',
    'ids=5',
    'ids=0..',
    'ids=..5',
    'ids=0...5',
    'ids=a..b',
    'ids=0..1e',
    'ids=01..2',
  ]) {
    it(`refuses ${text}`, () => {
      const { message, exitCode } = mistake(() => parseRanges([text]));
      expect(message).to.equal(`--range ${text}: write it as name=LOW..HIGH with two numbers`);
      expect(exitCode).to.equal(2);
    });
  }

  it('refuses a name given twice', () => {
    expect(mistake(() => parseRanges(['n=1..2', 'n=1..2'])).message).to.match(/given twice/);
  });
});

describe('--input', () => {
  const slots = [
    { name: 'x', dtype: 'f32', onnxType: 'float', shape: [2] },
    { name: 'x=y:0', dtype: 'u8', onnxType: 'uint8', shape: [1] },
  ] as const;
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
    const bytes = new Uint8Array(new Float32Array([1, 2]).buffer);
    writeFileSync(join(folder, 'x.npy'), writeNpy({ type: elementType('float32'), shape: [2], bytes }));
    const byte = { type: elementType('uint8'), shape: [1], bytes: Uint8Array.of(9) };
    writeFileSync(join(folder, 'y.npy'), writeNpy(byte));
    writeFileSync(join(folder, 'x.txt'), 'hello');
  });
  after(() => rmSync(folder, { recursive: true }));

  it('reads files for the inputs they name, with = and : in names', () => {
    const inputs = readInputs([`x=y:0=${folder}/y.npy`, `x=${folder}/x.npy`], slots);
    expect(requireAll(inputs, slots)).to.deep.equal([
      new Uint8Array(new Float32Array([1, 2]).buffer),
      Uint8Array.of(9),
    ]);
  });

  const refused: [string, string[], RegExp, number][] = [
    ['no name', ['x.npy'], /write it as name=FILE$/, 2],
    ['no file', ['x='], /write it as name=FILE$/, 2],
    ['an unknown name', ['z=x.npy'], /no such input; its inputs are "x", "x=y:0"$/, 1],
    ['a missing file', ['x=FOLDER/none.npy'], /none\.npy: there is no such file$/, 1],
    ['a folder', ['x=FOLDER/.npy'], /there is no such file$/, 1],
    ['another ending', ['x=FOLDER/x.txt'], /ends in neither \.npy nor \.pb/, 1],
    ['a name twice', ['x=FOLDER/x.npy', 'x=FOLDER/x.npy'], /the input "x" is given twice$/, 2],
  ];
  for (const [what, given, message, exitCode] of refused) {
    it(`refuses ${what} in one line`, () => {
      const found = mistake(() =>
        readInputs(
          given.map((text) => text.replace('FOLDER', folder)),
          slots,
        ),
      );
      expect(found.message).to.match(message).and.not.contain('\n');
      expect(found.exitCode).to.equal(exitCode);
    });
  }

  it('says which inputs are missing and what they hold', () => {
    const { message, exitCode } = mistake(() => requireAll(new Map(), slots));
    expect(message).to.equal(
      'not every input is given; add --input x=FILE (f32 [2]) --input x=y:0=FILE (u8 [1])',
    );
    expect(exitCode).to.equal(2);
  });
});
