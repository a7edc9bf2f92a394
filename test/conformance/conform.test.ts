import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import onnxProto from 'onnx-proto';
import { conformance } from '../../src/conformance/conformance.ts';
import { conformancePage } from '../../src/conformance/table.ts';
import { elementType, type FileTensor } from '../../src/files/formats/elementTypes.ts';
import { writeTensorProto } from '../../src/files/formats/tensorProto.ts';
import { captured as assay } from '../support/captured.ts';
import { floats, type GraphSpec, modelBytes, single, value } from '../support/onnx.ts';

const { ModelProto } = onnxProto.onnx;

/** A corpus of a few tests, each with one thing that has to be noticed. */

const f32 = (shape: readonly number[], ...values: number[]): FileTensor => ({
  type: elementType('float32'),
  shape,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});
const i64 = (...values: number[]): FileTensor => ({
  type: elementType('int64'),
  shape: [values.length],
  bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
});

const CORPUS = { version: '1.0', name: 'two tests' };

describe('assay conform', () => {
  let folder: string;

  function write(
    name: string,
    spec: GraphSpec,
    inputs: readonly FileTensor[],
    outputs: readonly FileTensor[],
  ): void {
    const data = join(folder, name, 'test_data_set_0');
    mkdirSync(data, { recursive: true });
    writeFileSync(join(folder, name, 'model.onnx'), modelBytes(spec));
    for (const [i, tensor] of inputs.entries())
      writeFileSync(join(data, `input_${i}.pb`), writeTensorProto(tensor, ''));
    for (const [i, tensor] of outputs.entries())
      writeFileSync(join(data, `output_${i}.pb`), writeTensorProto(tensor, ''));
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const pair = floats([2], [0, 0]);
  const relu = single('Relu', [pair]);
  const goes = (y: FileTensor) => write('node/test_relu', relu, [f32([2], -1, 2)], [y]);

  it('passes what agrees within the tolerance', async () => {
    goes(f32([2], 0, 2.0005));
    const { code, out } = await assay('conform', folder, '--json');
    expect(code).to.equal(0);
    expect(JSON.parse(out.join())).to.deep.equal({
      total: 1,
      passed: 1,
      failed: [],
      refused: [],
      noData: [],
      bound: {},
    });
  });

  for (const [what, y, reason] of [
    ['another number', f32([2], 0, 2.01), 'output "y0", element 1: 2 in place of 2.009999990463257'],
    [
      'a number in place of 0',
      f32([2], 1e-3, 2),
      'output "y0", element 0: 0 in place of 0.0010000000474974513',
    ],
    ['infinity', f32([2], 0, Number.POSITIVE_INFINITY), 'output "y0", element 1: 2 in place of Infinity'],
    ['NaN', f32([2], 0, Number.NaN), 'output "y0", element 1: 2 in place of NaN'],
    ['another shape', f32([2, 1], 0, 2), 'output "y0" has the shape [2], not [2, 1]'],
    ['another type', i64(0, 2), 'output "y0" is of type float, not int64'],
  ] as const) {
    it(`fails, with exit code 1, where the test expects ${what}`, async () => {
      goes(y);
      const { code, out } = await assay('conform', folder, '--json');
      expect(code).to.equal(1);
      expect(JSON.parse(out.join()).failed).to.deep.equal([{ test: 'node/test_relu', op: 'Relu', reason }]);
    });
  }

  for (const [name, y, code] of [
    ['node/test_dft_inverse', 9e-7, 0],
    ['test_dft', -9e-7, 0],
    ['test_dft_axis', 1.1e-6, 1],
    ['test_dfts', 9e-7, 1],
    ['test_stft', 9e-7, 1],
  ] as const) {
    it(`${code ? 'fails' : 'passes'} ${y} in place of 0 in ${name}: ONNX allows 1e-6 in its tests of DFT`, async () => {
      write(name, relu, [f32([2], -1, 2)], [f32([2], y, 2)]);
      expect((await assay('conform', folder)).code).to.equal(code);
    });
  }

  it('fails where an integer is off by one', async () => {
    const argmax = single('ArgMax', [pair]);
    write('test_argmax', argmax, [f32([2], 5, 2)], [i64(1)]);
    const { code, out } = await assay('conform', folder);
    expect(code).to.equal(1);
    expect(out[1]).to.equal('  failed test_argmax: output "y0", element 0: 0 in place of 1');
  });

  it('binds what only decides a shape, and says so', async () => {
    const reshape = single('Reshape', [floats([2], [1, 2]), value('int64', [2], [2, 1])]);
    write('test_reshape', reshape, [f32([2], 1, 2), i64(2, 1)], [f32([2, 1], 1, 2)]);
    const { code, out } = await assay('conform', folder);
    expect(code).to.equal(0);
    expect(out).to.deep.equal([
      'Reshape: 1 passed',
      '  passed test_reshape with x1 bound',
      '1 tests: 1 passed, 0 failed, 0 refused',
    ]);
  });

  it('binds the input behind a value that is computed', async () => {
    const spec: GraphSpec = {
      nodes: [
        { op: 'Concat', inputs: ['shape', 'shape'], outputs: ['twice'], attributes: { axis: 0 } },
        { op: 'Reshape', inputs: ['x', 'twice'], outputs: ['y'] },
      ],
      inputs: { x: floats([4], [1, 2, 3, 4]), shape: value('int64', [1], [2]) },
      outputs: ['y'],
    };
    write('test_twice', spec, [f32([4], 1, 2, 3, 4), i64(2)], [f32([2, 2], 1, 2, 3, 4)]);
    const [result] = await conformance(folder);
    expect(result).to.deep.equal({
      test: 'test_twice',
      operator: '(several operators)',
      verdict: 'passed',
      bound: ['shape'],
    });
  });

  it('binds a shape that is computed with, although its numbers could be too large', async () => {
    const spec: GraphSpec = {
      nodes: [
        { op: 'Mul', inputs: ['shape', 'shape'], outputs: ['square'] },
        { op: 'Reshape', inputs: ['x', 'square'], outputs: ['y'] },
      ],
      inputs: { x: floats([4], [1, 2, 3, 4]), shape: value('int64', [1], [2]) },
      outputs: ['y'],
    };
    write('test_square', spec, [f32([4], 1, 2, 3, 4), i64(2)], [f32([4], 1, 2, 3, 4)]);
    expect((await conformance(folder))[0])
      .to.include({ verdict: 'passed' })
      .and.deep.include({ bound: ['shape'] });
  });

  it('gives an input the range of its data where needed, and says so', async () => {
    const spec = single('Mul', [value('int64', [2], [3, -4]), value('int64', [2], [5, 6])]);
    write('test_mul', spec, [i64(3, -4), i64(5, 6)], [i64(15, -24)]);
    const { code, out } = await assay('conform', folder);
    expect(code).to.equal(0);
    expect(out[1]).to.equal('  passed test_mul with x0=-4..3, x1=5..6 bound');
  });

  it('reads weights beside the model, and from nowhere else', async () => {
    const spec: GraphSpec = {
      nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
      inputs: { x: floats([2], [0, 0]) },
      constants: { w: floats([2], [5, 6]) },
      outputs: ['y'],
    };
    for (const [name, location] of [
      ['test_beside', 'w.bin'],
      ['test_outside', '../w.bin'],
    ] as const) {
      write(name, spec, [f32([2], 1, 2)], [f32([2], 6, 8)]);
      const file = join(folder, name, 'model.onnx');
      const model = ModelProto.decode(Uint8Array.from(readFileSync(file)));
      const [w] = model.graph!.initializer!;
      const externalData = [{ key: 'location', value: location }];
      model.graph!.initializer = [{ name: 'w', dims: w!.dims!, dataType: 1, dataLocation: 1, externalData }];
      writeFileSync(file, ModelProto.encode(model).finish());
      writeFileSync(join(folder, name, location), new Uint8Array(Float32Array.of(5, 6).buffer));
    }
    const [beside, outside] = await conformance(folder);
    expect(beside).to.include({ test: 'test_beside', verdict: 'passed' });
    expect(outside).to.include({ verdict: 'refused' });
    expect(outside?.reason).to.match(/leads out of the model's folder/);
  });

  it('follows links to folders, data sets and files, and ends at a circle', async () => {
    goes(f32([2], 0, 2));
    const real = join(folder, 'node/test_relu');
    symlinkSync(real, join(folder, 'linked'));
    symlinkSync(folder, join(real, 'up'));
    symlinkSync('nowhere', join(folder, 'broken'));
    mkdirSync(join(folder, 'parts'));
    symlinkSync(join(real, 'model.onnx'), join(folder, 'parts/model.onnx'));
    symlinkSync(join(real, 'test_data_set_0'), join(folder, 'parts/test_data_set_0'));
    const results = await conformance(folder);
    expect(results.map(({ test, verdict }) => `${test} ${verdict}`)).to.deep.equal([
      'linked passed',
      'node/test_relu passed',
      'parts passed',
    ]);
  });

  it('fails a test whose model cannot be read, and goes on', async () => {
    goes(f32([2], 0, 2));
    mkdirSync(join(folder, 'test_device'));
    symlinkSync('/dev/zero', join(folder, 'test_device/model.onnx'));
    const [relu, device] = await conformance(folder);
    expect(relu).to.include({ verdict: 'passed' });
    expect(device).to.include({ test: 'test_device', verdict: 'failed' });
    expect(device?.reason).to.match(/is a device or socket/);
  });

  it('takes open dimensions from the data', async () => {
    write('test_relu', { ...relu, open: { x0: [0] } }, [f32([2], -1, 2)], [f32([2], 0, 2)]);
    expect((await conformance(folder))[0]).to.include({ verdict: 'passed' });
  });

  it('refuses with the reason, which is no failure', async () => {
    write('test_random', single('RandomNormalLike', [pair]), [f32([2], 1, 2)], []);
    const { code, out } = await assay('conform', folder);
    expect(code).to.equal(0);
    expect(out[1]).to.match(/^ {2}refused test_random: node "the_RandomNormalLike" .*random numbers/);
  });

  it('fails where data are missing or cannot be read', async () => {
    write('test_cut', relu, [f32([2], -1, 2)], [f32([2], 0, 2)]);
    writeFileSync(join(folder, 'test_cut/test_data_set_0/output_0.pb'), 'nothing');
    write('test_no_input', relu, [], [f32([2], 0, 2)]);
    write('test_no_output', relu, [f32([2], -1, 2)], []);
    write('test_without_files', relu, [], []);
    const results = await conformance(folder);
    expect(results.map(({ verdict }) => verdict)).to.deep.equal(['failed', 'failed', 'failed', 'failed']);
    expect(results.map(({ reason }) => reason)).to.deep.equal([
      `${join(folder, 'test_cut/test_data_set_0/output_0.pb')}: is not an ONNX TensorProto file; it is text`,
      'the test has no data for the input "x0"',
      'the test has no data for the output "y0"',
      'the test has no data for the input "x0"',
    ]);
  });

  it('counts models without data sets apart, and refuses what cannot be imported', async () => {
    goes(f32([2], 0, 2));
    write('sample', relu, [], []);
    write('random', single('RandomNormalLike', [pair]), [], []);
    for (const name of ['sample', 'random'])
      rmSync(join(folder, name, 'test_data_set_0'), { recursive: true });
    const { code, out } = await assay('conform', folder);
    expect(code).to.equal(0);
    expect(out).to.include('Relu: 1 passed, 1 without data');
    expect(out).to.include('  no data sample: has a model and no test_data_set_* folder, so it is no test');
    expect(out.at(-1)).to.equal('2 tests: 1 passed, 0 failed, 1 refused; 1 without data');
    const json = JSON.parse((await assay('conform', folder, '--json')).out.join());
    expect(json).to.deep.include({ total: 2, passed: 1, failed: [], noData: ['sample'] });
    expect(conformancePage(await conformance(folder), CORPUS, false)).to.contain('**2 tests: 1 passed');
  });

  it('runs a folder that is one test', async () => {
    goes(f32([2], 0, 2));
    const [result] = await conformance(`${join(folder, 'node/test_relu')}/`);
    expect(result).to.include({ test: 'test_relu', verdict: 'passed' });
  });

  it('says in one line how to get tests if there are none', async () => {
    for (const path of [folder, join(folder, 'nowhere')]) {
      const { code, err } = await assay('conform', path);
      expect(code).to.equal(1);
      expect(err).to.have.length(1);
      expect(err[0]).to.match(/apt install libonnx-testdata/);
    }
  });

  it('makes a page with every refusal and its reason', async () => {
    goes(f32([2], 0, 2));
    write('node/test_random', single('RandomNormalLike', [pair]), [f32([2], 1, 2)], []);
    const results = await conformance(folder);
    const page = conformancePage(results, CORPUS, true);
    expect(page).to.contain('**2 tests: 1 passed, 0 failed, 1 refused.**');
    expect(page).to.match(
      /\| RandomNormalLike \| test_random \| node "the_RandomNormalLike" .* random numbers/,
    );
    expect(page).to.contain('| Relu | 1 |  |  |  |');
    expect(page).not.to.contain('## Failed');
    expect(page).to.contain('## All operators that can run');
    expect(conformancePage(results, CORPUS, false)).not.to.contain('## All operators');
  });
});
