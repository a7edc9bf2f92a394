import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { outputFiles } from '../../src/cli/commands/run.ts';
import { elementType } from '../../src/files/formats/elementTypes.ts';
import { readNpy, writeNpy } from '../../src/files/formats/npy.ts';
import { readTensorProto, writeTensorProto } from '../../src/files/formats/tensorProto.ts';
import { runHere } from '../support/commandHere.ts';
import { modelBytes, noise, value } from '../support/onnx.ts';

/** relu(x · w), and the index of its greatest element. */
const model = modelBytes({
  inputs: { 'x:0': noise([1, 40]) },
  constants: { w: noise([40, 3], 2) },
  nodes: [
    { op: 'MatMul', name: 'product', inputs: ['x:0', 'w'], outputs: ['p'] },
    { op: 'Relu', name: 'relu', inputs: ['p'], outputs: ['../scores'] },
    { op: 'ArgMax', name: 'best', inputs: ['p'], outputs: ['best'], attributes: { axis: 1, keepdims: 0 } },
  ],
  outputs: ['../scores', 'best'],
});

/** 40 products one after the other, of 8 numbers each, every tenth of 2: four blocks, filled up. */
const deep = modelBytes({
  inputs: { x: noise([1, 8]) },
  constants: { w: noise([8, 8], 1), narrow: noise([8, 2], 2), wide: noise([2, 8], 3) },
  nodes: Array.from({ length: 40 }, (_, i) => ({
    op: 'MatMul',
    inputs: [i === 0 ? 'x' : `p${i}`, i % 10 === 8 ? 'narrow' : i % 10 === 9 ? 'wide' : 'w'],
    outputs: [`p${i + 1}`],
  })),
  outputs: ['p40'],
});

const open = modelBytes({
  inputs: { x: noise([1, 4]) },
  nodes: [{ op: 'Relu', name: 'relu', inputs: ['x'], outputs: ['y'] }],
  outputs: ['y'],
  open: { x: ['batch', 4] },
});

const reshape = modelBytes({
  inputs: { x: noise([1, 4]), shape: value('int64', [2], [2, 2]) },
  nodes: [{ op: 'Reshape', name: 'reshape', inputs: ['x', 'shape'], outputs: ['y'] }],
  outputs: ['y'],
});

const unsupported = modelBytes({
  inputs: { x: noise([1, 4]) },
  nodes: [{ op: 'NoSuchOperator', name: 'odd', inputs: ['x'], outputs: ['y'] }],
  outputs: ['y'],
});

const f32File = (shape: readonly number[], values: readonly number[]): Uint8Array =>
  writeNpy({ type: elementType('float32'), shape, bytes: new Uint8Array(Float32Array.from(values).buffer) });

