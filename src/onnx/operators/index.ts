import type { GraphNode } from '../read/graph.ts';
import { Attention } from './attention/Attention.ts';
import { FlexAttention } from './attention/FlexAttention.ts';
import { LinearAttention } from './attention/LinearAttention.ts';
import { RotaryEmbeddings } from './attention/RotaryEmbedding.ts';
import type { Lowering } from './context.ts';
import { Control } from './control/Control.ts';
import { Scan } from './control/Scan.ts';
import { Sequences } from './control/Sequences.ts';
import { Resizes } from './image/Resize.ts';
import { Sampling } from './image/Sampling.ts';
import { Spatial } from './image/Spatial.ts';
import { withLegacyAxis } from './legacy.ts';
import { Activations } from './math/Activations.ts';
import { Arithmetic } from './math/Arithmetic.ts';
import { Determinant } from './math/Det.ts';
import { Einsum } from './math/Einsum.ts';
import { Logic } from './math/Logic.ts';
import { Matrix } from './math/Matrix.ts';
import { Pow } from './math/Power.ts';
import { Reductions } from './math/Reductions.ts';
import { Signal } from './math/Signal.ts';
import { SoftmaxFamily } from './math/Softmax.ts';
import { Trigonometric } from './math/Trigonometric.ts';
import { Microsoft } from './microsoft/index.ts';
import { Features } from './ml/Features.ts';
import { LinearModels } from './ml/Linear.ts';
import { Machines } from './ml/Svm.ts';
import { TreeEnsembles } from './ml/TreeEnsemble.ts';
import { CausalConvWithState } from './nn/CausalConvWithState.ts';
import { Conv } from './nn/Conv.ts';
import { ConvTranspose } from './nn/ConvTranspose.ts';
import { DeformConv } from './nn/DeformConv.ts';
import { Losses } from './nn/Losses.ts';
import { Normalization } from './nn/Normalization.ts';
import { Pool } from './nn/Pool.ts';
import { TfIdfVectorizer } from './nn/TfIdfVectorizer.ts';
import { MaxUnpool } from './nn/Unpool.ts';
import { Quantized } from './quantization/Quantized.ts';
import { Recurrent } from './recurrent/Recurrent.ts';
import { BitCast } from './tensor/BitCast.ts';
import { Casts } from './tensor/Cast.ts';
import { Gathers } from './tensor/Gather.ts';
import { Parts } from './tensor/Parts.ts';
import { ReverseSequence } from './tensor/ReverseSequence.ts';
import { Scatters } from './tensor/Scatter.ts';
import { Selections } from './tensor/Selection.ts';
import { Shapes } from './tensor/Shapes.ts';
import { TensorScatter } from './tensor/TensorScatter.ts';
import { TopK } from './tensor/TopK.ts';

/** Every operator that can be lowered, by name; operators of other domains as `domain.name`. */
export const LOWERINGS: ReadonlyMap<string, Lowering> = new Map(
  Object.entries(
    withLegacyAxis({
      ...Activations,
      ...Casts,
      ...Control,
      ...Arithmetic,
      ...Gathers,
      ...Logic,
      ...Losses,
      ...Matrix,
      ...Microsoft,
      ...Normalization,
      ...Parts,
      ...Pool,
      ...Quantized,
      ...Recurrent,
      ...Reductions,
      ...Sequences,
      ...Shapes,
      ...SoftmaxFamily,
      ...Features,
      ...LinearModels,
      ...Machines,
      ...TreeEnsembles,
      Conv,
      ConvTranspose,
      Einsum,
      ReverseSequence,
      ...Determinant,
      ...Sampling,
      ...Signal,
      ...Trigonometric,
      MaxUnpool,
      DeformConv,
      TensorScatter,
      TfIdfVectorizer,
      Pow,
      Scan,
      ...Resizes,
      ...Scatters,
      ...RotaryEmbeddings,
      ...Selections,
      Attention,
      BitCast,
      CausalConvWithState,
      LinearAttention,
      'ai.onnx.preview.FlexAttention': FlexAttention,
      ...Spatial,
      TopK,
    }),
  ),
);

/** Names of the supported operators, sorted. */
export const OPERATORS: readonly string[] = [...LOWERINGS.keys()].sort();

const RANDOM = /^(Random|Bernoulli|Multinomial)/;
const IMAGES = /^ImageDecoder$/;
const TRAINING = /\.training$/;
const STRINGS = /^(String|RegexFullMatch)/;

/** Why an operator without a lowering cannot run, and what to do. */
export function reasonAgainst({ operator, domain }: GraphNode): string {
  if (RANDOM.test(operator))
    return 'random numbers cannot be checked; export the model for inference, or pass noise as an input';
  if (STRINGS.test(operator)) return 'strings cannot run; move this step in front of the model';
  if (IMAGES.test(operator))
    return 'image files cannot be decoded in a program; decode them in front of the model';
  if (TRAINING.test(domain)) return 'training cannot run; export the model for inference';
  if (domain === 'ai.onnx.ml')
    return 'maps and strings cannot run; move this step in front of the model, and export it with numbers only';
  if (domain !== '')
    return `operators of the domain ${domain} are not supported; export with standard ONNX operators`;
  return 'this operator is not supported yet; those that are stand in src/onnx/CONFORMANCE.md';
}
