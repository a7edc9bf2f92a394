import { merged } from '../merged.ts';
import { operators as activations } from './Activations.ts';
import { operators as arithmetic } from './Arithmetic.ts';
import { operators as det } from './Det.ts';
import { operators as einsum } from './Einsum.ts';
import { operators as logic } from './Logic.ts';
import { operators as matrix } from './Matrix.ts';
import { operators as power } from './Power.ts';
import { operators as reductions } from './Reductions.ts';
import { operators as signal } from './Signal.ts';
import { operators as softmax } from './Softmax.ts';
import { operators as trigonometric } from './Trigonometric.ts';

/** Functions of numbers: arithmetic, comparisons, activations, matrix products, reductions, transforms. */
export const operators = merged(
  activations,
  arithmetic,
  det,
  einsum,
  logic,
  matrix,
  power,
  reductions,
  signal,
  softmax,
  trigonometric,
);
