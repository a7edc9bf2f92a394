import { expect } from 'chai';
import { type ImportOptions, importOnnx } from '../../src/onnx/index.ts';
import {
  expectSameAsOnnxruntime,
  type GraphSpec,
  integers,
  modelBytes,
  type NodeSpec,
  node,
  noise,
  type TypeName,
  type Value,
  value,
} from '../support/onnx.ts';

/** Positions, masks and buckets of language models as exporters write them: int64 from end to end, and all small. */

const CODE: Partial<Record<TypeName, number>> = { float: 1, int32: 6, int64: 7, bool: 9 };
const cast = (from: string, to: string, type: TypeName): NodeSpec =>
  node('Cast', [from], [to], { to: CODE[type]! });
const long = (...values: number[]): Value => value('int64', [values.length], values);
const number = (n: number): Value => value('int64', [], [n]);
const table = noise([40, 3], 5);

const ids = (type: TypeName): Value => value(type, [2, 6], [5, 9, 7, 31, 1, 1, 8, 2, 1, 1, 1, 1]);
const mask = (type: TypeName): Value => value(type, [2, 6], [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]);

async function runs(spec: GraphSpec, options: ImportOptions = {}): Promise<void> {
  await expectSameAsOnnxruntime({ opset: 14, ...spec }, options);
}

describe('positions of RoBERTa, XLM-R, CamemBERT and MPNet', () => {
  // create_position_ids_from_input_ids: cumsum(ids != pad) * (ids != pad) + pad
  for (const input of ['int64', 'int32'] as const) {
    for (const through of ['int32', 'int64'] as const) {
      for (const past of [0, 3]) {
        it(`run for ids of ${input} through ${through}, ${past} tokens after the first`, () =>
          runs({
            inputs: { ids: ids(input) },
            constants: {
              pad: value(input, [], [1]),
              offset: number(1),
              axis: number(1),
              past: value(through, [], [past]),
              table,
            },
            nodes: [
              node('Equal', ['ids', 'pad'], ['padded']),
              node('Not', ['padded'], ['held']),
              cast('held', 'mask', through),
              node('CumSum', ['mask', 'axis'], ['count']),
              node('Add', ['count', 'past'], ['later']),
              node('Mul', ['later', 'mask'], ['masked']),
              cast('masked', 'wide', 'int64'),
              node('Add', ['wide', 'offset'], ['positions']),
              node('Gather', ['table', 'positions'], ['y']),
            ],
            outputs: ['positions', 'y'],
          }));
      }
    }
  }
});

describe('positions from attention masks', () => {
  /** A mask of bool, or of integers whose range is given. */
  const masks: readonly [TypeName, ImportOptions][] = [
    ['bool', {}],
    ['int64', { ranges: { mask: { low: 0, high: 1 } } }],
    ['int32', { ranges: { mask: { low: 0, high: 1 } } }],
  ];
  for (const [type, options] of masks) {
    it(`run as in OPT, for a mask of ${type}: cumsum(mask) * mask - 1`, () =>
      runs(
        {
          inputs: { mask: mask(type) },
          constants: { axis: number(1), one: number(1), two: number(2), table },
          nodes: [
            cast('mask', 'wide', 'int64'),
            node('CumSum', ['wide', 'axis'], ['count']),
            node('Mul', ['count', 'wide'], ['held']),
            node('Sub', ['held', 'one'], ['index']),
            node('Add', ['index', 'two'], ['positions']),
            node('Gather', ['table', 'positions'], ['y']),
          ],
          outputs: ['positions', 'y'],
        },
        options,
      ));

    it(`run as in GPT-2, for a mask of ${type}: cumsum(mask) - 1, and 1 where nothing is`, () =>
      runs(
        {
          inputs: { mask: mask(type) },
          constants: { axis: number(-1), one: number(1), zero: number(0), table },
          nodes: [
            cast('mask', 'wide', 'int64'),
            node('CumSum', ['wide', 'axis'], ['count']),
            node('Sub', ['count', 'one'], ['index']),
            node('Equal', ['wide', 'zero'], ['hidden']),
            node('Where', ['hidden', 'one', 'index'], ['positions']),
            node('Gather', ['table', 'positions'], ['y']),
          ],
          outputs: ['positions', 'y'],
        },
        options,
      ));
  }

  it('of int64 without a range say which one to give', () => {
    const spec: GraphSpec = {
      inputs: { mask: mask('int64') },
      constants: { axis: number(1) },
      nodes: [node('CumSum', ['mask', 'axis'], ['y'])],
      outputs: ['y'],
      opset: 14,
    };
    expect(() => importOnnx(modelBytes(spec))).to.throw(/"y" \(CumSum\).*--range mask=LOW\.\.HIGH/);
  });

  it('run as in Longformer: padded to whole windows, and masks of two kinds joined', () =>
    runs(
      {
        inputs: { ids: ids('int64'), mask: mask('int64'), whole: mask('int64') },
        constants: { pads: long(0, 0, 0, 2), pad: number(1), one: number(1), none: number(0), table },
        nodes: [
          node('Pad', ['ids', 'pads', 'pad'], ['padded']),
          node('Add', ['whole', 'one'], ['kind']),
          node('Mul', ['mask', 'kind'], ['joined']),
          node('Pad', ['joined', 'pads', 'none'], ['y']),
          node('Sub', ['padded', 'one'], ['shifted']),
          node('Gather', ['table', 'shifted'], ['z']),
        ],
        outputs: ['y', 'z'],
      },
      { ranges: { mask: { low: 0, high: 1 }, whole: { low: 0, high: 1 } } },
    ));
});

