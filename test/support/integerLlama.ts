import { FUNCTIONS } from '../../src/onnx/functions/index.ts';
import type { Expression } from '../../src/onnx/ir/expression.ts';
import { BLOCK, type FloatMatrix } from '../../src/text/floatMatrix.ts';
import type { LayerBias, LayerNorm, LayerWeight, LlamaShape, LlamaWeights } from '../../src/text/llama.ts';
import { ARGUMENT, compileScalar } from './scalarFunction.ts';

/**
 * A transformer of the Llama family in loops over its numbers, with matrices in 8 or in 4 bits: products are sums of
 * integers, all else is float32, each operation rounded and each sum in the order of its index. It takes e^x and the
 * sigmoid from the compiler, since their last bits are a matter of definition, and writes token by token with a cache.
 */
export class IntegerLlama {
  readonly #shape: LlamaShape;
  readonly #tokens: Bytes;
  readonly #layers: readonly Layer[];
  readonly #norm: ArrayLike<number>;
  readonly #logits: Product;
  /** Keys and values of the tokens so far, by layer. */
  readonly #past: { keys: Float32Array[]; values: Float32Array[] }[];
  #last: Float32Array = new Float32Array();

  constructor(shape: LlamaShape, weights: LlamaWeights, form: 'int8' | 'int4') {
    this.#shape = shape;
    this.#tokens = inBytes(weights.whole('tokens'));
    this.#layers = Array.from({ length: shape.layers }, (_, layer): Layer => {
      const matrix = (name: LayerWeight): Product => productOf(weights.layer(layer, name), form);
      const vector = (name: LayerNorm | LayerBias) => weights.layer(layer, name).values;
      return {
        attentionNorm: vector('attention norm'),
        query: matrix('query'),
        key: matrix('key'),
        value: matrix('value'),
        biases: shape.biased
          ? { query: vector('query bias'), key: vector('key bias'), value: vector('value bias') }
          : undefined,
        output: matrix('output'),
        forwardNorm: vector('forward norm'),
        gate: matrix('gate'),
        up: matrix('up'),
        down: matrix('down'),
      };
    });
    this.#norm = weights.whole('norm').values;
    // The table of tokens and that of the logits keep 8 bits.
    this.#logits = byBytes(shape.tied ? this.#tokens : inBytes(weights.whole('logits')));
    this.#past = this.#layers.map(() => ({ keys: [], values: [] }));
  }

  /** Forgets all tokens. */
  clear(): void {
    for (const past of this.#past) {
      past.keys.length = 0;
      past.values.length = 0;
    }
  }

  /** Reads one more token. */
  read(token: number): void {
    const { epsilon } = this.#shape;
    const { levels, scales, columns } = this.#tokens;
    let x: Float32Array = Float32Array.from(
      levels.subarray(token * columns, (token + 1) * columns),
      (level) => level * scales[token]!,
    );
    for (const [i, layer] of this.#layers.entries()) {
      const input = inLevels(normal(x, layer.attentionNorm, epsilon));
      const project = (part: 'query' | 'key' | 'value'): Float32Array => {
        const product = layer[part](input);
        return layer.biases ? added(product, layer.biases[part]) : product;
      };
      const { keys, values } = this.#past[i]!;
      const position = keys.length;
      const query = this.#turned(project('query'), position);
      keys.push(this.#turned(project('key'), position));
      values.push(project('value'));
      x = added(x, layer.output(inLevels(this.#attended(query, keys, values))));
      const middle = inLevels(normal(x, layer.forwardNorm, epsilon));
      const [gate, up] = [layer.gate(middle), layer.up(middle)];
      const inner = gate.map((one, at) => fround(fround(one * sigmoid(one)) * up[at]!));
      x = added(x, layer.down(inLevels(inner)));
    }
    this.#last = normal(x, this.#norm, epsilon);
  }

  /** Logits behind the last token. */
  logits(): Float32Array {
    return this.#logits(inLevels(this.#last));
  }

  /** Turns pairs of components of each head (Su et al., "RoFormer", §3.2.2). */
  #turned(x: Float32Array, position: number): Float32Array {
    const { headSize, base, interleaved } = this.#shape;
    const pairs = headSize / 2;
    const turned = new Float32Array(x.length);
    for (let head = 0; head < x.length; head += headSize) {
      for (let pair = 0; pair < pairs; pair++) {
        const angle = position * base ** ((-2 * pair) / headSize);
        const [cos, sin] = [fround(Math.cos(angle)), fround(Math.sin(angle))];
        const first = head + (interleaved ? 2 * pair : pair);
        const second = first + (interleaved ? 1 : pairs);
        const [a, b] = [x[first]!, x[second]!];
        turned[first] = fround(a * cos) - fround(b * sin);
        turned[second] = fround(b * cos) + fround(a * sin);
      }
    }
    return turned;
  }

  #attended(query: Float32Array, keys: readonly Float32Array[], values: readonly Float32Array[]) {
    const { heads, keyHeads, headSize } = this.#shape;
    const scale = fround(1 / Math.sqrt(headSize));
    const result = new Float32Array(heads * headSize);
    for (let head = 0; head < heads; head++) {
      const offset = head * headSize;
      const shared = Math.floor((head * keyHeads) / heads) * headSize;
      const scores = keys.map((key) => {
        let sum = 0;
        for (let d = 0; d < headSize; d++) sum = fround(sum + fround(query[offset + d]! * key[shared + d]!));
        return fround(sum * scale);
      });
      const most = Math.max(...scores);
      const exponentials = scores.map((score) => exp(fround(score - most)));
      const total = exponentials.reduce((sum, one) => fround(sum + one), 0);
      for (const [t, one] of exponentials.entries()) {
        const weight = fround(one / total);
        const value = values[t]!;
        for (let d = 0; d < headSize; d++) result[offset + d]! += fround(weight * value[shared + d]!);
      }
    }
    return result;
  }
}

interface Layer extends Readonly<Record<LayerWeight, Product>> {
  readonly attentionNorm: ArrayLike<number>;
  readonly forwardNorm: ArrayLike<number>;
  readonly biases: Readonly<Record<'query' | 'key' | 'value', ArrayLike<number>>> | undefined;
}

/** A vector: each number is about its level times the scale. */
interface Levels {
  readonly levels: Int8Array;
  readonly scale: number;
}

/** A matrix times a vector. */
type Product = (x: Levels) => Float32Array;

/** A matrix in 8 bits: each number is about its level times the scale of its row. */
interface Bytes {
  readonly columns: number;
  readonly levels: Int8Array;
  readonly scales: Float32Array;
}

const { fround } = Math;

const words = new Int32Array(1);
const floats = new Float32Array(words.buffer);

/** A function of the compiler, on numbers. */
function onNumbers(expression: Expression): (x: number) => number {
  const onWords = compileScalar(expression);
  return (x) => {
    floats[0] = x;
    words[0] = onWords(words[0]!);
    return floats[0]!;
  };
}

const exp = onNumbers(FUNCTIONS.exp(ARGUMENT));
const sigmoid = onNumbers(FUNCTIONS.sigmoid(ARGUMENT));

/** The nearest integer, the even one of two. */
function nearest(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

const greatestMagnitude = (numbers: ArrayLike<number>): number => {
  let greatest = 0;
  for (let i = 0; i < numbers.length; i++) greatest = Math.max(greatest, Math.abs(numbers[i]!));
  return greatest;
};

function inLevels(x: Float32Array): Levels {
  const scale = Math.max(fround(greatestMagnitude(x) / 127), 2 ** -126);
  const levels = new Int8Array(x.length);
  for (let i = 0; i < x.length; i++) levels[i] = nearest(fround(x[i]! / scale));
  return { levels, scale };
}

/** Rows of a matrix, one after the other. */
function* rowsOf(matrix: FloatMatrix): Generator<ArrayLike<number>> {
  const [rows, columns] = matrix.shape as [number, number];
  const values = matrix.rows ? undefined : matrix.values;
  for (let row = 0; row < rows; row++)
    yield values?.subarray(row * columns, (row + 1) * columns) ?? matrix.rows!(row, row + 1);
}

function inBytes(matrix: FloatMatrix): Bytes {
  const [rows, columns] = matrix.shape as [number, number];
  const levels = new Int8Array(rows * columns);
  const scales = new Float32Array(rows);
  let row = 0;
  for (const numbers of rowsOf(matrix)) {
    const scale = fround(greatestMagnitude(numbers) / 127);
    scales[row] = scale;
    for (let i = 0; scale > 0 && i < columns; i++) levels[row * columns + i] = nearest(numbers[i]! / scale);
    row++;
  }
  return { columns, levels, scales };
}

/** Rows of levels times x, exactly. */
function sumsOf(levels: Int8Array, rows: number, x: Int8Array): Int32Array {
  const columns = x.length;
  const sums = new Int32Array(rows);
  let row = 0;
  // Four rows share what they read of x, which takes a third off the time.
  for (; row + 4 <= rows; row += 4) {
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    const first = row * columns;
    for (let i = 0; i < columns; i++) {
      const one = x[i]!;
      const at = first + i;
      a = (a + levels[at]! * one) | 0;
      b = (b + levels[at + columns]! * one) | 0;
      c = (c + levels[at + 2 * columns]! * one) | 0;
      d = (d + levels[at + 3 * columns]! * one) | 0;
    }
    sums[row] = a;
    sums[row + 1] = b;
    sums[row + 2] = c;
    sums[row + 3] = d;
  }
  for (; row < rows; row++)
    for (let i = 0; i < columns; i++) sums[row]! += levels[row * columns + i]! * x[i]!;
  return sums;
}

const byBytes =
  ({ levels, scales }: Bytes): Product =>
  ({ levels: x, scale }) => {
    const sums = sumsOf(levels, scales.length, x);
    return scales.map((rowScale, row) => fround(fround(sums[row]!) * scale) * rowScale);
  };

/**
 * A matrix that is stored in blocks of 4 bits: its steps become whole factors of a scale of the row, as great as sums of 32
 * bits allow.
 */
function byNibbles(matrix: FloatMatrix): Product {
  const [rows, columns] = matrix.shape as [number, number];
  const blocks = columns / BLOCK;
  const { levels, steps, leasts } = matrix.stored!(0, rows);
  const most = Math.min(2 ** 16 - 1, Math.floor((2 ** 31 - 1) / (127 * 15 * columns)));
  const scales = new Float32Array(rows);
  const factors = new Int32Array(rows * blocks);
  for (let row = 0; row < rows; row++) {
    const rowSteps = steps.subarray(row * blocks, (row + 1) * blocks);
    scales[row] = greatestMagnitude(rowSteps) / most;
    rowSteps.forEach((step, b) => {
      factors[row * blocks + b] = scales[row]! > 0 ? nearest(step / scales[row]!) : 0;
    });
  }
  return ({ levels: x, scale }) => {
    const ofBlocks = Array.from({ length: blocks }, (_, b) =>
      x.subarray(b * BLOCK, (b + 1) * BLOCK).reduce((sum, one) => sum + one, 0),
    );
    const result = new Float32Array(rows);
    for (let row = 0; row < rows; row++) {
      let [sum, least] = [0, 0];
      for (let b = 0; b < blocks; b++) {
        let product = 0;
        const at = (row * blocks + b) * BLOCK;
        for (let i = 0; i < BLOCK; i++) product = (product + levels[at + i]! * x[b * BLOCK + i]!) | 0;
        sum += product * factors[row * blocks + b]!;
        least = fround(least + fround(ofBlocks[b]! * leasts[row * blocks + b]!));
      }
      result[row] = fround(fround(fround(sum) * scales[row]!) + least) * scale;
    }
    return result;
  };
}

function productOf(matrix: FloatMatrix, form: 'int8' | 'int4'): Product {
  return form === 'int4' && matrix.stored ? byNibbles(matrix) : byBytes(inBytes(matrix));
}

/** Divided by the root of the mean square (Zhang and Sennrich, "Root mean square layer normalization"). */
function normal(x: Float32Array, weights: ArrayLike<number>, epsilon: number): Float32Array {
  const squares = x.reduce((sum, one) => fround(sum + fround(one * one)), 0);
  const root = fround(Math.sqrt(fround(fround(squares / x.length) + fround(epsilon))));
  return x.map((one, i) => fround(one / root) * weights[i]!);
}

const added = (a: Float32Array, b: ArrayLike<number>): Float32Array => a.map((one, i) => one + b[i]!);
