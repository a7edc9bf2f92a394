import type { LayerBias, LayerNorm, LayerWeight, LlamaShape } from '../../src/text/llama.ts';

/**
 * A transformer of the Llama family in plain arithmetic of doubles, a number at a time, with products as a model in 4 bits has
 * them: what a matrix is multiplied with is rounded to levels of 8 bits first.
 */

/** Rows of numbers. */
export type Rows = readonly (readonly number[])[];

export interface PlainLlama {
  readonly shape: Omit<LlamaShape, 'positions' | 'biased' | 'tied'>;
  layer(layer: number, name: LayerWeight): Rows;
  norm(layer: number, name: LayerNorm): readonly number[];
  bias(layer: number, name: LayerBias): readonly number[] | undefined;
  /** [vocabulary, width] */
  readonly tokens: Rows;
  readonly lastNorm: readonly number[];
  /** [vocabulary, width] */
  readonly logits: Rows;
}

const GREATEST_LEVEL = 127;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
const dot = (a: readonly number[], b: readonly number[]): number => sum(a.map((one, i) => one * b[i]!));
const added = (a: readonly number[], b: readonly number[]): number[] => a.map((one, i) => one + b[i]!);

/** Numbers as levels between the greatest magnitude and its opposite, times the step between levels. */
export function inLevels(numbers: readonly number[]): number[] {
  const step = Math.max(...numbers.map(Math.abs)) / GREATEST_LEVEL;
  return numbers.map((one) => (step > 0 ? Math.round(one / step) * step : 0));
}

function times(rows: Rows, x: readonly number[]): number[] {
  const rounded = inLevels(x);
  return rows.map((row) => dot(row, rounded));
}

/** Turns neighbouring pairs of each head by angles of its position (Su et al., "RoFormer", §3.2.2). */
function turned(x: readonly number[], position: number, { headSize, base }: PlainLlama['shape']): number[] {
  return x.map((one, i) => {
    const pair = Math.floor((i % headSize) / 2);
    const angle = position * base ** ((-2 * pair) / headSize);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return i % 2 === 0 ? one * cos - x[i + 1]! * sin : one * cos + x[i - 1]! * sin;
  });
}

/** @returns the logits at each position */
export function plainLogits(model: PlainLlama, ids: readonly number[]): Rows {
  const { shape } = model;
  const { layers, heads, keyHeads, headSize, epsilon } = shape;
  if (!shape.interleaved) throw new RangeError('pairs that are half a head apart are not turned here');
  const normal = (x: readonly number[], weights: readonly number[]): number[] => {
    const root = Math.sqrt(dot(x, x) / x.length + epsilon);
    return x.map((one, i) => (one / root) * weights[i]!);
  };
  const head = (x: readonly number[], i: number): readonly number[] =>
    x.slice(i * headSize, (i + 1) * headSize);
  let states = ids.map((id) => model.tokens[id]!);
  for (let layer = 0; layer < layers; layer++) {
    const inputs = states.map((x) => normal(x, model.norm(layer, 'attention norm')));
    const apply = (name: LayerWeight, x: readonly number[]): number[] => {
      const product = times(model.layer(layer, name), x);
      return added(product, model.bias(layer, `${name} bias`) ?? product.map(() => 0));
    };
    const project = (name: LayerWeight, turns: boolean): Rows =>
      inputs.map((x, position) => {
        const product = apply(name, x);
        return turns ? turned(product, position, shape) : product;
      });
    const [queries, keys, values] = [project('query', true), project('key', true), project('value', false)];
    const attended = queries.map((query, position) =>
      Array.from({ length: heads }, (_, i) => {
        const keyHead = Math.floor((i * keyHeads) / heads);
        const scores = keys
          .slice(0, position + 1)
          .map((key) => dot(head(query, i), head(key, keyHead)) / Math.sqrt(headSize));
        const weights = scores.map((score) => Math.exp(score - Math.max(...scores)));
        return Array.from(
          { length: headSize },
          (_, at) =>
            sum(weights.map((weight, key) => weight * head(values[key]!, keyHead)[at]!)) / sum(weights),
        );
      }).flat(),
    );
    states = states.map((x, position) => {
      const middle = added(x, apply('output', attended[position]!));
      const input = normal(middle, model.norm(layer, 'forward norm'));
      const up = apply('up', input);
      const inner = apply('gate', input).map((gate, i) => (gate / (1 + Math.exp(-gate))) * up[i]!);
      return added(middle, apply('down', inner));
    });
  }
  return states.map((x) => times(model.logits, normal(x, model.lastNorm)));
}
