import type { GraphNode } from '../read/graph.ts';
import { operators as attention } from './attention/index.ts';
import type { Lowering } from './context.ts';
import { operators as control } from './control/index.ts';
import { operators as image } from './image/index.ts';
import { withLegacyAxis } from './legacy.ts';
import { operators as math } from './math/index.ts';
import { merged } from './merged.ts';
import { operators as microsoft } from './microsoft/index.ts';
import { operators as ml } from './ml/index.ts';
import { operators as nn } from './nn/index.ts';
import { operators as quantization } from './quantization/index.ts';
import { operators as recurrent } from './recurrent/index.ts';
import { operators as tensor } from './tensor/index.ts';

/** Every operator that can be lowered, by name; operators of other domains as `domain.name`. */
export const LOWERINGS: ReadonlyMap<string, Lowering> = new Map(
  Object.entries(
    withLegacyAxis(
      merged(attention, control, image, math, microsoft, ml, nn, quantization, recurrent, tensor),
    ),
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
  if (OPERATORS.some((name) => name.startsWith(`${domain}.`)))
    return `this operator of ${domain} is not supported; those that are stand in src/onnx/CONFORMANCE.md`;
  if (domain !== '')
    return `operators of the domain ${domain} are not supported; export with standard ONNX operators`;
  return 'this operator is not supported yet; those that are stand in src/onnx/CONFORMANCE.md';
}
