import { expect } from 'chai';
import { importOnnx } from '../../src/onnx/index.ts';
import {
  expectClose,
  floats,
  modelBytes,
  node,
  noise,
  type Result,
  runCompiled,
  single,
  type Value,
  value,
} from '../support/onnx.ts';

/** Operators that ONNX has since version 25, by their definitions in float64. */

async function run(...args: Parameters<typeof single>): Promise<Result[]> {
  const spec = single(...args);
  return runCompiled(importOnnx(modelBytes(spec)), Object.values(spec.inputs));
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const sum = (count: number, term: (i: number) => number): number =>
  range(count).reduce((total, i) => total + term(i), 0);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Elements of a tensor by their indices. */
const reader =
  ({ shape, values }: Value) =>
  (...indices: readonly number[]): number =>
    values[indices.reduce((flat, index, i) => flat * (shape[i] as number) + index, 0)] as number;

/** All elements of a shape, row-major. */
function tabulate(shape: readonly number[], element: (...indices: number[]) => number): Result {
  const values = range(shape.reduce((a, b) => a * b, 1)).map((flat) => {
    const indices: number[] = [];
    let rest = flat;
    for (const extent of [...shape].reverse()) {
      indices.unshift(rest % extent);
      rest = Math.floor(rest / extent);
    }
    return element(...indices);
  });
  return { shape, values };
}

it('SwiGLU is a sigmoid(alpha a) b', async () => {
  const [a, b] = [noise([3, 5], 1, 6), noise([3, 5], 2, 2)];
  for (const alpha of [1, 1.7]) {
    const [y] = await run('SwiGLU', [a, b], { attributes: { alpha: { float: alpha } }, opset: 28 });
    const values = a.values.map((x, i) => x * sigmoid(alpha * x) * b.values[i]!);
    expectClose(y!, { shape: [3, 5], values }, 1e-5);
  }
});

describe('CausalConvWithState', () => {
  for (const [length, taps, hasPast, hasBias, activation] of [
    [6, 3, false, false, 'none'],
    [6, 3, true, true, 'silu'],
    [1, 4, true, false, 'swish'],
    [2, 5, false, true, 'none'],
    [4, 1, true, true, 'none'],
  ] as const) {
    const what = `${length} places, ${taps} taps${hasPast ? ', a past' : ''}${hasBias ? ', a bias' : ''}`;
    it(`takes ${what}, activation ${activation}`, async () => {
      const [batch, channels, before] = [2, 3, taps - 1];
      const [x, w] = [noise([batch, channels, length], 1), noise([channels, 1, taps], 2)];
      const bias = hasBias ? noise([channels], 3) : undefined;
      const past = hasPast && before > 0 ? noise([batch, channels, before], 4) : undefined;
      const [y, present] = await run('CausalConvWithState', [x, w, bias, past], {
        attributes: { activation },
        opset: 27,
        outputs: 2,
      });
      const at = (n: number, c: number, place: number): number => {
        if (place >= before) return reader(x)(n, c, place - before);
        return past ? reader(past)(n, c, place) : 0;
      };
      const expected = tabulate(x.shape, (n, c, p) => {
        const total = sum(taps, (k) => reader(w)(c!, 0, k) * at(n!, c!, p! + k)) + (bias?.values[c!] ?? 0);
        return activation === 'none' ? total : total * sigmoid(total);
      });
      expectClose(y!, expected, 1e-5);
      expectClose(
        present!,
        tabulate([batch, channels, before], (n, c, p) => at(n!, c!, length + p!)),
        0,
        0,
      );
    });
  }
});

describe('LinearAttention', () => {
  for (const [rule, steps, queryHeads, heads, hasPast, perKey, scale] of [
    ['linear', 3, 2, 2, false, false, 0],
    ['linear', 1, 4, 1, true, false, 0.5],
    ['gated', 4, 4, 2, true, true, 0],
    ['gated', 3, 2, 2, false, false, 0],
    ['delta', 3, 2, 2, true, false, 0],
    ['gated_delta', 4, 4, 2, true, false, 1.5],
    ['gated_delta', 3, 3, 3, false, true, 0],
  ] as const) {
    const what = `${steps} steps, ${queryHeads} heads of ${heads}${hasPast ? ', a past' : ''}`;
    it(`updates by the rule ${rule}: ${what}, decay by ${perKey ? 'component' : 'head'}`, async () => {
      const [batch, keySize, valueSize] = [2, 3, 4];
      const query = noise([batch, steps, queryHeads * keySize], 1);
      const key = noise([batch, steps, heads * keySize], 2);
      const written = noise([batch, steps, heads * valueSize], 3);
      const past = hasPast ? noise([batch, heads, keySize, valueSize], 4) : undefined;
      const decays = rule.includes('gated');
      const corrects = rule.includes('delta');
      const decay = decays ? noise([batch, steps, heads * (perKey ? keySize : 1)], 5) : undefined;
      const beta = corrects ? noise([batch, steps, perKey ? 1 : heads], 6) : undefined;
      const [y, present] = await run('LinearAttention', [query, key, written, past, decay, beta], {
        attributes: {
          update_rule: rule,
          q_num_heads: queryHeads,
          kv_num_heads: heads,
          scale: { float: scale },
          chunk_size: 32,
        },
        opset: 27,
        outputs: 2,
      });
      const outputs = new Map<string, number>();
      const states = new Map<string, number>();
      for (const n of range(batch)) {
        for (const h of range(heads)) {
          let state = range(keySize).map((d) =>
            range(valueSize).map((m) => (past ? reader(past)(n, h, d, m) : 0)),
          );
          for (const t of range(steps)) {
            const rate = (d: number) =>
              decay ? Math.exp(reader(decay)(n, t, perKey ? h * keySize + d : h)) : 1;
            const decayed = state.map((row, d) => row.map((s) => s * rate(d)));
            const k = (d: number) => reader(key)(n, t, h * keySize + d);
            const own = range(valueSize).map((m) => {
              const v = reader(written)(n, t, h * valueSize + m);
              if (!beta) return v;
              return reader(beta)(n, t, perKey ? 0 : h) * (v - sum(keySize, (d) => decayed[d]![m]! * k(d)));
            });
            state = decayed.map((row, d) => row.map((s, m) => s + k(d) * own[m]!));
            const shared = queryHeads / heads;
            for (const q of range(shared).map((i) => h * shared + i)) {
              for (const m of range(valueSize)) {
                const dot = sum(keySize, (d) => reader(query)(n, t, q * keySize + d) * state[d]![m]!);
                outputs.set(`${[n, t, q * valueSize + m]}`, (scale || 1 / Math.sqrt(keySize)) * dot);
              }
            }
          }
          state.forEach((row, d) => {
            row.forEach((s, m) => {
              states.set(`${[n, h, d, m]}`, s);
            });
          });
        }
      }
      const shape = [batch, steps, queryHeads * valueSize];
      expectClose(
        y!,
        tabulate(shape, (...place) => outputs.get(`${place}`)!),
        1e-4,
        1e-5,
      );
      const ofState = [batch, heads, keySize, valueSize];
      expectClose(
        present!,
        tabulate(ofState, (...place) => states.get(`${place}`)!),
        1e-4,
        1e-5,
      );
    });
  }

  it('refuses a decay or beta that its rule does not take, and one that is missing', () => {
    const [q, k, v] = [1, 2, 3].map((seed) => noise([1, 2, 4], seed)) as [Value, Value, Value];
    const attributes = (update_rule: string) => ({
      attributes: { update_rule, q_num_heads: 2, kv_num_heads: 2 },
      opset: 27,
      outputs: 2,
    });
    const refused = (rule: string, ...more: (Value | undefined)[]) =>
      expect(() =>
        importOnnx(modelBytes(single('LinearAttention', [q, k, v, ...more], attributes(rule)))),
      ).to.throw(/update_rule/);
    refused('gated');
    refused('delta');
    refused('linear', undefined, noise([1, 2, 2]));
    refused('gated', undefined, noise([1, 2, 2]), noise([1, 2, 2]));
    refused('round');
  });
});

/** softmax(change(scale q k)) v in float64, with the values that `hides` says hidden; all hidden is 0. */
function attended(
  [q, k, v]: readonly [Value, Value, Value],
  hides: (n: number, s: number, t: number) => boolean,
  change: (score: number, h: number, s: number, t: number) => number = (score) => score,
): Result {
  const [batch, heads, queries, size] = q.shape as [number, number, number, number];
  const [, keyHeads, keys, valueSize] = v.shape as [number, number, number, number];
  const keyHead = (h: number) => Math.floor(h / (heads / keyHeads));
  return tabulate([batch, heads, queries, valueSize], (n, h, s, d) => {
    const scores = range(keys).map((t) => {
      if (hides(n!, s!, t)) return Number.NEGATIVE_INFINITY;
      const dot = sum(size, (i) => reader(q)(n!, h!, s!, i) * reader(k)(n!, keyHead(h!), t, i));
      return change(dot / Math.sqrt(size), h!, s!, t);
    });
    const most = Math.max(...scores);
    if (most === Number.NEGATIVE_INFINITY) return 0;
    const total = sum(keys, (t) => Math.exp(scores[t]! - most));
    return sum(keys, (t) => (Math.exp(scores[t]! - most) / total) * reader(v)(n!, keyHead(h!), t, d!));
  });
}

const heads = (count: number, positions: number, seed: number): Value =>
  noise([2, count, positions, 4], seed, 2);

describe('windows of Attention', () => {
  for (const [left, right] of [
    [2, -1],
    [-1, 1],
    [1, 0],
    [0, 2],
    [-1, -1],
  ] as const) {
    for (const isCausal of [0, 1]) {
      for (const cache of ['none', 'past', 'lengths'] as const) {
        it(`reach ${left} to the left, ${right} to the right, ${isCausal ? '' : 'not '}causal, cache: ${cache}`, async () => {
          const queries = 3;
          const keys = cache === 'past' ? 3 : 6;
          const [q, k, v] = [heads(4, queries, 1), heads(2, keys, 2), heads(2, keys, 3)];
          const past = cache === 'past' ? ([heads(2, 2, 4), heads(2, 2, 5)] as const) : undefined;
          const lengths = cache === 'lengths' ? value('int64', [2], [6, 4]) : undefined;
          const [y] = await run('Attention', [q, k, v, undefined, past?.[0], past?.[1], lengths], {
            attributes: { is_causal: isCausal, left_window_size: left, right_window_size: right },
            opset: 25,
          });
          const joined = (before: Value | undefined, x: Value): Value => {
            if (!before) return x;
            const { shape, values } = tabulate([2, 2, 5, 4], (n, h, t, d) =>
              t! < 2 ? reader(before)(n!, h!, t!, d!) : reader(x)(n!, h!, t! - 2, d!),
            );
            return floats(shape, values);
          };
          const hides = (n: number, s: number, t: number): boolean => {
            const offset = past ? 2 : lengths ? lengths.values[n]! - queries : 0;
            const position = offset + s;
            return (
              (left >= 0 && t < position - left) ||
              (right >= 0 && t > position + right) ||
              (isCausal === 1 && t > position) ||
              (lengths !== undefined && t >= lengths.values[n]!)
            );
          };
          const all = [q, joined(past?.[0], k), joined(past?.[1], v)] as const;
          expectClose(y!, attended(all, hides), 1e-4, 1e-5);
        });
      }
    }
  }

  it('are refused below -1', () => {
    const [q, k, v] = [heads(2, 3, 1), heads(2, 3, 2), heads(2, 3, 3)];
    const spec = single('Attention', [q, k, v], { attributes: { left_window_size: -2 }, opset: 25 });
    expect(() => importOnnx(modelBytes(spec))).to.throw('windows of -2 and -1 positions');
  });
});

it('a mask of rank 1 of Attention hides keys from all queries', async () => {
  const [q, k, v] = [heads(2, 3, 1), heads(2, 4, 2), heads(2, 4, 3)];
  const mask = value('bool', [4], [1, 0, 1, 0]);
  const [y] = await run('Attention', [q, k, v, mask], { opset: 24 });
  expectClose(
    y!,
    attended([q, k, v], (_, __, t) => t % 2 === 1),
    1e-4,
    1e-5,
  );
});

it('numbers of heads of Attention must be those of its 4D inputs', () => {
  const [q, k, v] = [heads(2, 3, 1), heads(2, 4, 2), heads(2, 4, 3)];
  const spec = (q_num_heads: number) =>
    modelBytes(single('Attention', [q, k, v], { attributes: { q_num_heads }, opset: 24 }));
  expect(() => importOnnx(spec(2))).not.to.throw();
  expect(() => importOnnx(spec(4))).to.throw('q_num_heads is 4, and "x0" has 2 heads');
});

describe('FlexAttention', () => {
  const inputs = [heads(4, 3, 1), heads(2, 5, 2), heads(2, 5, 3)] as const;
  const graph = (op: string, by: number) => ({
    graph: {
      nodes: [node(op, ['s', 'by'], ['changed'])],
      inputs: { s: floats([2, 4, 3, 5], []) },
      constants: { by: floats([], [by]) },
      outputs: ['changed'],
    },
  });
  const options = { domain: 'ai.onnx.preview', domains: { 'ai.onnx.preview': 1 }, opset: 26 };
  const never = () => false;

  it('is attention without graphs', async () => {
    const [y] = await run('FlexAttention', inputs, options);
    expectClose(y!, attended(inputs, never), 1e-4, 1e-5);
  });

  it('passes scores and probabilities through its graphs', async () => {
    const attributes = { score_mod: graph('Mul', 0.25), prob_mod: graph('Add', 0.5) };
    const [y] = await run('FlexAttention', inputs, { ...options, attributes });
    const plain = attended(inputs, never, (score) => score * 0.25);
    const [, , v] = inputs;
    // Half of the sum of all values is added.
    const expected = tabulate(plain.shape, (n, h, s, d) => {
      const half = 0.5 * sum(5, (t) => reader(v)(n!, Math.floor(h! / 2), t, d!));
      return reader(floats(plain.shape, plain.values))(n!, h!, s!, d!) + half;
    });
    expectClose(y!, expected, 1e-4, 1e-5);
  });

  it('is refused if a graph yields another shape', () => {
    const bad = {
      graph: {
        nodes: [node('ReduceMax', ['s'], ['changed'])],
        inputs: { s: floats([2, 4, 3, 5], []) },
        outputs: ['changed'],
      },
    };
    const spec = single('FlexAttention', inputs, { ...options, attributes: { score_mod: bad } });
    expect(() => importOnnx(modelBytes(spec))).to.throw('score_mod does not yield one tensor');
  });
});
