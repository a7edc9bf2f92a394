import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { elementType } from '../../src/files/formats/elementTypes.ts';
import { writeNpy } from '../../src/files/formats/npy.ts';
import { writeTensorProto } from '../../src/files/formats/tensorProto.ts';
import { captured as assay } from '../support/captured.ts';
import { floats, modelBytes, single } from '../support/onnx.ts';

/** Files that are not what an option takes them for: one line that says what they are, and exit code 1. */

const pair = { type: elementType('float32'), shape: [2], bytes: new Uint8Array(8) };
const model = modelBytes(single('Relu', [floats([2], [0, 0])]));
const npy = writeNpy(pair);

/** A .npy file with another header. */
function npyWith(descr: string, order = 'False'): Uint8Array {
  const dict = `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': (2,), }`;
  const header = `${dict.padEnd(117)}\n`;
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0]);
  return Buffer.concat([start, Buffer.from(header), new Uint8Array(8)]);
}

/** A protobuf field: a small number, or bytes of less than 128. */
const field = (number: number, held: number | string | Uint8Array): Uint8Array =>
  typeof held === 'number'
    ? Uint8Array.of(number * 8, held)
    : Buffer.concat([Uint8Array.of(number * 8 + 2, held.length), Buffer.from(held)]);
const message = (...fields: readonly Uint8Array[]): Uint8Array => Buffer.concat(fields);

// onnx-proto has no classes for these; fields as in onnx.proto.
const bytesOfTensor = writeTensorProto(pair, 'x');
const sequence = message(field(1, 'x'), field(2, 1), field(3, bytesOfTensor));
const unnamed = message(field(2, 1), field(3, bytesOfTensor), field(3, bytesOfTensor));
const optional = message(field(1, 'x'), field(2, 1), field(3, bytesOfTensor));
const nested = message(field(2, 3), field(5, unnamed));
const keys = message(field(1, 'm'), field(2, 8), field(4, 'a'), field(4, 'b'), field(5, unnamed));

const zip = Buffer.concat([Buffer.from('PK\x03\x04'), new Uint8Array(60)]);
const pickle = Buffer.from([0x80, 4, 0x95, 1, 0, 0, 0, 0, 0, 0, 0, 0x4e, 0x2e]);
const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n';

/** The message by the contents of the file. */
const kinds: readonly (readonly [what: string, bytes: Uint8Array | string, said: RegExp])[] = [
  ['nothing', '', /it is empty/],
  ['text', 'hello, world\n', /it is text/],
  ['a page', '<!DOCTYPE html><html>Größe</html>', /it is text/],
  ['a Git LFS pointer', pointer, /it is a Git LFS pointer.*git lfs pull/],
  ['a .npz archive', zip, /it is a zip archive, such as a \.npz file/],
  ['gzip', gzipSync(npy), /it is compressed \(gzip\)/],
  ['a pickle', pickle, /it is a Python pickle/],
];

