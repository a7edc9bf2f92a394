import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { type BlobName, programName, StoreError, tensorName } from '../../src/store/blobs.ts';
import { FolderBlobs } from '../../src/store/folder.ts';
import { type HeldModel, loadModel, loadTensor, saveModel, saveTensor } from '../../src/store/library.ts';
import { countNodes, decodeProgram, encodeProgram, ProgramFileError } from '../../src/store/programFile.ts';
import { f32Bytes, loop, matMul, ProgramBuilder, sameShape } from '../support/programs.ts';
import { boundaryProgram, Random } from '../support/randomProgram.ts';

async function failure(attempt: Promise<unknown>): Promise<Error> {
  const error = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(Error);
  return error as Error;
}

function held(): HeldModel {
  const build = new ProgramBuilder();
  const x = build.input('f32', [1, 2]);
  const w = build.constant('f32', [2, 2], f32Bytes([1, 2, 3, 4]));
  build.constant('f32', [2, 2], f32Bytes([1, 2, 3, 4]));
  build.node(matMul(x, w, 1, 2, 2));
  const { program, weights } = build.finish();
  return { model: modelOf(program), weights };
}

describe('store', () => {
  let folder: string;
  let blobs: FolderBlobs;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-store-'));
    blobs = new FolderBlobs(join(folder, 'blobs'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const fileOf = (name: BlobName) => join(folder, 'blobs', name);

  it('gives back the model that was put in, with equal constants stored once', async () => {
    const kept = held();
    await saveModel(blobs, kept);
    await saveModel(blobs, kept);
    const { model, weights } = await loadModel(blobs, kept.model.id);
    expect(model.program).to.deep.equal(kept.model.program);
    expect(weights).to.deep.equal(kept.weights);
    expect((await readdir(fileOf('tensor/'))).length).to.equal(1);
    expect((await readdir(fileOf('program/'))).length).to.equal(1);
  });

  it('keeps nobody waiting while a program of many nodes is decoded and checked', async () => {
    const build = new ProgramBuilder();
    let last = build.input('i32', [1]);
    for (let i = 0; i < 1500; i++)
      last = build.node(loop({ dtype: 'i32', shape: [1], operands: [sameShape(last, 'i32', [1])] }));
    const { program, weights } = build.finish();
    const model = modelOf(program);
    expect(countNodes(encodeProgram(program))).to.equal(1501);
    await saveModel(blobs, { model, weights });
    let turns = 0;
    const turning = setInterval(() => turns++);
    const loaded = await loadModel(blobs, model.id);
    clearInterval(turning);
    expect(loaded.model.program).to.deep.equal(program);
    expect(turns, 'timers that fired meanwhile').to.be.greaterThan(5);
  });

  it('gives back a model with several empty constants', async () => {
    const build = new ProgramBuilder();
    const x = build.input('f32', [1, 2]);
    const w = build.constant('f32', [2, 2], f32Bytes([1, 2, 3, 4]));
    for (let i = 0; i < 5; i++) build.constant('u8', [0], new Uint8Array(0));
    build.node(matMul(x, w, 1, 2, 2));
    const { program, weights } = build.finish();
    const kept = { model: modelOf(program), weights };
    const written: BlobName[] = [];
    const watched = {
      place: blobs.place,
      read: blobs.read.bind(blobs),
      write: (name: BlobName, bytes: Uint8Array) => {
        written.push(name);
        return blobs.write(name, bytes);
      },
    };
    await saveModel(watched, kept);
    expect(written, 'weights, nothing, program').to.have.length(3);
    const { model, weights: read } = await loadModel(blobs, kept.model.id);
    expect(model.program).to.deep.equal(program);
    expect(read).to.deep.equal(weights);
  });

  it('keeps tensors apart that differ only in zeros at their end', async () => {
    const short = Uint8Array.of(1, 0);
    const long = Uint8Array.of(1, 0, 0);
    const root = await saveTensor(blobs, short);
    expect(hexOf(await saveTensor(blobs, long))).to.equal(hexOf(root));
    expect([...(await loadTensor(blobs, root, 2))]).to.deep.equal([...short]);
    expect([...(await loadTensor(blobs, root, 3))]).to.deep.equal([...long]);
  });

  it('attack 27: says which model or which weights it does not have', async () => {
    const { model, weights } = held();
    const noProgram = await failure(loadModel(blobs, model.id));
    expect(noProgram.message).to.equal(`${programName(model.id)} in ${blobs.place} is missing`);
    await saveModel(blobs, { model, weights });
    const name = tensorName(tensorRoot(weights.get(1)!), 16);
    await rm(fileOf(name));
    const noWeights = await failure(loadModel(blobs, model.id));
    expect(noWeights).to.be.instanceOf(StoreError).and.have.property('fault', 'missing');
    expect(noWeights.message).to.contain(name);
  });

  it('attack 28: wrong, truncated and overlong weights are detected before use', async () => {
    const { model, weights } = held();
    await saveModel(blobs, { model, weights });
    const file = fileOf(tensorName(tensorRoot(weights.get(1)!), 16));
    const attempts: [() => Promise<void>, string][] = [
      [() => writeFile(file, f32Bytes([1, 2, 3, 5])), 'corrupt'],
      [() => truncate(file, 15), 'corrupt'],
      [() => writeFile(file, ''), 'corrupt'],
      [() => writeFile(file, new Uint8Array(17)), 'too large'],
      [() => truncate(file, 2 ** 40), 'too large'],
      [() => rm(file).then(() => mkdir(file)), 'corrupt'],
    ];
    for (const [spoil, fault] of attempts) {
      await spoil();
      const error = await failure(loadModel(blobs, model.id));
      expect((error as StoreError).fault, error.message).to.equal(fault);
    }
  });

  it('attack 28: another, changed, short or far too large program is detected', async () => {
    const { model, weights } = held();
    await saveModel(blobs, { model, weights });
    const file = fileOf(programName(model.id));
    const right = await readFile(file);
    const other = encodeProgram({ ...model.program, outputs: [0] });
    const flipped = right.map((byte, i) => (i === right.length - 1 ? byte ^ 1 : byte));
    for (const wrong of [other, flipped, right.subarray(0, right.length - 1), new Uint8Array(0)]) {
      await writeFile(file, wrong);
      expect(((await failure(loadModel(blobs, model.id))) as StoreError).fault).to.equal('corrupt');
    }
    await truncate(file, 2 ** 40);
    expect(((await failure(loadModel(blobs, model.id))) as StoreError).fault).to.equal('too large');
  });

  it('attack 20: a malformed program is refused, whatever its id', async () => {
    const { model, weights } = held();
    const nodes = [...model.program.nodes];
    nodes[3] = matMul(0, 3, 1, 2, 2);
    const malformed = modelOf({ ...model.program, nodes });
    await saveModel(blobs, { model: malformed, weights });
    const error = (await failure(loadModel(blobs, malformed.id))) as StoreError;
    expect(error.fault).to.equal('malformed');
    expect(error.message).to.match(/node 3: .*operand/);
  });

  it('attack 28: no name leads out of the folder', async () => {
    await writeFile(join(folder, 'secret'), 'x');
    const zeros = '0'.repeat(64);
    for (const name of [
      'tensor/../../secret',
      '../secret',
      '/etc/passwd',
      `tensor/${zeros}/../../../secret`,
      `tensor/${zeros}-1\n`,
      `tensor/${zeros}\0`,
      `other/${zeros}`,
      `tensor/${'0'.repeat(63)}`,
    ]) {
      expect(await failure(blobs.read(name as BlobName, 10))).to.be.instanceOf(RangeError);
      expect(await failure(blobs.write(name as BlobName, new Uint8Array(1)))).to.be.instanceOf(RangeError);
    }
    expect(() => tensorName(new Uint8Array(31), 1)).to.throw(RangeError);
  });

  it('leaves nothing behind but whole files', async () => {
    const bytes = new Random(2).bytes(5000);
    await Promise.all(Array.from({ length: 8 }, () => saveTensor(blobs, bytes)));
    expect(await readdir(fileOf('tensor/'))).to.deep.equal([`${hexOf(tensorRoot(bytes)).slice(2)}-5000`]);
  });
});

describe('program file', () => {
  it('gives back random programs', () => {
    const random = new Random(5);
    for (let i = 0; i < 30; i++) {
      const { program } = boundaryProgram(random);
      expect(decodeProgram(encodeProgram(program))).to.deep.equal(program);
    }
  });

  it('is refused with a byte cut off or added, and with impossible counts', () => {
    const bytes = encodeProgram(held().model.program);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeProgram(bytes.subarray(0, length)), `${length} bytes`).to.throw(ProgramFileError);
    }
    expect(() => decodeProgram(Uint8Array.of(...bytes, 0))).to.throw(ProgramFileError, '1 bytes after');
    const inputCount = bytes.slice();
    inputCount.fill(0xff, 6, 10);
    expect(() => decodeProgram(inputCount)).to.throw(ProgramFileError, '4294967295 inputs');
    const none = encodeProgram({ nodes: [], inputs: [], outputs: [] });
    expect(() => decodeProgram(none)).to.throw(ProgramFileError, 'no nodes');
    const many = encodeProgram({ ...held().model.program, outputs: Array(256).fill(0) });
    expect(() => decodeProgram(many)).to.throw(ProgramFileError, '256 outputs');
    const node = bytes.slice();
    node[13] = 9;
    expect(() => decodeProgram(node)).to.throw(ProgramFileError, 'no node 9');
  });

  it('with any byte changed is refused or means another program', () => {
    const { model } = held();
    const bytes = encodeProgram(model.program);
    for (let i = 0; i < bytes.length; i++) {
      const changed = bytes.slice();
      changed[i]! ^= 0x11;
      let id: string | undefined;
      try {
        id = hexOf(modelOf(decodeProgram(changed)).id);
      } catch (error) {
        expect(error).to.be.instanceOf(ProgramFileError);
      }
      expect(id).to.not.equal(hexOf(model.id));
    }
  });
});
