import { merged } from '../merged.ts';
import { operators as bitCast } from './BitCast.ts';
import { operators as cast } from './Cast.ts';
import { operators as gather } from './Gather.ts';
import { operators as parts } from './Parts.ts';
import { operators as reverseSequence } from './ReverseSequence.ts';
import { operators as scatter } from './Scatter.ts';
import { operators as selection } from './Selection.ts';
import { operators as shapes } from './Shapes.ts';
import { operators as tensorScatter } from './TensorScatter.ts';
import { operators as topK } from './TopK.ts';

/** Elements moved, chosen and converted: shapes, parts, gathers and scatters, casts. */
export const operators = merged(
  bitCast,
  cast,
  gather,
  parts,
  reverseSequence,
  scatter,
  selection,
  shapes,
  tensorScatter,
  topK,
);
