/** float32 functions as expansions into scalar instructions. Their definition is part of every program. */
export { erf } from './erf.ts';
export { exp } from './exponential.ts';
export { log } from './logarithm.ts';
export { sigmoid, softplus, tanh } from './sigmoid.ts';
export { cos, sin } from './trigonometric.ts';
export { ACCURACY, CIRCULAR_RANGE } from './accuracy.ts';
