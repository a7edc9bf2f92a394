import { encodeOnnx, type NodeSpec, namedNode, type Value } from '../onnx.ts';
import { SeededWeights } from './weights.ts';

// MobileNetV2 (Sandler et al., 2018), width 1.0, 224×224, as exporters write it: batch normalization folded into
// the convolutions, ReLU6 as Clip.

/** A convolution of the network. Its name is that of its output. */
export interface Convolution {
  readonly name: string;
  readonly input: string;
  readonly kernel: 1 | 3;
  readonly stride: 1 | 2;
  /** 1, or the number of channels for a depthwise convolution. */
  readonly groups: number;
  readonly channels: number;
  /** Whether ReLU6 follows. */
  readonly clipped: boolean;
  /** The tensor that is added to the result. */
  readonly residual?: string;
  readonly weights: Value & { readonly values: Float32Array };
  readonly bias: Value & { readonly values: Float32Array };
}

export interface MobileNet {
  readonly convolutions: readonly Convolution[];
  readonly classifier: { readonly weights: Value; readonly bias: Value };
}

export const SIDE = 224;
export const CLASSES = 1000;

/** Table 2 of the paper: expansion, channels, repetitions, stride of the first. */
const BLOCKS = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

export const IMAGE = 'image';

/** The network with weights from a seed, scaled so that numbers stay about 1 from layer to layer (He et al., 2015). */
export function seededMobileNet(seed: number): MobileNet {
  const random = new SeededWeights(seed);
  const convolutions: Convolution[] = [];
  let [input, channels] = [IMAGE, 3];
  const convolve = (
    name: string,
    out: number,
    kernel: 1 | 3,
    { stride = 1 as 1 | 2, depthwise = false, clipped = true, residual = '' } = {},
  ): void => {
    const each = depthwise ? 1 : channels;
    const deviation = Math.sqrt((clipped ? 2 : 1) / (each * kernel * kernel));
    convolutions.push({
      name,
      input,
      kernel,
      stride,
      groups: depthwise ? channels : 1,
      channels: out,
      clipped,
      ...(residual ? { residual } : {}),
      weights: random.around(deviation, [out, each, kernel, kernel]),
      bias: random.around(0.1, [out]),
    });
    [input, channels] = [name, out];
  };
  convolve('stem', 32, 3, { stride: 2 });
  for (const [stage, [expansion, out, repetitions, first]] of BLOCKS.entries()) {
    for (let i = 0; i < repetitions; i++) {
      const name = `block${stage}_${i}`;
      const residual = i > 0 ? input : '';
      if (expansion > 1) convolve(`${name}_expand`, expansion * channels, 1);
      convolve(`${name}_depthwise`, channels, 3, { stride: i === 0 ? first : 1, depthwise: true });
      convolve(name, out, 1, { clipped: false, residual });
    }
  }
  convolve('head', 1280, 1);
  const weights = random.around(Math.sqrt(1 / channels), [CLASSES, channels]);
  return { convolutions, classifier: { weights, bias: random.around(0.1, [CLASSES]) } };
}

export const attributesOf = ({ kernel, stride, groups }: Convolution) => ({
  kernel_shape: [kernel, kernel],
  strides: [stride, stride],
  pads: new Array<number>(4).fill((kernel - 1) / 2),
  group: groups,
});

/** The network as an ONNX file in float32. */
export function encodeMobileNet({ convolutions, classifier }: MobileNet): Uint8Array {
  const scalar = (value: number): Value => ({ type: 'float', shape: [], values: [value] });
  const constants: Record<string, Value> = {
    low: scalar(0),
    high: scalar(6),
    'classifier.weight': classifier.weights,
    'classifier.bias': classifier.bias,
  };
  const nodes: NodeSpec[] = [];
  const node = (...spec: Parameters<typeof namedNode>) => nodes.push(namedNode(...spec));
  for (const convolution of convolutions) {
    const { name, input, clipped, residual, weights, bias } = convolution;
    constants[`${name}.weight`] = weights;
    constants[`${name}.bias`] = bias;
    const output = clipped || residual ? `${name}_conv` : name;
    node('Conv', [input, `${name}.weight`, `${name}.bias`], output, attributesOf(convolution));
    if (clipped) node('Clip', [output, 'low', 'high'], name);
    if (residual) node('Add', [residual, output], name);
  }
  node('GlobalAveragePool', ['head'], 'pooled');
  node('Flatten', ['pooled'], 'features', { axis: 1 });
  node('Gemm', ['features', 'classifier.weight', 'classifier.bias'], 'logits', { transB: 1 });
  return encodeOnnx({
    name: 'mobilenet_v2',
    opset: 13,
    nodes,
    inputs: { [IMAGE]: { type: 'float', shape: [1, 3, SIDE, SIDE] } },
    outputs: { logits: { type: 'float', shape: [1, CLASSES] } },
    constants,
  });
}
