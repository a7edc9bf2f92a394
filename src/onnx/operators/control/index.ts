import { merged } from '../merged.ts';
import { operators as control } from './Control.ts';
import { operators as scan } from './Scan.ts';
import { operators as sequences } from './Sequences.ts';

/** Control flow, sequences and optionals, which exist at import only. */
export const operators = merged(control, scan, sequences);