describe('relative positions', () => {
  /** Differences between positions that are an input. */
  const relative: readonly NodeSpec[] = [
    node('Unsqueeze', ['positions', 'last'], ['column']),
    node('Unsqueeze', ['positions', 'first'], ['row']),
    node('Sub', ['row', 'column'], ['relative']),
  ];
  const positions = value('int64', [7], [0, 1, 2, 3, 40, 90, 127]);
  const common = { last: long(1), first: long(0), zero: number(0) };
  const options: ImportOptions = { ranges: { positions: { low: 0, high: 511 } } };

  it('go into buckets as in T5', () =>
    runs(
      {
        inputs: { positions },
        constants: {
          ...common,
          near: number(16),
          half: number(8),
          most: number(15),
          exact: value('float', [], [8]),
          by: value('float', [], [8 / Math.log(16)]),
          table,
        },
        nodes: [
          ...relative,
          node('Greater', ['relative', 'zero'], ['isLater']),
          cast('isLater', 'later', 'int64'),
          node('Mul', ['later', 'near'], ['base']),
          node('Abs', ['relative'], ['distance']),
          node('Less', ['distance', 'half'], ['isNear']),
          cast('distance', 'float', 'float'),
          node('Div', ['float', 'exact'], ['ratio']),
          node('Log', ['ratio'], ['log']),
          node('Mul', ['log', 'by'], ['scaled']),
          cast('scaled', 'whole', 'int64'),
          node('Add', ['whole', 'half'], ['far']),
          node('Min', ['far', 'most'], ['capped']),
          node('Where', ['isNear', 'distance', 'capped'], ['bucket']),
          node('Add', ['base', 'bucket'], ['index']),
          node('Gather', ['table', 'index'], ['y']),
        ],
        outputs: ['index', 'y'],
      },
      options,
    ));

  it('go into logarithmic buckets as in DeBERTa, where positions are known', () =>
    runs({
      inputs: { x: noise([64, 3], 6) },
      constants: {
        positions,
        ...common,
        middle: number(16),
        span: number(32),
        least: number(0),
        most: number(63),
        one: value('float', [], [15]),
        mid: value('float', [], [16]),
        by: value('float', [], [15 / Math.log(511 / 16)]),
      },
      nodes: [
        ...relative,
        node('Sign', ['relative'], ['sign']),
        node('Abs', ['relative'], ['distance']),
        cast('distance', 'float', 'float'),
        node('Div', ['float', 'mid'], ['ratio']),
        node('Log', ['ratio'], ['log']),
        node('Mul', ['log', 'by'], ['scaled']),
        node('Ceil', ['scaled'], ['ceiling']),
        cast('ceiling', 'whole', 'int64'),
        node('Add', ['whole', 'middle'], ['far']),
        node('Mul', ['far', 'sign'], ['signed']),
        node('LessOrEqual', ['distance', 'middle'], ['isNear']),
        node('Where', ['isNear', 'relative', 'signed'], ['bucket']),
        node('Add', ['bucket', 'span'], ['shifted']),
        node('Clip', ['shifted', 'least', 'most'], ['index']),
        node('Gather', ['x', 'index'], ['y']),
      ],
      outputs: ['y'],
    }));
});

describe('int64 inputs that are not bounded', () => {
  const offset = (op: string, by: number): GraphSpec => ({
    inputs: { ids: integers('int64', [1, 5], 1, 7) },
    constants: { by: long(by), table },
    nodes: [node(op, ['ids', 'by'], ['i']), node('Gather', ['table', 'i'], ['y'])],
    outputs: ['y'],
    opset: 14,
  });
  for (const [op, by] of [
    ['Sub', 1],
    ['Add', 2],
    ['Sub', 60_000],
    ['Add', 60_000],
  ] as const) {
    it(`run with ${op} ${by}`, () => {
      const model = importOnnx(modelBytes(offset(op, by)));
      expect(model.inputs[0]?.range).to.deep.equal({ low: -(2 ** 31) + 65_536, high: 2 ** 31 - 1 - 65_536 });
      expect(model.notes.join('\n')).to.match(
        /"ids" of type int64 takes -2147418112\.\.2147418111.*--range ids/,
      );
      return by > 7 ? undefined : runs(offset(op, by));
    });
  }

  it('keep all of int32 where nothing that is computed from them may leave it', () => {
    const { inputs, notes } = importOnnx(modelBytes(offset('Mod', 7)));
    expect(inputs[0]).not.to.have.property('range');
    expect(notes.join()).not.to.match(/takes/);
  });

  it('are refused where more than an offset is computed, with the range to give', () => {
    const bytes = modelBytes(offset('Mul', 3));
    expect(() => importOnnx(bytes)).to.throw(/may not fit int32.*--range ids=LOW\.\.HIGH/);
    expect(importOnnx(bytes, { ranges: { ids: { low: 0, high: 50_264 } } }).inputs[0]?.range).to.deep.equal({
      low: 0,
      high: 50_264,
    });
  });

  it('are wide enough halved, taken the remainder of, or negated twice', async () => {
    for (const op of ['Div', 'Mod']) {
      await runs({
        inputs: { x: value('int64', [4], [7, -7, 2_147_483_647, -2_147_483_648]) },
        constants: { by: long(2), one: long(1) },
        nodes: [node(op, ['x', 'by'], ['half']), node('Add', ['half', 'one'], ['y'])],
        outputs: ['y'],
      });
    }
  });
});
