import { erf } from './erf.ts';
import { exp } from './exponential.ts';
import { log } from './logarithm.ts';
import { sigmoid, softplus, tanh } from './sigmoid.ts';
import { cos, sin } from './trigonometric.ts';

/** float32 functions as expansions into scalar instructions. Their definition is part of every program. */
export const FUNCTIONS = { exp, log, tanh, sigmoid, softplus, erf, sin, cos } as const;

export { ACCURACY, CIRCULAR_RANGE } from './accuracy.ts';
export { cos, erf, exp, log, sigmoid, sin, softplus, tanh };
