import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import onnxProto, { type onnx } from 'onnx-proto';
import { operatorVersions } from '../../src/onnx/frontend/interface.ts';
import { ensureWrittenFor, lowerNode } from '../../src/onnx/frontend/node.ts';
import { ImportError, importOnnx } from '../../src/onnx/index.ts';
import { LOWERINGS } from '../../src/onnx/operators/index.ts';
import { WRITTEN_FOR } from '../../src/onnx/operators/versions.ts';
import type { GraphNode } from '../../src/onnx/read/graph.ts';
import { NEWEST_IR_VERSION, NEWEST_VERSIONS, SCHEMAS } from '../../src/onnx/read/schemas.ts';
import { Builder } from '../../src/onnx/tensors/builder.ts';
import { Narrowing } from '../../src/onnx/tensors/narrowing.ts';
import { floats, type GraphSpec, modelBytes, node, noise, single, value } from '../support/onnx.ts';

/**
 * Nothing about a node is ignored: an attribute, an input or a version that its lowering was not written for is
 * refused. Each case of `expectSameAsOnnxruntime` tries an invented attribute, too.
 */

const refusal = (spec: GraphSpec, options = {}): string => {
  try {
    importOnnx(modelBytes(spec), options);
  } catch (error) {
    expect(error).to.be.instanceOf(ImportError);
    return (error as Error).message;
  }
  return 'not refused';
};

const x = noise([2, 4, 4, 4]);
const pair = floats([2], [1, 2]);

/** Operators with a lowering that ONNX defines, as `[name, domain, operator]`. */
const defined = [...LOWERINGS.keys()]
  .filter((name) => name in SCHEMAS)
  .map((name) => {
    const dot = name.lastIndexOf('.');
    return [name, name.slice(0, Math.max(0, dot)), name.slice(dot + 1)] as const;
  });

