import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import onnxProto from 'onnx-proto';
import { filesIn } from '../../src/files/external.ts';
import { ImportError, importOnnx } from '../../src/onnx/index.ts';
import { floats, modelBytes, noise } from '../support/onnx.ts';

/** Weights in files beside the model: read from its folder, and from nowhere else. */

const { ModelProto } = onnxProto.onnx;
const weights = noise([4, 3], 2);

/** x · w with w in another file. */
function withExternal(entries: Readonly<Record<string, string>>): Uint8Array {
  const model = ModelProto.decode(
    modelBytes({
      inputs: { x: floats([1, 4], [1, 2, 3, 4]) },
      constants: { w: weights },
      nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
      outputs: ['y'],
    }),
  );
  const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
  const [w] = model.graph!.initializer!;
  model.graph!.initializer = [{ name: 'w', dims: w!.dims!, dataType: 1, dataLocation: 1, externalData }];
  return ModelProto.encode(model).finish();
}

describe('attack 29: weights in files beside the model', () => {
  let root: string;
  let folder: string;

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'assay-external-'));
    folder = join(root, 'model');
    mkdirSync(join(folder, 'deep'), { recursive: true });
    const bytes = new Uint8Array(Float32Array.from([0, 0, ...weights.values]).buffer);
    writeFileSync(join(folder, 'w.bin'), bytes.subarray(8));
    writeFileSync(join(folder, 'deep', 'all.bin'), bytes);
    writeFileSync(join(root, 'secret.bin'), bytes);
    mkdirSync(join(root, 'model-evil'));
    writeFileSync(join(root, 'model-evil', 'w.bin'), bytes);
    symlinkSync(join(root, 'secret.bin'), join(folder, 'out.bin'));
    symlinkSync(root, join(folder, 'up'));
    symlinkSync('w.bin', join(folder, 'inside.bin'));
  });

  after(() => rmSync(root, { recursive: true }));

  const read = (entries: Readonly<Record<string, string>>) =>
    importOnnx(withExternal(entries), { readExternal: filesIn(folder) });
  const refusal = (entries: Readonly<Record<string, string>>): string => {
    try {
      read(entries);
    } catch (error) {
      expect(error, String(error)).to.be.instanceOf(ImportError);
      expect((error as Error).message).not.to.match(/[\r\n]/);
      return (error as Error).message;
    }
    throw new Error('the model was not refused');
  };

  it('gives the same model as weights in the file itself', () => {
    const whole = importOnnx(withExternal({ location: 'w.bin' }), {
      readExternal: () => new Uint8Array(Float32Array.from(weights.values).buffer),
    });
    expect(read({ location: 'w.bin' }).program).to.deep.equal(whole.program);
    expect(read({ location: './inside.bin', length: '48' }).program).to.deep.equal(whole.program);
    expect(read({ location: 'deep/all.bin', offset: '8', length: '48' }).program).to.deep.equal(
      whole.program,
    );
  });

  it('does not follow a path out of the folder', () => {
    const paths = ['../secret.bin', 'deep/../../secret.bin', '..\\secret.bin', join(root, 'secret.bin')];
    for (const location of [
      ...paths,
      'out.bin',
      'up/secret.bin',
      '../model-evil/w.bin',
      'C:\\w.bin',
      'w.bin\0',
    ]) {
      expect(refusal({ location }), location).to.match(/leads out of the model's folder/);
    }
  });

  it('says what is wrong with a file that is missing, too short or no file', () => {
    expect(refusal({ location: 'none.bin' })).to.match(/tensor "w".*no file "none.bin" beside the model/);
    expect(refusal({ location: 'w.bin', offset: '4' })).to.match(
      /has 48 bytes, and bytes 4 to 52 are wanted/,
    );
    expect(refusal({ location: 'w.bin', offset: '999999999999999' })).to.match(/has 48 bytes/);
    expect(refusal({ location: 'deep' })).to.match(/is no file/);
    expect(refusal({ location: '.' })).to.match(/leads out|is no file/);
  });

  it('checks the place that the model gives', () => {
    expect(refusal({ location: 'w.bin', length: '44' })).to.match(
      /takes 48 bytes of another file in place of 44/,
    );
    expect(refusal({ location: 'w.bin', offset: '-1' })).to.match(/does not say where/);
    expect(refusal({ location: 'w.bin', offset: '1e3' })).to.match(/does not say where/);
    expect(refusal({ offset: '0' })).to.match(/does not say where/);
  });

  it('refuses such a model if no files are given', () => {
    expect(() => importOnnx(withExternal({ location: 'w.bin' }))).to.throw(
      ImportError,
      /save the model as one file/,
    );
  });
});
