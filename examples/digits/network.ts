import { CLASSES, SIDE } from './dataset.ts';

/**
 * The network and its gradients, one image at a time, in binary64.
 *
 * Only + - * / and square roots are used: IEEE 754 fixes their results to the last bit, whereas `Math.exp` and
 * the like may differ between JavaScript engines.
 */

/** Numbers to learn, with the gradient summed over the current batch. */
export interface Parameter {
  readonly values: Float64Array;
  readonly gradient: Float64Array;
}

/** A step from numbers to numbers. What it returns is valid until its next call. */
export interface Layer {
  readonly outputs: number;
  forward(input: Float64Array): Float64Array;
  /** Adds to the parameters' gradients; returns the gradient of the input of the last `forward`. */
  backward(gradient: Float64Array): Float64Array;
}

export interface WeightedLayer extends Layer {
  /** Output channel by input channel by row by column, as ONNX Conv has it. */
  readonly weights: Parameter;
  readonly bias: Parameter;
}

const parameter = (length: number): Parameter => ({
  values: new Float64Array(length),
  gradient: new Float64Array(length),
});

/** Planes of numbers: channel by row by column. */
interface Shape {
  readonly channels: number;
  readonly side: number;
}

/** For each output position, the inputs under the kernel, in the order of a filter's weights; -1 is padding. */
function windows({ channels, side }: Shape, kernel: number, pad: number): Int32Array {
  const outputSide = side + 2 * pad - kernel + 1;
  const sources: number[] = [];
  for (let y = 0; y < outputSide; y++) {
    for (let x = 0; x < outputSide; x++) {
      for (let c = 0; c < channels; c++) {
        for (let dy = -pad; dy < kernel - pad; dy++) {
          for (let dx = -pad; dx < kernel - pad; dx++) {
            const inside = y + dy >= 0 && y + dy < side && x + dx >= 0 && x + dx < side;
            sources.push(inside ? (c * side + y + dy) * side + x + dx : -1);
          }
        }
      }
    }
  }
  return Int32Array.from(sources);
}

/**
 * Convolution with stride 1 and an even number of filters. A kernel as large as the input makes it a fully
 * connected layer.
 */
function convolution(
  input: Shape,
  filters: number,
  kernel: number,
  pad: number,
  random: () => number,
): WeightedLayer {
  const sources = windows(input, kernel, pad);
  const fold = input.channels * kernel * kernel;
  const positions = sources.length / fold;
  const weights = parameter(filters * fold);
  const bias = parameter(filters);
  // He et al., "Delving Deep into Rectifiers" (2015): variance 2 / fold, here of a uniform distribution.
  const bound = Math.sqrt(6 / fold);
  weights.values.forEach((_, i) => {
    weights.values[i] = (2 * random() - 1) * bound;
  });
  const patches = new Float64Array(sources.length);
  const patchGradients = new Float64Array(sources.length);
  const output = new Float64Array(filters * positions);
  const inputGradient = new Float64Array(input.channels * input.side * input.side);

  return {
    weights,
    bias,
    outputs: output.length,
    forward(image) {
      for (let i = 0; i < sources.length; i++) {
        patches[i] = sources[i]! < 0 ? 0 : image[sources[i]!]!;
      }
      const { values } = weights;
      // Two filters at a time: a single sum would spend its time waiting for its own last addition.
      for (let f = 0; f < filters; f += 2) {
        for (let p = 0; p < positions; p++) {
          let even = bias.values[f]!;
          let odd = bias.values[f + 1]!;
          for (let k = 0, w = f * fold, x = p * fold; k < fold; k++, w++, x++) {
            even += values[w]! * patches[x]!;
            odd += values[w + fold]! * patches[x]!;
          }
          output[f * positions + p] = even;
          output[(f + 1) * positions + p] = odd;
        }
      }
      return output;
    },
    backward(gradient) {
      const { values } = weights;
      patchGradients.fill(0);
      for (let f = 0; f < filters; f++) {
        for (let p = 0; p < positions; p++) {
          const slope = gradient[f * positions + p]!;
          // ReLU and max pooling leave most slopes at zero.
          if (slope === 0) continue;
          bias.gradient[f]! += slope;
          for (let k = 0, w = f * fold, x = p * fold; k < fold; k++, w++, x++) {
            weights.gradient[w]! += slope * patches[x]!;
            patchGradients[x]! += slope * values[w]!;
          }
        }
      }
      inputGradient.fill(0);
      for (let i = 0; i < sources.length; i++) {
        if (sources[i]! >= 0) inputGradient[sources[i]!]! += patchGradients[i]!;
      }
      return inputGradient;
    },
  };
}

