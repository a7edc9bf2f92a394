import { sizeOf } from '../../src/program/node.ts';
import {
  expectSameAsOnnxruntime,
  type GraphSpec,
  type NodeSpec,
  noise,
  type Value,
  value,
} from '../support/onnx.ts';

/**
 * Random graphs of operators that rename, move, combine and reduce elements: what fusing, index arithmetic and
 * layout could get wrong together.
 */

const GRAPHS = process.env.ASSAY_LONG ? 3000 : 120;

class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed * 2654435761 + 12345) >>> 0;
  }
  /** 0 … sides - 1 */
  roll(sides: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * sides);
  }
  pick<T>(from: readonly T[]): T {
    return from[this.roll(from.length)] as T;
  }
  shuffled<T>(from: readonly T[]): T[] {
    const rest = [...from];
    return from.map(() => rest.splice(this.roll(rest.length), 1)[0] as T);
  }
}

interface Known {
  readonly name: string;
  readonly shape: readonly number[];
}

const list = (values: readonly number[]): Value => value('int64', [values.length], values);

function randomGraph(seed: number): GraphSpec {
  const dice = new Dice(seed);
  const shapes = [[2, 3, 4], [1, 4, 5, 6], [6, 4], [1, 3, 4, 4], [12], [2, 1, 6]];
  const inputs: Record<string, Value> = {};
  const constants: Record<string, Value> = {};
  const nodes: NodeSpec[] = [];
  const tensors: Known[] = [];
  const input = (shape: readonly number[]): Known => {
    const input = { name: `x${Object.keys(inputs).length}`, shape };
    inputs[input.name] = noise(shape, seed + tensors.length);
    tensors.push(input);
    return input;
  };
  const constant = (tensor: Value): string => {
    const name = `c${Object.keys(constants).length}`;
    constants[name] = tensor;
    return name;
  };
  const emit = (
    op: string,
    from: readonly string[],
    shape: readonly number[],
    attributes: NodeSpec['attributes'] = {},
  ): void => {
    const name = `v${nodes.length}`;
    nodes.push({ op, inputs: from, outputs: [name], attributes });
    tensors.push({ name, shape });
  };
  input(dice.pick(shapes));
  const steps = 3 + dice.roll(8);
  while (nodes.length < steps) {
    // Mostly the latest values, so that chains grow.
    const x = tensors[Math.max(0, tensors.length - 1 - dice.roll(3))] as Known;
    const { shape } = x;
    const rank = shape.length;
    switch (dice.roll(13)) {
      case 0:
        emit(dice.pick(['Relu', 'Abs', 'Neg', 'Tanh', 'Sigmoid']), [x.name], shape);
        break;
      case 1: {
        const same = tensors.filter((other) => `${other.shape}` === `${shape}`);
        emit(dice.pick(['Add', 'Mul', 'Sub', 'Max']), [x.name, dice.pick(same).name], shape);
        break;
      }
      case 2: {
        // A broadcast operand with some dimensions of one.
        const part = shape.map((extent) => (dice.roll(2) ? extent : 1)).slice(dice.roll(rank));
        const other = dice.roll(2) ? input(part).name : constant(noise(part, seed + 7));
        emit(dice.pick(['Add', 'Mul']), dice.roll(2) ? [x.name, other] : [other, x.name], shape);
        break;
      }
      case 3: {
        const perm = dice.shuffled([...shape.keys()]);
        emit(
          'Transpose',
          [x.name],
          perm.map((i) => shape[i] as number),
          { perm },
        );
        break;
      }
      case 4: {
        let rest = sizeOf(shape);
        const made: number[] = [];
        while (rest > 1 && made.length < 4) {
          const factors = Array.from({ length: rest }, (_, i) => i + 1).filter((i) => rest % i === 0);
          const extent = dice.pick(factors);
          made.push(extent);
          rest /= extent;
        }
        if (rest > 1 || made.length === 0) made.push(rest);
        emit('Reshape', [x.name, constant(list(made))], made);
        break;
      }
      case 5: {
        const axis = dice.roll(rank);
        const extent = shape[axis] as number;
        const start = dice.roll(extent);
        const back = dice.roll(3) === 0;
        const count = back ? start + 1 : extent - start;
        const step = 1 + dice.roll(2);
        const ends = back ? -(2 ** 40) : 2 ** 40;
        const from = [[start], [ends], [axis], [back ? -step : step]].map((one) => constant(list(one)));
        emit(
          'Slice',
          [x.name, ...from],
          shape.map((size, i) => (i === axis ? Math.ceil(count / step) : size)),
        );
        break;
      }
      case 6: {
        const axis = dice.roll(rank);
        const keep = dice.roll(2);
        const reducedShape = keep
          ? shape.map((size, i) => (i === axis ? 1 : size))
          : shape.filter((_, i) => i !== axis);
        if (reducedShape.length === 0) break;
        emit(dice.pick(['ReduceMax', 'ReduceMean', 'ReduceMin']), [x.name], reducedShape, {
          axes: [axis],
          keepdims: keep,
        });
        break;
      }
      case 7: {
        const axis = dice.roll(rank);
        const same = tensors.filter((other) => `${other.shape}` === `${shape}`);
        emit(
          'Concat',
          [x.name, dice.pick(same).name],
          shape.map((size, i) => (i === axis ? 2 * size : size)),
          { axis },
        );
        break;
      }
      case 8: {
        const pads = [...shape, ...shape].map(() => dice.roll(2));
        const fill = constant(value('float', [], [dice.roll(2) ? 1.5 : 0]));
        emit(
          'Pad',
          [x.name, constant(list(pads)), fill],
          shape.map((size, i) => size + pads[i]! + pads[rank + i]!),
        );
        break;
      }
      case 9: {
        if (rank < 2) break;
        const columns = 1 + dice.roll(4);
        const depth = shape.at(-1) as number;
        emit(
          'MatMul',
          [x.name, constant(noise([depth, columns], seed + 3))],
          [...shape.slice(0, -1), columns],
        );
        break;
      }
      case 10: {
        if (rank !== 4 || shape[2]! < 3 || shape[3]! < 3) break;
        const filters = 1 + dice.roll(4);
        const weights = constant(noise([filters, shape[1]!, 3, 3], seed + 4, 0.5));
        const stride = 1 + dice.roll(2);
        const out = (extent: number) => Math.floor((extent + 2 - 3) / stride) + 1;
        emit('Conv', [x.name, weights], [shape[0]!, filters, out(shape[2]!), out(shape[3]!)], {
          pads: [1, 1, 1, 1],
          strides: [stride, stride],
        });
        break;
      }
      case 11: {
        if (rank !== 4 || shape[2]! < 2 || shape[3]! < 2) break;
        emit('MaxPool', [x.name], [shape[0]!, shape[1]!, shape[2]! - 1, shape[3]! - 1], {
          kernel_shape: [2, 2],
        });
        break;
      }
      default:
        emit('Softmax', [x.name], shape, { axis: dice.roll(rank) });
    }
    if (sizeOf((tensors.at(-1) as Known).shape) > 4000) break;
  }
  const last = tensors.filter(({ name }) => name.startsWith('v'));
  const outputs = [...new Set([last.at(-1)!.name, dice.pick(last).name])];
  return { nodes, inputs, constants, outputs };
}

describe('random graphs', function () {
  this.timeout(600_000);
  it(`${GRAPHS} of them agree with onnxruntime`, async () => {
    for (let seed = 1; seed <= GRAPHS; seed++) {
      const spec = randomGraph(seed);
      try {
        await expectSameAsOnnxruntime(spec, { absolute: 1e-4 });
      } catch (error) {
        const nodes = spec.nodes.map(
          ({ op, inputs, outputs, attributes }) =>
            `${outputs} = ${op}(${inputs}) ${JSON.stringify(attributes)}`,
        );
        throw new Error(`seed ${seed}: ${(error as Error).message}\n${nodes.join('\n')}`, { cause: error });
      }
    }
  });
});
