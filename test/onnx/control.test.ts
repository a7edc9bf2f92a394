import { expect } from 'chai';
import type { GraphSpec as InnerGraph } from '../../examples/onnx.ts';
import { ImportError, importOnnx } from '../../src/onnx/index.ts';
import {
  expectSameAsOnnxruntime,
  floats,
  type GraphSpec,
  modelBytes,
  type NodeSpec,
  node,
  noise,
  type Value,
  value,
} from '../support/onnx.ts';

/** Control flow that is resolved at import, and sequences that exist there only, against onnxruntime. */

const x = noise([2, 3]);
const condition = (is: boolean): Value => value('bool', [], [is ? 1 : 0]);
const number = (n: number): Value => value('int64', [], [n]);
const scalarFloat = { type: 'float', shape: [2, 3] } as const;
const bool = { type: 'bool', shape: [] } as const;
const int = { type: 'int64', shape: [] } as const;

const branch = (op: string, result: string, shape: readonly number[] = [2, 3]): InnerGraph => ({
  nodes: [node(op, ['x'], [result])],
  outputs: { [result]: { type: 'float', shape } },
});

/** One If over the outer `x`. */
const choice = (
  condition: Value,
  isConstant: boolean,
  then: InnerGraph,
  otherwise: InnerGraph,
): GraphSpec => ({
  inputs: isConstant ? { x } : { x, condition },
  constants: isConstant ? { condition } : {},
  nodes: [
    node('If', ['condition'], ['chosen'], {
      then_branch: { graph: then },
      else_branch: { graph: otherwise },
    }),
    node('Neg', ['chosen'], ['y']),
  ],
  outputs: ['y'],
});

describe('If', () => {
  for (const is of [true, false]) {
    it(`takes the branch of a condition that is known to be ${is}`, async () => {
      const model = await expectSameAsOnnxruntime(
        choice(condition(is), true, branch('Exp', 'a'), branch('Abs', 'b')),
      );
      expect(model.labels.join(), 'operators')
        .to.match(is ? /Exp/ : /Abs/)
        .and.not.to.match(is ? /Abs/ : /Exp/);
    });

    it(`computes both branches of a condition that depends on data, here ${is}`, async () => {
      const spec = choice(condition(is), false, branch('Exp', 'a'), branch('Abs', 'b'));
      const { notes } = await expectSameAsOnnxruntime(spec);
      expect(notes.join()).to.match(/\(If\): both branches are computed/);
    });
  }

  it('nests, and inner branches read names of all graphs around them', async () => {
    const inner: InnerGraph = {
      nodes: [node('Add', ['x', 'doubled'], ['sum'])],
      outputs: { sum: scalarFloat },
    };
    const outer: InnerGraph = {
      nodes: [
        node('Add', ['x', 'x'], ['doubled']),
        node('Size', ['x'], ['size']),
        node('Equal', ['size', 'six'], ['is']),
        node('If', ['is'], ['result'], {
          then_branch: { graph: inner },
          else_branch: { graph: branch('Abs', 'c') },
        }),
      ],
      constants: { six: number(6) },
      outputs: { result: scalarFloat },
    };
    await expectSameAsOnnxruntime(choice(condition(true), true, outer, branch('Abs', 'b')));
  });

  it('ignores what cannot run in a branch that is not taken, and its needs', () => {
    const spec = choice(condition(true), true, branch('Exp', 'a'), {
      nodes: [node('RandomUniformLike', ['unused'], ['b'])],
      outputs: { b: scalarFloat },
    });
    const nodes = [node('Frobnicate', ['x'], ['unused']), ...spec.nodes];
    expect(importOnnx(modelBytes({ ...spec, nodes })).outputs[0]?.shape).to.deep.equal([2, 3]);
    const other = { ...spec, nodes, constants: { condition: condition(false) } };
    expect(() => importOnnx(modelBytes(other))).to.throw(ImportError, /"unused" \(Frobnicate\)/);
  });

  it('refuses to decide between different shapes, and says what to bind', () => {
    const shrunk: InnerGraph = {
      nodes: [node('ReduceSum', ['x'], ['b'])],
      outputs: { b: { type: 'float', shape: [1, 1] } },
    };
    expect(() => importOnnx(modelBytes(choice(condition(true), false, branch('Exp', 'a'), shrunk)))).to.throw(
      /node "chosen" \(If\): the condition, which decides between different shapes.*--bind condition=FILE/,
    );
  });
});

