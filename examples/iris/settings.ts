import type { Settings } from './boosting.ts';

/** Usual values; nothing was tuned. */
export const SETTINGS: Settings = { rounds: 20, depth: 3, rate: 0.3, penalty: 1 };
