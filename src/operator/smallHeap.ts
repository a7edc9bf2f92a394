import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the space in which V8 puts new objects as small as it is. It would grow to a hundred megabytes and more while a
 * service reads the chain or a model is compiled, of which next to nothing is kept.
 */
export const keepHeapSmall = (): void => setFlagsFromString('--semi-space-growth-factor=1');