describe('the command line', () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);
  const x = noise([1, 40], 7).values;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
    writeFileSync(at('model.onnx'), model);
    writeFileSync(at('deep.onnx'), deep);
    writeFileSync(at('open.onnx'), open);
    writeFileSync(at('unsupported.onnx'), unsupported);
    writeFileSync(at('reshape.onnx'), reshape);
    writeFileSync(at('halves.npy'), f32File([2], [2, 2.5]));
    const twos = new Uint8Array(BigInt64Array.of(2n, 2n).buffer);
    writeFileSync(
      at('shape.pb'),
      writeTensorProto({ type: elementType('int64'), shape: [2], bytes: twos }, ''),
    );
    writeFileSync(at('truncated.onnx'), model.slice(0, model.length / 2));
    writeFileSync(at('empty.onnx'), '');
    writeFileSync(at('x.npy'), f32File([1, 40], x));
    writeFileSync(at('y.npy'), f32File([1, 4], [1, -2, 3, -4]));
    writeFileSync(at('shape.npy'), f32File([40, 1], x));
    writeFileSync(at('truncated.npy'), f32File([1, 40], x).slice(0, 150));
    writeFileSync(at('text.npy'), 'hello');
    const longs = new Uint8Array(new BigInt64Array(40).buffer);
    writeFileSync(at('longs.npy'), writeNpy({ type: elementType('int64'), shape: [1, 40], bytes: longs }));
    const doubles = {
      type: elementType('float64'),
      shape: [1, 40],
      bytes: new Uint8Array(Float64Array.from(x).buffer),
    };
    writeFileSync(at('doubles.pb'), writeTensorProto(doubles, 'x'));
    mkdirSync(at('folder'));
    writeFileSync(at('file'), '');
  });
  after(() => rmSync(folder, { recursive: true }));

  const assay = (...args: string[]) => runHere(...args.map((arg) => arg.replaceAll('FOLDER', folder)));

  describe('run', () => {
    const M = 'FOLDER/model.onnx';

    it('writes each output under a safe name in the type that the model gives it', async () => {
      const { code, out } = await assay(
        'run',
        M,
        '--input',
        'x:0=FOLDER/x.npy',
        '--output-dir',
        'FOLDER/out',
      );
      expect(code).to.equal(0);
      expect(readdirSync(at('out')).sort()).to.deep.equal(['best.npy', '__scores.npy'].sort());
      const best = readNpy(Uint8Array.from(readFileSync(at('out/best.npy'))), 'best');
      const scores = readNpy(Uint8Array.from(readFileSync(at('out/__scores.npy'))), 'scores');
      expect([best.type.name, best.shape]).to.deep.equal(['int64', [1]]);
      expect([scores.type.name, scores.shape]).to.deep.equal(['float32', [1, 3]]);
      expect(out).to.match(/^model 0x[0-9a-f]{64}, .* on the wasm engine\n\.\.\/scores: float32 \[1, 3\]/);
    });

    it('gives the same outputs on either engine, with any number of threads', async () => {
      const outputs = async (engine: string, ...options: string[]) => {
        const args = ['--input', 'x:0=FOLDER/x.npy', '--json', '--engine', engine, ...options];
        const { out } = await assay('run', M, ...args);
        const said = JSON.parse(out);
        expect(said.engine).to.equal(engine);
        return said.outputs;
      };
      const expected = await outputs('reference');
      expect(await outputs('wasm')).to.deep.equal(expected);
      for (const threads of ['1', '2', '3']) {
        expect(await outputs('wasm', '--threads', threads)).to.deep.equal(expected);
      }
    });

    it('names the engine that ran, where the CPU serves in place of a device', async () => {
      const run = (engine: string, ...more: string[]) =>
        assay('run', M, '--input', 'x:0=FOLDER/x.npy', '--engine', engine, ...more);
      // So small a program stays on the CPU, whatever devices there are.
      expect((await run('auto')).out).to.match(/^model 0x[0-9a-f]{64}, .* on the wasm engine\n/);
      expect(JSON.parse((await run('auto', '--json')).out).engine).to.equal('wasm');
      const { out, err } = await run('webgpu');
      expect(out).to.contain(`on the ${err.includes('the CPU serves') ? 'wasm' : 'webgpu'} engine`);
    });

    it('takes and writes TensorProto files, and float64 as float32', async () => {
      const plain = await assay('run', M, '--input', 'x:0=FOLDER/x.npy', '--json');
      const rounded = await assay(
        ...['run', M, '--input', 'x:0=FOLDER/doubles.pb', '--json'],
        ...['--output-dir', 'FOLDER/pb', '--output-format', 'pb'],
      );
      expect(rounded.code).to.equal(0);
      const [a, b] = [JSON.parse(plain.out), JSON.parse(rounded.out)];
      expect(b.outputs[0].first).to.deep.equal(a.outputs[0].first);
      expect(Object.keys(a)).to.deep.equal(['model', 'engine', 'seconds', 'outputs']);
      const written = readTensorProto(Uint8Array.from(readFileSync(at('pb/best.pb'))), 'best');
      expect(written.type.name).to.equal('int64');
    });

    it('makes inputs part of the program', async () => {
      const { code, out } = await assay(
        ...['run', 'FOLDER/reshape.onnx', '--bind', 'shape=FOLDER/shape.pb', '--input', 'x=FOLDER/y.npy'],
      );
      expect(code).to.equal(0);
      expect(out).to.match(/y: float32 \[2, 2\]\n {2}1 -2 3 -4$/);
      const inspected = await assay('inspect', 'FOLDER/reshape.onnx', '--bind', 'shape=FOLDER/shape.pb');
      expect(inspected.out).to.match(/^bound {2}shape: int64 \[2\] = 2 2$/m);
      const json = await assay('inspect', 'FOLDER/reshape.onnx', '--bind', 'shape=FOLDER/shape.pb', '--json');
      expect(JSON.parse(json.out).bound).to.deep.equal([
        { name: 'shape', onnxType: 'int64', shape: [2], values: [2, 2] },
      ]);
    });

    it('binds open dimensions', async () => {
      const { code, out } = await assay(
        'run',
        'FOLDER/open.onnx',
        '--dim',
        'batch=1',
        '--input',
        'x=FOLDER/y.npy',
      );
      expect(code).to.equal(0);
      expect(out).to.match(/y: float32 \[1, 4\]\n {2}1 0 3 0$/);
    });

    const inputFlags = ['--input', 'x:0=FOLDER/x.npy'];
    const mistakes: [string, string[], number, RegExp][] = [
      ['no model', [], 2, /missing required argument 'MODEL\.onnx'/],
      ['a missing model', ['FOLDER/none.onnx'], 1, /none\.onnx: there is no such file$/],
      ['a folder as model', ['FOLDER/folder'], 1, /folder: is a folder, not a file$/],
      ['a model that is none', ['FOLDER/text.npy'], 1, /text\.npy: /],
      ['a truncated model', ['FOLDER/truncated.onnx'], 1, /truncated\.onnx: /],
      ['an empty model', ['FOLDER/empty.onnx'], 1, /empty\.onnx: /],
      ['an operator that is not supported', ['FOLDER/unsupported.onnx'], 1, /"?odd"?.*NoSuchOperator/],
      ['no input', [M], 2, /add --input x:0=FILE \(f32 \[1, 40\]\)$/],
      ['an unknown input', [M, '--input', 'z=FOLDER/x.npy'], 1, /no such input; its inputs are "x:0"$/],
      [
        'a temperature without a text',
        [M, '--temperature', 'x'],
        2,
        /--temperature is about models that write/,
      ],
      ['a seed without a text', [M, '--seed', '0'], 2, /--seed is about models that write text: add --text$/],
      ['candidates without a text', [M, '--top-k', 'z'], 2, /--top-k is about models that write text/],
      ['a prompt without a text', [M, '--ask', 'z'], 2, /--ask is about models that write text: add --text$/],
      [
        'an input beside a text',
        [M, '--text', ...inputFlags],
        2,
        /--range and --input have no use with --text/,
      ],
      ['a range from above', [M, '--range', 'x:0=1..0'], 2, /the first number is the greater one$/],
      [
        'a folder that cannot be',
        [M, ...inputFlags, '--output-dir', '/proc/x'],
        1,
        /no folder can be made there$/,
      ],
      ['an input without a file', [M, '--input', 'x:0'], 2, /write it as name=FILE$/],
      ['a missing input file', [M, '--input', 'x:0=FOLDER/none.npy'], 1, /there is no such file$/],
      [
        'another shape',
        [M, '--input', 'x:0=FOLDER/shape.npy'],
        1,
        /shape \[40, 1\], input "x:0" takes \[1, 40\]; reshape it$/,
      ],
      [
        'another element type',
        [M, '--input', 'x:0=FOLDER/longs.npy'],
        1,
        /holds int64, the model takes float32/,
      ],
      [
        'a truncated input',
        [M, '--input', 'x:0=FOLDER/truncated.npy'],
        1,
        /is truncated: float32 \[1, 40\] takes 160 bytes/,
      ],
      ['text as input', [M, '--input', 'x:0=FOLDER/text.npy'], 1, /is not a \.npy file/],
      [
        'an unknown engine',
        [M, ...inputFlags, '--engine', 'warp'],
        2,
        /--engine warp: there is no such engine; there is wasm, webgpu, auto, reference$/,
      ],
      [
        'no threads',
        [M, ...inputFlags, '--threads', '0'],
        2,
        /--threads 0: write a whole number from 1 to 1024$/,
      ],
      [
        'too many checks',
        [M, ...inputFlags, '--spot-checks', '2'],
        2,
        /--spot-checks 2: write a number from 0 to 1$/,
      ],
      ['half a thread', [M, ...inputFlags, '--threads', '1.5'], 2, /--threads 1\.5: write a whole number/],
      ['an unknown format', [M, ...inputFlags, '--output-format', 'png'], 2, /choose npy or pb$/],
      ['a file as output folder', [M, ...inputFlags, '--output-dir', 'FOLDER/file'], 1, /file/],
      ['an unknown option', [M, '--frobnicate'], 2, /unknown option '--frobnicate'$/],
      ['an option without its value', [M, '--input'], 2, /argument missing/],
      [
        'an open dimension',
        ['FOLDER/open.onnx', '--input', 'x=FOLDER/y.npy'],
        1,
        /bind them with --dim batch=N$/,
      ],
      ['an unknown dimension', ['FOLDER/open.onnx', '--dim', 'banana=1'], 1, /banana/],
      ['an unbound shape', ['FOLDER/reshape.onnx'], 1, /fix it with --bind shape=FILE$/],
      [
        'an unknown input to bind',
        ['FOLDER/reshape.onnx', '--bind', 'z=FOLDER/shape.pb'],
        1,
        /--bind z=.*: the model has no such input; its inputs are "x", "shape"$/,
      ],
      [
        'an input bound twice',
        ['FOLDER/reshape.onnx', '--bind', 'shape=FOLDER/shape.pb', '--bind', 'shape=FOLDER/shape.pb'],
        2,
        /the input "shape" is given twice$/,
      ],
      [
        'a bound tensor of another shape',
        ['FOLDER/reshape.onnx', '--bind', 'x=FOLDER/x.npy'],
        1,
        /--bind "x": it has the shape \[1,40\], the input takes \[1,4\]$/,
      ],
      [
        'fractions bound to integers',
        ['FOLDER/reshape.onnx', '--bind', 'shape=FOLDER/halves.npy'],
        1,
        /--bind "shape": element 1 is 2\.5, which is no int64$/,
      ],
      [
        'a bound file that is missing',
        ['FOLDER/reshape.onnx', '--bind', 'shape=FOLDER/none.pb'],
        1,
        /no such file$/,
      ],
      ['--bind without a file', ['FOLDER/reshape.onnx', '--bind', 'shape'], 2, /write it as name=FILE$/],
      ['a dimension that is no number', ['FOLDER/open.onnx', '--dim', 'batch=x'], 2, /write it as name=N/],
      ['two models', [M, M], 2, /too many arguments/],
    ];
    for (const [what, args, code, message] of mistakes) {
      it(`refuses ${what} in one line`, async () => {
        const result = await assay('run', ...args);
        expect(result.err).to.match(message);
        expect(result.err).to.match(/^assay: [^\n]*$/);
        expect([result.code, result.out]).to.deep.equal([code, '']);
      });
    }
  });

  describe('rehearse', () => {
    const M = 'FOLDER/model.onnx';

    it('plays every node from both sides and prints what it cost as JSON', async () => {
      const { code, out, err } = await assay('rehearse', M, '--every-node', '--json');
      expect(code).to.equal(0);
      expect(err).to.match(/input "x:0" is random: f32 in -1 … 1, seed 1/);
      const report = JSON.parse(out);
      expect(report).to.include.all.keys('model', 'nodes', 'disputes');
      expect(report.disputes.length + report.harmless.length).to.equal(report.nodes);
      expect(report.harmless).to.deep.equal([]);
      for (const dispute of report.disputes) {
        expect(dispute).to.include.all.keys(
          'fault',
          'isolated',
          'claimantMoves',
          'transactions',
          'gas',
          'seconds',
          'winner',
        );
        expect(dispute.gas).to.have.all.keys('total', 'claimant', 'challenger', 'leaf');
        expect(dispute.gas.total).to.equal(dispute.gas.claimant + dispute.gas.challenger);
        expect(dispute.isolated).to.include({ node: dispute.fault.node, element: dispute.fault.element });
        expect(dispute.winner).to.equal('challenger');
      }
      for (const { winner } of report.falseChallenges) expect(winner).to.equal('claimant');
    });

    it('plays as many nodes as asked for, the same ones every time', async () => {
      const reports = await Promise.all(
        [1, 2].map(async () => {
          const { out, code } = await assay('rehearse', M, '--sample', '2', '--json');
          expect(code).to.equal(0);
          return JSON.parse(out);
        }),
      );
      const nodesOf = (report: { disputes: { fault: { node: number } }[] }) =>
        report.disputes.map(({ fault }) => fault.node);
      expect(new Set(nodesOf(reports[0])).size).to.equal(2);
      expect(nodesOf(reports[1])).to.deep.equal(nodesOf(reports[0]));
      expect(reports[0].falseChallenges).to.have.length(2);
      const both = await assay('rehearse', M, '--sample', '2', '--every-node');
      expect([both.code, both.err]).to.deep.equal([
        2,
        'assay: --sample and --every-node exclude each other; give one of them',
      ]);
      expect((await assay('rehearse', M, '--sample', '0')).code).to.equal(2);
    });

    it('draws inputs from their ranges', async () => {
      const { code, err } = await assay('rehearse', M, '--sample', '1', '--range', 'x:0=2..3', '--json');
      expect([code, err]).to.deep.equal([0, 'assay: input "x:0" is random: f32 in 2 … 3, seed 1']);
    });

    it('finds a lie at a node and element by name, and says so', async () => {
      const { code, out } = await assay('rehearse', M, '--input', 'x:0=FOLDER/x.npy', '--fault', '2:1');
      expect(code).to.equal(0);
      expect(out).to.match(/\n1 of 1 lies were found at exactly their place and lost\nat most: [\d,]+ gas/);
      expect(out).to.match(/\n {5}2 {8}1 /);
    });

    const mistakes: [string, string[], number, RegExp][] = [
      [
        'a node that is not there',
        ['--fault', '99'],
        1,
        /there is no such node; give an index from 0 to \d+/,
      ],
      ['a name that no node has', ['--fault', 'nothing'], 1, /there is no such node/],
      [
        'an element that is not there',
        ['--fault', '0:40'],
        1,
        /no such element in node 0; give one from 0 to 39$/,
      ],
      ['an element that is no number', ['--fault', '0:x'], 1, /no such element in node 0/],
      ['a negative node', ['--fault=-1'], 1, /there is no such node/],
      ['no fault after the option', ['--fault'], 2, /argument missing/],
      ['a missing input file', ['--input', 'x:0=FOLDER/none.npy'], 1, /there is no such file$/],
    ];
    for (const [what, args, code, message] of mistakes) {
      it(`refuses ${what} in one line`, async () => {
        const result = await assay('rehearse', M, ...args);
        expect(result.err).to.match(message);
        expect(result.err).to.match(/^assay: [^\n]*$/);
        expect([result.code, result.out]).to.deep.equal([code, '']);
      });
    }
  });

  describe('inspect', () => {
    it('prints what the engine makes of a node, pass by pass', async () => {
      const at = ['inspect', 'FOLDER/model.onnx', '--node', '2'];
      const { code, out } = await assay(...at, '--stages');
      expect(code).to.equal(0);
      expect(out).to.match(/^── lower\nfor i0 < 3\nfold k1 < 40$/m);
      expect(out).to.match(/^── narrow reads/m);
      const json = JSON.parse((await assay(...at, '--stages', '--json')).out);
      expect(json.stages.map(({ pass }: { pass: string }) => pass)).to.include('tile loops');
      const without = await assay(...at);
      expect([without.code, without.err]).to.deep.equal([2, 'assay: --node is about stages: add --stages']);
      const noNode = await assay('inspect', 'FOLDER/model.onnx', '--stages');
      expect([noNode.code, noNode.err]).to.deep.equal([
        2,
        'assay: --stages is about one node: name it by --node N, as `assay inspect` numbers it',
      ]);
      const input = await assay('inspect', 'FOLDER/model.onnx', '--stages', '--node', '0');
      expect(input.err).to.match(/model\.onnx: node 0 is no loop, so it has no stages$/);
    });

    it('bounds what a rehearsal then costs, node by node', async () => {
      const inspected = await assay('inspect', 'FOLDER/model.onnx', '--json');
      expect([inspected.code, inspected.err]).to.deep.equal([0, '']);
      const { model: id, nodes, totals } = JSON.parse(inspected.out);
      const rehearsed = JSON.parse(
        (await assay('rehearse', 'FOLDER/model.onnx', '--every-node', '--json')).out,
      );
      expect(rehearsed.model).to.equal(id);
      expect(nodes.length).to.equal(rehearsed.nodes);
      for (const { fault, claimantMoves, gas } of rehearsed.disputes) {
        const bound = nodes[fault.node];
        expect(claimantMoves, `the claimant's moves about node ${fault.node}`).to.equal(bound.claimantMoves);
        if (!bound.leaf) continue;
        expect(gas.leaf, `leaf of node ${fault.node}`).to.be.at.most(bound.leaf.gas);
        // A bound that says nothing about the cost would be none.
        expect(bound.leaf.gas, `bound of node ${fault.node}`).to.be.at.most(1.5 * gas.leaf);
      }
      expect(totals.nodes).to.equal(nodes.length);
      expect(totals.mostClaimantMoves).to.equal(
        Math.max(...rehearsed.disputes.map((one: { claimantMoves: number }) => one.claimantMoves)),
      );
    });

    it('shows ranges of inputs, which make another model', async () => {
      const plain = JSON.parse((await assay('inspect', 'FOLDER/model.onnx', '--json')).out);
      const ranged = await assay('inspect', 'FOLDER/model.onnx', '--json', '--range', 'x:0=-1..0.75');
      const { model: id, inputs } = JSON.parse(ranged.out);
      expect(inputs[0].range).to.deep.equal({ low: -1, high: 0.75 });
      expect(id).not.to.equal(plain.model);
      const told = await assay('inspect', 'FOLDER/model.onnx', '--range', 'x:0=-1..0.5');
      expect(told.out).to.match(/\ninput {2}x:0: float \[1, 40\], node 0, values -1 … 0\.5\n/);
      expect(told.out).not.to.contain(id);
      const wrong = await assay('inspect', 'FOLDER/model.onnx', '--range', 'y=0..1');
      expect([wrong.code, wrong.err]).to.deep.equal([
        1,
        `assay: ${at('model.onnx')}: --range "y": the model's inputs are "x:0"`,
      ]);
    });

    it('counts blocks and checkpoints without padding nodes, as a rehearsal does', async () => {
      const { nodes, totals } = JSON.parse((await assay('inspect', 'FOLDER/deep.onnx', '--json')).out);
      // 4 times 16 less the fillers: input and weights, 40 products; what is handed on is narrow, the output is not.
      expect(nodes.length).to.equal(42);
      expect(nodes.at(-1).node).to.be.above(42);
      expect(totals).to.include({ nodes: 42, blocks: 4, tensors: 40, checkpoints: 4 });
      expect(totals).to.include({ checkpointBytes: 3 * 8 + 32, tensorBytes: 36 * 32 + 4 * 8 });
      const told = (await assay('inspect', 'FOLDER/deep.onnx')).out;
      expect(told).to.contain('\n42 nodes, ');
      expect(told).to.contain(
        '\n4 blocks; the root of a trace commits to 4 of 40 tensors computed, 56 bytes\n',
      );
      expect(told).not.to.contain('end of block');
      const rehearsed = JSON.parse(
        (await assay('rehearse', 'FOLDER/deep.onnx', '--every-node', '--json')).out,
      );
      expect([rehearsed.nodes, rehearsed.harmless]).to.deep.equal([42, []]);
      expect(rehearsed.disputes.map((one: { fault: { node: number } }) => one.fault.node)).to.deep.equal(
        nodes.map(({ node }: { node: number }) => node),
      );
    }).timeout(120_000);

    it('lists shapes, folds, grains and what they are', async () => {
      const { code, out } = await assay('inspect', 'FOLDER/model.onnx');
      expect(code).to.equal(0);
      expect(out).to.match(
        /^model 0x[0-9a-f]{64}, instruction set \d+\ninput {2}x:0: float \[1, 40\], node 0\n/,
      );
      expect(out).to.match(/\n +2 {2}f32 .* 40 .*product/);
    });

    it('refuses a missing model and an unknown option in one line', async () => {
      const missing = await assay('inspect', 'FOLDER/none.onnx');
      expect(missing).to.deep.equal({
        code: 1,
        out: '',
        err: `assay: ${at('none.onnx')}: there is no such file`,
      });
      const unknown = await assay('inspect', 'FOLDER/model.onnx', '--fault', '1');
      expect(unknown).to.deep.equal({ code: 2, out: '', err: "assay: unknown option '--fault'" });
    });
  });

  it('says what there is for no command, and that an unknown one is unknown', async () => {
    const none = await assay();
    expect(none.code).to.equal(2);
    expect(none.err).to.match(/run .*\n.*inspect .*\n.*\n?.*rehearse/s);
    const unknown = await assay('juggle');
    expect([unknown.code, unknown.err]).to.deep.equal([2, "assay: unknown command 'juggle'"]);
    const help = await assay('run', '--help');
    expect(help.code).to.equal(0);
    expect(help.out).to.match(/--input <name=FILE>/);
  });

  it('gives outputs different file names whatever the model calls them', () => {
    expect(outputFiles(['a/b', 'a:b', 'A_b', '..', ''], 'npy')).to.deep.equal([
      'a_b.npy',
      'a_b_2.npy',
      'A_b_3.npy',
      '_.npy',
      '__2.npy',
    ]);
  });

  it('works as a process: result to stdout, exit code, nothing but the result', () => {
    const entry = join(import.meta.dirname, '../../src/cli/assay.mjs');
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [entry, ...args], { encoding: 'utf8', cwd: folder });
    const good = run('run', 'model.onnx', '--input', 'x:0=x.npy', '--json');
    expect([good.status, good.stderr]).to.deep.equal([0, '']);
    expect(JSON.parse(good.stdout).outputs).to.have.length(2);
    const bad = run('run', 'model.onnx');
    expect([bad.status, bad.stdout]).to.deep.equal([2, '']);
    expect(bad.stderr).to.match(/^assay: not every input is given; [^\n]*\n$/);
  });
});
