import { merged } from '../merged.ts';
import { operators as resize } from './Resize.ts';
import { operators as sampling } from './Sampling.ts';
import { operators as spatial } from './Spatial.ts';

/** Images: resizing, sampling at computed positions, windows. */
export const operators = merged(resize, sampling, spatial);
