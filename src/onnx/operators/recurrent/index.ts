import { merged } from '../merged.ts';
import { operators as recurrent } from './Recurrent.ts';

/** Recurrent layers, unrolled over time. */
export const operators = merged(recurrent);
