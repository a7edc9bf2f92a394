import type { GraphNode } from '../read/graph.ts';
import { Activations } from './Activations.ts';
import { Arithmetic } from './Arithmetic.ts';
import { Attention } from './Attention.ts';
import { BitCast } from './BitCast.ts';
import { Casts } from './Cast.ts';
import { CausalConvWithState } from './CausalConvWithState.ts';
import { Control } from './Control.ts';
import { Conv } from './Conv.ts';
import { ConvTranspose } from './ConvTranspose.ts';
import type { Lowering } from './context.ts';
import { DeformConv } from './DeformConv.ts';
import { Determinant } from './Det.ts';
import { Einsum } from './Einsum.ts';
import { FlexAttention } from './FlexAttention.ts';
import { Gathers } from './Gather.ts';
import { LinearAttention } from './LinearAttention.ts';
import { Logic } from './Logic.ts';
import { Losses } from './Losses.ts';
import { withLegacyAxis } from './legacy.ts';
import { Matrix } from './Matrix.ts';
import { Microsoft } from './microsoft/index.ts';
import { Features } from './ml/Features.ts';
import { LinearModels } from './ml/Linear.ts';
import { Machines } from './ml/Svm.ts';
import { TreeEnsembles } from './ml/TreeEnsemble.ts';
import { Normalization } from './Normalization.ts';
import { Parts } from './Parts.ts';
import { Pool } from './Pool.ts';
import { Pow } from './Power.ts';
import { Quantized } from './Quantized.ts';
import { Recurrent } from './Recurrent.ts';
import { Reductions } from './Reductions.ts';
import { Resizes } from './Resize.ts';
import { ReverseSequence } from './ReverseSequence.ts';
import { RotaryEmbeddings } from './RotaryEmbedding.ts';
import { Sampling } from './Sampling.ts';
import { Scan } from './Scan.ts';
import { Scatters } from './Scatter.ts';
import { Selections } from './Selection.ts';
import { Sequences } from './Sequences.ts';
import { Shapes } from './Shapes.ts';
import { Signal } from './Signal.ts';
import { SoftmaxFamily } from './Softmax.ts';
import { Spatial } from './Spatial.ts';
import { TensorScatter } from './TensorScatter.ts';
import { TfIdfVectorizer } from './TfIdfVectorizer.ts';
import { TopK } from './TopK.ts';
import { Trigonometric } from './Trigonometric.ts';
import { MaxUnpool } from './Unpool.ts';

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