describe('a node is refused for', () => {
  const builder = new Builder(0);
  const around = {
    builder,
    narrowing: new Narrowing(builder, 'round'),
    uses: () => 1,
    run: () => [],
    note: () => undefined,
    isCertain: true,
  };

  it('an attribute that no version of its operator has, whichever operator', () => {
    for (const [name, domain, operator] of defined) {
      for (const { since } of operatorVersions(name)) {
        const invented: GraphNode = {
          operator,
          domain,
          name: 'one',
          inputs: [],
          outputs: ['y'],
          attributes: new Map([['invented', { kind: 'int', value: 1 }]]),
        };
        expect(() => lowerNode(invented, since, [], around), `${name} ${since}`).to.throw(
          `version ${since} of this operator has no attribute "invented"`,
        );
      }
    }
  });

  it('an input or output more than its operator has, whichever operator', () => {
    for (const [name, domain, operator] of defined) {
      for (const { since, inputs, outputs } of operatorVersions(name)) {
        const namesOf = (count: number) => Array.from({ length: count }, (_, i) => `x${i}`);
        const tried = (inputCount: number, yielded: number) => () => {
          const one = {
            operator,
            domain,
            name: 'one',
            inputs: namesOf(inputCount),
            outputs: namesOf(yielded),
          };
          lowerNode({ ...one, attributes: new Map() }, since, [], around);
        };
        if (Number.isFinite(inputs))
          expect(tried(inputs + 1, 1), name).to.throw(`it has ${inputs + 1} inputs`);
        if (Number.isFinite(outputs)) {
          expect(tried(0, outputs + 1), name).to.throw(`it has ${outputs + 1} outputs`);
        }
      }
    }
  });

  it('a version newer than the one that its lowering was written for', () => {
    expect(() => ensureWrittenFor(14, 14)).not.to.throw();
    expect(() => ensureWrittenFor(15, 14)).to.throw('version 15 of this operator is not supported');
    expect(() => ensureWrittenFor(1, undefined)).to.throw('versions.ts names no version of this operator');
  });

  it('an attribute of another version, which means nothing in its own', () => {
    const axes = value('int64', [1], [1]);
    expect(refusal(single('ReduceSum', [x, axes], { attributes: { axes: [1] }, opset: 13, constants: [1] })))
      .to.contain('node "the_ReduceSum" (ReduceSum): version 13')
      .and.contain('no attribute "axes"');
    expect(
      refusal(single('SpaceToDepth', [x], { attributes: { blocksize: 2, mode: 'CRD' }, opset: 13 })),
    ).to.contain('version 13 of this operator has no attribute "mode"');
  });

  it('an attribute of an operator of onnxruntime', () => {
    const gelu = single('Gelu', [x], { domain: 'com.microsoft', attributes: { approximate: 'tanh' } });
    expect(refusal(gelu)).to.contain('(com.microsoft.Gelu): its attribute "approximate" is not supported');
  });

  it('an attribute of an operator of onnxruntime with an unsupported value', () => {
    const [q, lengths, total] = [noise([1, 2, 8]), value('int32', [1], [1]), value('int32', [1], [2])];
    const spec = (attributes: Record<string, number | string>) =>
      single('GroupQueryAttention', [q, q, q, undefined, undefined, lengths, total], {
        domain: 'com.microsoft',
        attributes: { num_heads: 2, kv_num_heads: 2, ...attributes },
        constants: [5, 6],
        outputs: 3,
      });
    expect(refusal(spec({}))).to.equal('not refused');
    expect(refusal(spec({ smooth_softmax: 1 }))).to.contain('smooth_softmax "1" is not supported; 0 is');
    expect(refusal(spec({ causal: 0 }))).to.contain('causal "0" is not supported; 1 is');
    expect(refusal(spec({ k_quant_type: 'PER_TENSOR' }))).to.contain('k_quant_type "PER_TENSOR" is not');
  });

  it('an input of an operator of onnxruntime', () => {
    const more = single('FusedMatMul', [noise([2, 2]), noise([2, 2]), pair], { domain: 'com.microsoft' });
    expect(refusal(more)).to.contain('its input 2 ("x2") is not supported');
  });

  it('a value of an attribute of which one value alone is supported', () => {
    for (const stash of [10, 16]) {
      const spec = single('LayerNormalization', [x, floats([4], [1, 1, 1, 1])], {
        attributes: { stash_type: stash },
      });
      expect(refusal(spec)).to.contain(`stash_type ${stash} is not supported`);
    }
  });

  it('an attribute in a branch, in the body of a loop and in a function', () => {
    const relu = node('Relu', ['x'], ['r'], { invented: 1 });
    const body = (inputs: GraphSpec['inputs']) => ({ graph: { nodes: [relu], inputs, outputs: ['r'] } });
    const branch: GraphSpec = {
      nodes: [node('If', ['c'], ['y'], { then_branch: body({}), else_branch: body({}) })],
      inputs: { x: pair, c: value('bool', [], [1]) },
      outputs: ['y'],
    };
    expect(refusal(branch)).to.contain('no attribute "invented"');
    const scan: GraphSpec = {
      nodes: [node('Scan', ['z'], ['y'], { num_scan_inputs: 1, body: body({ x: floats([], []) }) })],
      inputs: { z: pair },
      outputs: ['y'],
    };
    expect(refusal(scan)).to.contain('no attribute "invented"');
    const call: GraphSpec = {
      functions: [{ name: 'F', domain: 'own', inputs: ['x'], outputs: ['r'], nodes: [relu], opset: 17 }],
      nodes: [node('F', ['z'], ['y'], {}, 'own')],
      inputs: { z: pair },
      outputs: ['y'],
    };
    expect(refusal(call)).to.contain('no attribute "invented"');
  });

  it('an attribute or an input that the function it calls does not have', () => {
    const call = (inputs: string[], attributes: Record<string, number>): GraphSpec => ({
      functions: [
        {
          name: 'F',
          domain: 'own',
          inputs: ['x'],
          outputs: ['r'],
          nodes: [node('Relu', ['x'], ['r'])],
          opset: 17,
        },
      ],
      nodes: [node('F', inputs, ['y'], attributes, 'own')],
      inputs: { z: pair },
      outputs: ['y'],
    });
    expect(refusal(call(['z'], {}))).to.equal('not refused');
    expect(refusal(call(['z'], { alpha: 1 }))).to.contain('has no attribute "alpha"');
    expect(refusal(call(['z', 'z'], {}))).to.contain('it has 2 inputs, and the function that it calls 1');
  });

  it('pads that are not those of auto_pad', () => {
    const pool = (pads: number[]): GraphSpec =>
      single('MaxPool', [x], { attributes: { kernel_shape: [3, 3], auto_pad: 'SAME_UPPER', pads } });
    expect(refusal(pool([2, 2, 0, 0]))).to.contain('pads [2,2,0,0] are not those of auto_pad');
    for (const same of [
      [1, 1, 1, 1],
      [0, 0, 0, 0],
    ])
      expect(refusal(pool(same))).to.equal('not refused');
  });
});