/** v = body(v) with an output collected in each pass. */
const body = (nodes: readonly NodeSpec[], scans: InnerGraph['outputs'] = {}): InnerGraph => ({
  nodes,
  inputs: { i: int, before: bool, v: scalarFloat },
  constants: { two: floats([], [2]), limit: floats([], [20]) },
  outputs: { after: bool, next: scalarFloat, ...(scans as Record<string, typeof scalarFloat>) },
});

const loop = (
  graph: InnerGraph,
  trip: Value | undefined,
  condition: Value | undefined,
  outputs: string[],
): GraphSpec => ({
  inputs: { x },
  constants: { ...(trip ? { trip } : {}), ...(condition ? { condition } : {}) },
  nodes: [
    node('Loop', [trip ? 'trip' : '', condition ? 'condition' : '', 'x'], outputs, { body: { graph } }),
  ],
  outputs,
});

const multiply = [node('Mul', ['v', 'two'], ['next'])];
const goOn = [node('Identity', ['before'], ['after'])];

describe('Loop', () => {
  it('is unrolled with carried values and collected outputs', async () => {
    const graph = body([...multiply, ...goOn, node('Exp', ['next'], ['seen'])], { seen: scalarFloat });
    await expectSameAsOnnxruntime(loop(graph, number(3), condition(true), ['last', 'all']));
  });

  it('collects more than one loop can join', async () => {
    const graph = body([...multiply, ...goOn, node('Abs', ['next'], ['seen'])], { seen: scalarFloat });
    await expectSameAsOnnxruntime(loop(graph, number(11), undefined, ['last', 'all']));
  });

  it('ends where its condition folds to false', async () => {
    const graph = body([...multiply, node('Less', ['i', 'three'], ['after'])]);
    const counted = { ...graph, constants: { ...graph.constants, three: number(3) } };
    const model = await expectSameAsOnnxruntime(loop(counted, number(100), condition(true), ['last']));
    expect(model.program.nodes.length, 'nodes').to.be.below(8);
  });

  it('does not run at all for a trip count of 0 or a condition that is false', async () => {
    await expectSameAsOnnxruntime(loop(body([...multiply, ...goOn]), number(0), condition(true), ['last']));
    await expectSameAsOnnxruntime(loop(body([...multiply, ...goOn]), number(4), condition(false), ['last']));
  });

  it('keeps what a pass yields only while a condition on data holds', async () => {
    const graph = body([
      ...multiply,
      node('ReduceMax', ['next'], ['most'], { keepdims: 0 }),
      node('Less', ['most', 'limit'], ['after']),
    ]);
    for (const scale of [0.01, 3, 30]) {
      const spec = loop(graph, number(6), undefined, ['last']);
      await expectSameAsOnnxruntime({ ...spec, inputs: { x: noise([2, 3], 5, scale) } });
    }
  });

  it('refuses an unknown number of passes, and says what to bind', () => {
    const spec = loop(body([...multiply, ...goOn]), number(3), undefined, ['last']);
    const open = { ...spec, inputs: { x, trip: number(3) }, constants: {} };
    expect(() => importOnnx(modelBytes(open))).to.throw(/the trip count .* --bind trip=FILE/);
    const counted = body([
      ...multiply,
      node('ReduceMax', ['next'], ['most'], { keepdims: 0 }),
      node('Less', ['most', 'limit'], ['after']),
    ]);
    const whileLoop = loop(counted, value('int64', [], [2 ** 53]), undefined, ['last']);
    expect(() => importOnnx(modelBytes(whileLoop))).to.throw(/how often it runs .* --bind x=FILE/);
    const endless = loop(body([...multiply, ...goOn]), undefined, condition(true), ['last']);
    expect(() => importOnnx(modelBytes(endless))).to.throw(/\(Loop\): it runs more than 4096 times/);
  });

  it('bounds what nested loops unroll to', () => {
    const nested = (depth: number): InnerGraph => ({
      nodes: [
        ...(depth === 0
          ? [node('Neg', [`v${depth}`], [`next${depth}`])]
          : [
              node('Loop', ['trip', '', `v${depth}`], [`next${depth}`], {
                body: { graph: nested(depth - 1) },
              }),
            ]),
        node('Identity', [`before${depth}`], [`after${depth}`]),
      ],
      inputs: { [`i${depth}`]: int, [`before${depth}`]: bool, [`v${depth}`]: scalarFloat },
      outputs: { [`after${depth}`]: bool, [`next${depth}`]: scalarFloat },
    });
    const spec = loop(nested(6), number(1000), undefined, ['last']);
    expect(() => importOnnx(modelBytes(spec))).to.throw(/come to more than \d+ nodes/);
  });
});

