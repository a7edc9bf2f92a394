import { merged } from '../merged.ts';
import { operators as attention } from './Attention.ts';
import { operators as blockQuantized } from './BlockQuantized.ts';
import { operators as fused } from './Fused.ts';
import { operators as normalization } from './Normalization.ts';
import { operators as quantized } from './Quantized.ts';

const named = merged(attention, blockQuantized, fused, normalization, quantized);

/** The domain com.microsoft, whose operators onnxruntime and its tools put into files. */
export const operators = Object.fromEntries(
  Object.entries(named).map(([name, lowering]) => [`com.microsoft.${name}`, lowering]),
);
