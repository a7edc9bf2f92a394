import { merged } from '../merged.ts';
import { operators as quantized } from './Quantized.ts';

/** Quantised numbers and products of them. */
export const operators = merged(quantized);
