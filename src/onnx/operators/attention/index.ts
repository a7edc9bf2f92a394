import { merged } from '../merged.ts';
import { operators as attention } from './Attention.ts';
import { operators as flexAttention } from './FlexAttention.ts';
import { operators as linearAttention } from './LinearAttention.ts';
import { operators as rotaryEmbedding } from './RotaryEmbedding.ts';

/** Attention in all forms, and positions as rotations. */
export const operators = merged(attention, flexAttention, linearAttention, rotaryEmbedding);
