import { writeFileSync } from 'node:fs';
import { type Digit, heldOut, SIDE, training } from './dataset.ts';
import { accuracy } from './evaluate.ts';
import { createNetwork, learn, logits, type Network, type Parameter } from './network.ts';
import { encodeModel } from './onnx.ts';
import { shuffle, uniform } from './random.ts';

/** Trains the network and writes `digits.onnx`: the same bytes on every run, on every machine. */

const SEED = 28;
const EPOCHS = 24;
const BATCH = 32;
const PEAK_RATE = 0.002;

/** Adam (Kingma and Ba, 2015): a step for each number, from running means of its gradient and of its square. */
function adam(parameters: readonly Parameter[]): (rate: number) => void {
  const [beta1, beta2] = [0.9, 0.999];
  const means = parameters.map(({ values }) => new Float64Array(values.length));
  const squares = parameters.map(({ values }) => new Float64Array(values.length));
  // Bias of the means, which started at zero: beta to the number of steps.
  let [missing1, missing2] = [1, 1];
  return (rate) => {
    missing1 *= beta1;
    missing2 *= beta2;
    parameters.forEach(({ values, gradient }, n) => {
      const mean = means[n]!;
      const square = squares[n]!;
      for (let i = 0; i < values.length; i++) {
        const slope = gradient[i]! / BATCH;
        mean[i] = beta1 * mean[i]! + (1 - beta1) * slope;
        square[i] = beta2 * square[i]! + (1 - beta2) * slope * slope;
        const deviation = Math.sqrt(square[i]! / (1 - missing2)) + 1e-8;
        values[i]! -= (rate * mean[i]!) / (1 - missing1) / deviation;
      }
      gradient.fill(0);
    });
  };
}

/** The digit slightly scaled, sheared and shifted at random, inks from 0 to 1. */
function distort(pixels: Uint8Array, random: () => number): Float64Array {
  const within = (bound: number): number => (2 * random() - 1) * bound;
  const [xx, xy, yx, yy] = [1 + within(0.1), within(0.12), within(0.12), 1 + within(0.1)];
  const [shiftX, shiftY] = [within(1), within(1)];
  const centre = (SIDE - 1) / 2;
  const ink = (y: number, x: number): number =>
    y >= 0 && y < SIDE && x >= 0 && x < SIDE ? pixels[y * SIDE + x]! / 255 : 0;
  const image = new Float64Array(SIDE * SIDE);
  for (let i = 0; i < image.length; i++) {
    const dx = (i % SIDE) - centre;
    const dy = Math.floor(i / SIDE) - centre;
    const x = centre + xx * dx + xy * dy + shiftX;
    const y = centre + yx * dx + yy * dy + shiftY;
    // Bilinear interpolation between the four pixels around (x, y).
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [right, down] = [x - left, y - top];
    image[i] =
      (1 - down) * ((1 - right) * ink(top, left) + right * ink(top, left + 1)) +
      down * ((1 - right) * ink(top + 1, left) + right * ink(top + 1, left + 1));
  }
  return image;
}

function train(digits: Digit[]): Network {
  const random = uniform(SEED);
  const network = createNetwork(random);
  const step = adam(network.parameters);
  const steps = EPOCHS * Math.floor(digits.length / BATCH);
  for (let taken = 0, next = digits.length; taken < steps; taken++) {
    if (next + BATCH > digits.length) {
      shuffle(digits, random);
      next = 0;
    }
    for (const { pixels, label } of digits.slice(next, next + BATCH)) {
      learn(network, logits(network, distort(pixels, random)), label);
    }
    next += BATCH;
    // The rate rises over the first tenth of the run and falls to zero over the rest.
    const progress = (taken + 1) / steps;
    step(PEAK_RATE * Math.min(10 * progress, (1 - progress) / 0.9));
  }
  return network;
}

const network = train(training());
const model = encodeModel(network);
writeFileSync(new URL('digits.onnx', import.meta.url), model);
const correct = await accuracy(model, heldOut());
console.log(`digits.onnx: ${model.length} bytes, ${(100 * correct).toFixed(1)} % of the held-out digits`);