describe('Scan', () => {
  const cumulative: InnerGraph = {
    nodes: [node('Add', ['sum', 'row'], ['total']), node('Exp', ['total'], ['seen'])],
    inputs: { sum: { type: 'float', shape: [3] }, row: { type: 'float', shape: [3] } },
    outputs: { total: { type: 'float', shape: [3] }, seen: { type: 'float', shape: [3] } },
  };
  const scan = (attributes = {}, rows = noise([4, 3], 2)): GraphSpec => ({
    inputs: { start: noise([3]), rows },
    nodes: [
      node('Scan', ['start', 'rows'], ['last', 'all'], {
        body: { graph: cumulative },
        num_scan_inputs: 1,
        ...attributes,
      }),
    ],
    outputs: ['last', 'all'],
  });

  it('is unrolled over the places of an axis', async () => {
    await expectSameAsOnnxruntime(scan());
  });

  it('runs backwards and along other axes', async () => {
    await expectSameAsOnnxruntime(
      scan(
        {
          scan_input_directions: [1],
          scan_output_directions: [1],
          scan_input_axes: [1],
          scan_output_axes: [-1],
        },
        noise([3, 4], 2),
      ),
    );
  });
});

describe('sequences that exist at import only', () => {
  const run = (nodes: readonly NodeSpec[], outputs: string[]) =>
    expectSameAsOnnxruntime({
      inputs: { x, w: noise([2, 3], 9), long: noise([7, 2], 4) },
      constants: { one: number(1), last: number(-1), size: number(3), sizes: value('int64', [2], [2, 5]) },
      nodes,
      outputs,
    });

  it('are built, changed and taken apart', async () => {
    await run(
      [
        node('SequenceConstruct', ['x', 'w'], ['s']),
        node('Neg', ['x'], ['n']),
        node('SequenceInsert', ['s', 'n', 'one'], ['t']),
        node('SequenceErase', ['t', 'last'], ['u']),
        node('SequenceAt', ['u', 'last'], ['y']),
        node('SequenceLength', ['u'], ['count']),
        node('ConcatFromSequence', ['t'], ['joined'], { axis: 1 }),
        node('ConcatFromSequence', ['t'], ['stacked'], { axis: -1, new_axis: 1 }),
      ],
      ['y', 'count', 'joined', 'stacked'],
    );
  });

  it('come from splits', async () => {
    await run(
      [
        node('SplitToSequence', ['long', 'size'], ['s']),
        node('SequenceAt', ['s', 'last'], ['rest']),
        node('SplitToSequence', ['long', 'sizes'], ['t']),
        node('SequenceAt', ['t', 'one'], ['five']),
        node('SplitToSequence', ['long'], ['u'], { keepdims: 0 }),
        node('SequenceAt', ['u', 'one'], ['row']),
        node('Identity', ['t'], ['v']),
        node('ConcatFromSequence', ['v'], ['whole'], { axis: 0 }),
      ],
      ['rest', 'five', 'row', 'whole'],
    );
  });

  it('cannot be outputs', () => {
    const spec = { inputs: { x }, nodes: [node('SequenceConstruct', ['x'], ['s'])], outputs: ['s'] };
    expect(() => importOnnx(modelBytes(spec))).to.throw(/output "s": only tensors can be outputs/);
    const read = { ...spec, nodes: [...spec.nodes, node('Neg', ['s'], ['y'])], outputs: ['y'] };
    expect(() => importOnnx(modelBytes(read))).to.throw(/"y" \(Neg\): input 0 is a sequence/);
  });
});
