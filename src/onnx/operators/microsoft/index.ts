import type { Lowering } from '../context.ts';
import { Attentions } from './Attention.ts';
import { Fused } from './Fused.ts';
import { Normalization } from './Normalization.ts';
import { Quantized } from './Quantized.ts';

/** Operators of the domain com.microsoft, which onnxruntime and its tools put into files. */
export const Microsoft: Readonly<Record<string, Lowering>> = Object.fromEntries(
  Object.entries({ ...Attentions, ...Fused, ...Normalization, ...Quantized }).map(([name, lowering]) => [
    `com.microsoft.${name}`,
    lowering,
  ]),
);
