import { merged } from '../merged.ts';
import { operators as causalConvWithState } from './CausalConvWithState.ts';
import { operators as conv } from './Conv.ts';
import { operators as convTranspose } from './ConvTranspose.ts';
import { operators as deformConv } from './DeformConv.ts';
import { operators as losses } from './Losses.ts';
import { operators as normalization } from './Normalization.ts';
import { operators as pool } from './Pool.ts';
import { operators as tfIdfVectorizer } from './TfIdfVectorizer.ts';
import { operators as unpool } from './Unpool.ts';

/** Layers of neural networks: convolutions, pools, normalisations, losses. */
export const operators = merged(
  causalConvWithState,
  conv,
  convTranspose,
  deformConv,
  losses,
  normalization,
  pool,
  tfIdfVectorizer,
  unpool,
);