describe('a file is refused for', () => {
  const { ModelProto, AttributeProto } = onnxProto.onnx;
  const model = (change: (graph: onnx.IGraphProto, file: onnx.IModelProto) => void): string => {
    const elu = single('Elu', [pair], { attributes: { alpha: { float: 2 } } });
    const file = ModelProto.toObject(ModelProto.decode(modelBytes(elu))) as onnx.IModelProto;
    change(file.graph as onnx.IGraphProto, file);
    try {
      importOnnx(ModelProto.encode(ModelProto.fromObject(file)).finish());
    } catch (error) {
      expect(error).to.be.instanceOf(ImportError);
      return (error as Error).message;
    }
    return 'not refused';
  };
  const { FLOAT } = AttributeProto.AttributeType;

  it('two attributes of one name, of which one would be ignored', () => {
    expect(model(() => undefined)).to.equal('not refused');
    const twice = model(({ node: nodes }) =>
      nodes![0]!.attribute!.push({ name: 'alpha', type: FLOAT, f: 3 }),
    );
    expect(twice).to.contain('node "the_Elu" (Elu): its attribute "alpha" is there twice');
  });

  it('an attribute that holds another kind of value than it says', () => {
    const other = model(({ node: nodes }) => {
      nodes![0]!.attribute = [{ name: 'alpha', type: FLOAT, i: 3 }];
    });
    expect(other).to.contain('"alpha" says that it holds "f", and holds "i"');
  });

  it('two versions of one set of operators', () => {
    const two = model((_, file) => file.opsetImport!.push({ domain: 'ai.onnx', version: 9 }));
    expect(two).to.contain('imported in versions 17 and 9');
    const same = model((_, file) => file.opsetImport!.push({ domain: 'ai.onnx', version: 17 }));
    expect(same).to.equal('not refused');
  });

  it('two initializers of one name', () => {
    const tensor = { name: 'w', dims: [1], dataType: 1, floatData: [1] };
    const twice = model((graph) => {
      graph.initializer = [tensor, { ...tensor, floatData: [2] }];
    });
    expect(twice).to.contain('initializer "w": the file has two of them');
  });

  it('a field that the format did not have when this was written', () => {
    // Field 100 of NodeProto with the number 1, in a file of one node.
    const bytesOf = (node: number[]) =>
      Uint8Array.from([...[0x08, 0x08], ...[0x3a, node.length + 2], ...[0x0a, node.length], ...node]);
    expect(() => importOnnx(bytesOf([0xa0, 0x06, 0x01]))).to.throw(ImportError, /a node has a field 100/);
  });
});

describe('versions', () => {
  it('of a domain that are newer than known are refused where it is used', () => {
    const spec = { ...single('Binarizer', [pair], { domain: 'ai.onnx.ml' }), domains: { 'ai.onnx.ml': 6 } };
    expect(refusal(spec)).to.contain('version 6 of the operators of ai.onnx.ml is newer than 5');
    const microsoft = single('Gelu', [pair], { domain: 'com.microsoft', domains: { 'com.microsoft': 2 } });
    expect(refusal(microsoft)).to.contain('version 2 of the operators of com.microsoft is newer than 1');
  });

  it('of the file format that are newer than known are refused', () => {
    const model = onnxProto.onnx.ModelProto.decode(modelBytes(single('Relu', [pair])));
    const bytesOf = (irVersion: number) =>
      onnxProto.onnx.ModelProto.encode({ ...model, irVersion } as typeof model).finish();
    expect(() => importOnnx(bytesOf(NEWEST_IR_VERSION))).not.to.throw();
    expect(() => importOnnx(bytesOf(NEWEST_IR_VERSION + 1))).to.throw(
      ImportError,
      /file format is newer than/,
    );
  });

  it('that lowerings were written for are the newest ones, for every operator', () => {
    const behind = defined.flatMap(([name]) => {
      const newest = operatorVersions(name).at(-1)?.since;
      return WRITTEN_FOR.get(name) === newest ? [] : [`${name} ${newest}`];
    });
    expect(behind).to.deep.equal([]);
    expect([...WRITTEN_FOR.keys()].filter((name) => !LOWERINGS.has(name))).to.deep.equal([]);
    expect(NEWEST_VERSIONS['']).to.equal(28);
  });
});

it('every attribute of an operator is asked for by a lowering, or named here', () => {
  const folder = join(import.meta.dirname, '../../src/onnx');
  const source = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /^(operators|frontend)\b.*\.ts$/.test(file) && !/versions/.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
  const named = new Set(source.match(/\w+/g));
  // Names made of a kind and a suffix, such as `${kind}_weights`.
  const suffixes = [...source.matchAll(/\$\{\w+\}(_\w+)/g)].map(([, suffix]) => suffix as string);
  const isNamed = (name: string) => named.has(name) || suffixes.some((suffix) => name.endsWith(suffix));
  const missing = new Set<string>();
  for (const [name] of defined) {
    for (const { attributes } of operatorVersions(name)) {
      for (const attribute of attributes) if (!isNamed(attribute)) missing.add(`${name}.${attribute}`);
    }
  }
  // Refused: no program holds strings.
  const strings = /^(Constant\.value_strings?|TfIdfVectorizer\.pool_strings|.*\.(cats|classes)_strings)$/;
  expect([...missing].filter((name) => !strings.test(name))).to.deep.equal([]);
});