describe('files of another kind', () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'assay-kinds-'));
    writeFileSync(at('model.onnx'), model);
    writeFileSync(at('x.npy'), npy);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** One line on stderr that names the file. */
  async function refused(file: string, reason: RegExp, ...args: string[]): Promise<void> {
    const { code, out, err } = await assay(...args);
    expect([code, out], err.join('\n')).to.deep.equal([1, []]);
    expect(err.length, err.join('\n')).to.equal(1);
    expect(err[0])
      .to.match(reason)
      .and.contain(file)
      .and.not.match(/[\r\n]/);
  }

  const asInput = (file: string, reason: RegExp) =>
    refused(file, reason, 'run', at('model.onnx'), '--input', `x0=${file}`);
  const asBound = (file: string, reason: RegExp) =>
    refused(file, reason, 'inspect', at('model.onnx'), '--bind', `x0=${file}`);
  const asModel = (file: string, reason: RegExp) => refused(file, reason, 'inspect', file);

  for (const [what, bytes, said] of kinds) {
    for (const ending of ['npy', 'pb', 'onnx']) {
      it(`are told where .${ending} holds ${what}`, async () => {
        const file = at(`kind.${ending}`);
        writeFileSync(file, bytes);
        if (ending === 'onnx') await asModel(file, said);
        else {
          await asInput(file, said);
          await asBound(file, said);
        }
      });
    }
  }

  for (const [what, ending, bytes, said] of [
    ['a tensor of ONNX', 'npy', writeTensorProto(pair, 'x'), /is not a \.npy file; it is a tensor \(ONNX/],
    ['a model', 'npy', model, /is not a \.npy file; it is an ONNX model/],
    ['a NumPy array', 'pb', npy, /is not an ONNX TensorProto file; it is a NumPy array/],
    ['a model', 'pb', model, /it is an ONNX model/],
    ['a sequence', 'pb', sequence, /it is a sequence or an optional/],
    ['a sequence without a name', 'pb', unnamed, /it is a sequence or an optional/],
    ['an optional', 'pb', optional, /it is a sequence or an optional/],
    ['a sequence of sequences', 'pb', nested, /it is a sequence of sequences/],
    ['a map', 'pb', keys, /it is a map/],
    ['half a tensor', 'pb', writeTensorProto(pair, 'x').slice(0, -5), /truncated|takes 8 bytes/],
    ['half an array', 'npy', npy.slice(0, -5), /is truncated/],
    ['objects', 'npy', npyWith("'|O'"), /NumPy type "\|O" are not supported/],
    ['records', 'npy', npyWith("[('a', '<f4'), ('b', '<f4')]"), /records with named fields/],
    ['strings', 'npy', npyWith("'<U3'"), /NumPy type "<U3" are not supported/],
    ['times', 'npy', npyWith("'<M8[s]'"), /NumPy type "<M8\[s\]" are not supported/],
    ['complex numbers', 'npy', npyWith("'<c8'"), /NumPy type "<c8" are not supported/],
  ] as const) {
    it(`are told where .${ending} holds ${what}`, async () => {
      const file = at(`other.${ending}`);
      writeFileSync(file, bytes);
      await asInput(file, said);
      await asBound(file, said);
    });
  }

  for (const [what, bytes, said] of [
    ['a tensor of ONNX', writeTensorProto(pair, 'x'), /is not an ONNX model; it is a tensor/],
    ['a NumPy array', npy, /is not an ONNX model; it is a NumPy array/],
    ['a sequence', sequence, /is not an ONNX model; it is a sequence/],
    ['half a model', model.slice(0, -9), /not an ONNX model|truncated/],
    [
      'of no known kind',
      Uint8Array.of(0xf8, 0x7d, 1),
      /other\.onnx: not an ONNX model \(a model has a field/,
    ],
    ['a TensorFlow Lite model', Buffer.from('\x1c\0\0\0TFL3\0\0'), /it is a TensorFlow Lite model/],
    ['safetensors', Buffer.from('\x10\0\0\0\0\0\0\0{"a":{}}'), /it is a safetensors file/],
  ] as const) {
    it(`are told where a model is ${what}`, async () => {
      writeFileSync(at('other.onnx'), bytes);
      await asModel(at('other.onnx'), said);
    });
  }

  it('of plain numbers run in either order of bytes or dimensions', async () => {
    for (const [descr, order] of [
      ["'>f4'", 'False'],
      ["'<f4'", 'True'],
    ] as const) {
      writeFileSync(at('order.npy'), npyWith(descr, order));
      expect((await assay('run', at('model.onnx'), '--input', `x0=${at('order.npy')}`)).code).to.equal(0);
    }
  });

  it('that are no files are told: a folder, a link to itself, a device, a socket', async () => {
    mkdirSync(at('folder.npy'));
    symlinkSync('loop.npy', at('loop.npy'));
    symlinkSync('/dev/zero', at('zero.npy'));
    symlinkSync('nothing', at('gone.npy'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(at('socket.npy'), resolve));
    for (const [name, reason] of [
      ['folder.npy', /is a folder, not a file/],
      ['loop.npy', /is a link that leads back to itself/],
      ['zero.npy', /is a device or socket, not a file/],
      ['gone.npy', /there is no such file/],
      ['socket.npy', /is a pipe, socket or device/],
      ['x.npy/y.npy', /a part of the path is a file, not a folder/],
      [`${'n'.repeat(300)}.npy`, /the name is too long/],
    ] as const) {
      await asInput(at(name), reason);
      await asBound(at(name), reason);
      await asModel(at(name), reason);
    }
    server.close();
  });

  it('that may not be read are told', async function () {
    // Everything may be read by root.
    if (process.getuid?.() === 0) this.skip();
    writeFileSync(at('secret.npy'), npy);
    chmodSync(at('secret.npy'), 0);
    await asInput(at('secret.npy'), /no permission to open it/);
  });

  it('are read from a pipe, and given up if nobody writes into it', async function () {
    this.timeout(30_000);
    execFileSync('mkfifo', [at('pipe.npy'), at('silent.npy')]);
    const writer = execFileSync('sh', [
      '-c',
      `(sleep 0.3; cat "${at('x.npy')}" > "${at('pipe.npy')}") > /dev/null 2>&1 & echo $!`,
    ]);
    expect(Number(writer)).to.be.above(0);
    expect((await assay('run', at('model.onnx'), '--input', `x0=${at('pipe.npy')}`)).code).to.equal(0);
    await asInput(at('silent.npy'), /is a pipe into which nothing was written for 10 seconds/);
  });

  it('are written whole or not at all', async () => {
    const run = ['run', at('model.onnx'), '--input', `x0=${at('x.npy')}`, '--output-dir'];
    mkdirSync(at('full'));
    symlinkSync('/dev/full', at('full/y0.npy'));
    mkdirSync(at('taken'));
    mkdirSync(at('taken/y0.npy'));
    mkdirSync(at('piped'));
    execFileSync('mkfifo', [at('piped/y0.npy')]);
    for (const [where, reason] of [
      ['full', /the disk is full/],
      ['taken', /is a folder, not a file/],
      ['piped', /is a pipe, socket or device that nobody is at the other end of/],
      ['x.npy', /is a file, not a folder/],
      ['x.npy/deeper', /a part of the path is a file/],
    ] as const) {
      await refused(at(where), reason, ...run, at(where));
    }
  });
});
