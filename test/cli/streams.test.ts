import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { printable } from '../../src/cli/console.ts';

/** The reader of a command's output may go away, and its disk may be full. */

const ROOT = join(import.meta.dirname, '../..');
const ASSAY = join(ROOT, 'src/cli/assay.mjs');
const MODEL = join(ROOT, 'examples/digits/digits.onnx');
const THREE = join(ROOT, 'examples/digits/three.npy');

interface Ended {
  readonly code: number | NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** @param stdout a descriptor that the command writes to; `undefined` for a pipe that is closed at once */
function withStdout(stdout: number | undefined, ...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [ASSAY, ...args], { stdio: ['ignore', stdout ?? 'pipe', 'pipe'] });
  child.stdout?.destroy();
  let err = '';
  child.stderr?.on('data', (data: Buffer) => {
    err += data.toString();
  });
  return new Promise((resolve) =>
    child.on('close', (code, signal) => resolve({ code: code ?? signal, out: '', err })),
  );
}

/** Runs a command with a stderr that is closed at once. */
function withoutStderr(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [ASSAY, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stderr.destroy();
  let out = '';
  child.stdout.on('data', (data: Buffer) => {
    out += data.toString();
  });
  return new Promise((resolve) =>
    child.on('close', (code, signal) => resolve({ code: code ?? signal, out, err: '' })),
  );
}

const commands: readonly (readonly [what: string, args: readonly string[]])[] = [
  ['inspect', ['inspect', MODEL]],
  ['inspect --json', ['inspect', MODEL, '--json']],
  ['run', ['run', MODEL, '--input', `image=${THREE}`]],
  ['--help', ['--help']],
  ['inspect --help', ['inspect', '--help']],
];

describe('standard streams', () => {
  for (const [what, args] of commands) {
    it(`that nobody reads end ${what} without a word, as SIGPIPE would`, async () => {
      expect(await withStdout(undefined, ...args)).to.deep.equal({ code: 141, out: '', err: '' });
    });

    it(`that are full end ${what} with one line`, async function () {
      if (!existsSync('/dev/full')) this.skip();
      const full = openSync('/dev/full', 'w');
      const { code, err } = await withStdout(full, ...args);
      closeSync(full);
      expect([code, err]).to.deep.equal([
        1,
        'assay: standard output: the disk is full; the result is lost\n',
      ]);
    });
  }

  it('take no result away when it is stderr that nobody reads', async () => {
    const { code, out } = await withoutStderr('inspect', MODEL, '--json');
    expect(code).to.equal(0);
    expect(JSON.parse(out).file).to.equal('digits.onnx');
    expect((await withoutStderr('run', MODEL, '--input', 'image=none.npy')).code).to.equal(1);
  });
});

describe('what a stranger may have written', () => {
  it('attack 60: moves no cursor, and turns no text around', () => {
    const text = 'digit\u001b[2J\u001b]0;x\u0007 \u009b31m\r\u202eabc\u2066 tab\t line\n zażółć 🧑‍🚀';
    expect(printable(text)).to.equal(
      'digit\\u001b[2J\\u001b]0;x\\u0007 \\u009b31m\\u000d\\u202eabc\\u2066 tab\t line\n zażółć 🧑‍🚀',
    );
    const line = JSON.stringify({ name: '\u202e\u009b' });
    expect(JSON.parse(printable(line)), 'JSON keeps its meaning').to.deep.equal({ name: '\u202e\u009b' });
  });
});