function relu(length: number): Layer {
  const output = new Float64Array(length);
  const inputGradient = new Float64Array(length);
  return {
    outputs: length,
    forward(input) {
      for (let i = 0; i < length; i++) output[i] = Math.max(input[i]!, 0);
      return output;
    },
    backward(gradient) {
      for (let i = 0; i < length; i++) inputGradient[i] = output[i]! > 0 ? gradient[i]! : 0;
      return inputGradient;
    },
  };
}

/** Drops inputs at random while training, and scales the others up so that their sum is kept on average. */
function dropout(length: number, rate: number, random: () => number): Layer {
  const factors = new Float64Array(length);
  const output = new Float64Array(length);
  const inputGradient = new Float64Array(length);
  return {
    outputs: length,
    forward(input) {
      for (let i = 0; i < length; i++) {
        factors[i] = random() < rate ? 0 : 1 / (1 - rate);
        output[i] = input[i]! * factors[i]!;
      }
      return output;
    },
    backward(gradient) {
      for (let i = 0; i < length; i++) inputGradient[i] = gradient[i]! * factors[i]!;
      return inputGradient;
    },
  };
}

/** Maximum of each 2x2 square. */
function maxPool({ channels, side }: Shape): Layer {
  const half = side / 2;
  const output = new Float64Array(channels * half * half);
  const winners = new Int32Array(output.length);
  const inputGradient = new Float64Array(channels * side * side);
  return {
    outputs: output.length,
    forward(input) {
      for (let i = 0; i < output.length; i++) {
        // Rows of all planes lie one after another, so output row r covers input rows 2r and 2r + 1.
        const corner = 2 * side * Math.floor(i / half) + 2 * (i % half);
        let winner = corner;
        for (const rival of [corner + 1, corner + side, corner + side + 1]) {
          if (input[rival]! > input[winner]!) winner = rival;
        }
        winners[i] = winner;
        output[i] = input[winner]!;
      }
      return output;
    },
    backward(gradient) {
      inputGradient.fill(0);
      for (let i = 0; i < output.length; i++) inputGradient[winners[i]!] = gradient[i]!;
      return inputGradient;
    },
  };
}

export interface Network {
  readonly conv1: WeightedLayer;
  readonly conv2: WeightedLayer;
  readonly dense1: WeightedLayer;
  readonly dense2: WeightedLayer;
  /** First to last, from 28x28 inks between 0 and 1 to 10 logits. */
  readonly layers: readonly Layer[];
  readonly parameters: readonly Parameter[];
}

export function createNetwork(random: () => number): Network {
  const conv1 = convolution({ channels: 1, side: SIDE }, 8, 5, 2, random);
  const conv2 = convolution({ channels: 8, side: 14 }, 16, 5, 0, random);
  const dense1 = convolution({ channels: 16, side: 5 }, 32, 5, 0, random);
  const dense2 = convolution({ channels: 32, side: 1 }, CLASSES, 1, 0, random);
  return {
    conv1,
    conv2,
    dense1,
    dense2,
    layers: [
      conv1,
      relu(conv1.outputs),
      maxPool({ channels: 8, side: 28 }),
      conv2,
      relu(conv2.outputs),
      maxPool({ channels: 16, side: 10 }),
      dropout(400, 0.3, random),
      dense1,
      relu(dense1.outputs),
      dense2,
    ],
    parameters: [conv1, conv2, dense1, dense2].flatMap(({ weights, bias }) => [weights, bias]),
  };
}

/** Scores of one image, higher for likelier classes; with dropout, so for training only. */
export const logits = ({ layers }: Network, image: Float64Array): Float64Array =>
  layers.reduce((values, layer) => layer.forward(values), image);

/** e^x for x <= 0, to about 14 digits: Taylor's series at x / 256, squared eight times. */
export function exponential(x: number): number {
  const small = Math.max(x, -64) / 256;
  let power = 1;
  for (let n = 12; n > 0; n--) power = 1 + (power * small) / n;
  for (let i = 0; i < 8; i++) power *= power;
  return power;
}

/** Adds the gradient of the cross-entropy of one image, whose logits are those of the last forward pass. */
export function learn({ layers }: Network, scores: Float64Array, label: number): void {
  const top = scores.reduce((a, b) => Math.max(a, b));
  const powers = scores.map((score) => exponential(score - top));
  const total = powers.reduce((a, b) => a + b);
  const slopes = powers.map((power, i) => power / total - (i === label ? 1 : 0));
  layers.reduceRight<Float64Array>((gradient, layer) => layer.backward(gradient), slopes);
}
