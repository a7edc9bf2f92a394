import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { modelFolder } from './models.ts';

/** Class 0 is the blank, then the characters of the package's list, then the space. */
function alphabet(): string[] {
  const list = readFileSync(join(modelFolder, 'ppocr_keys_v1.txt'), 'utf8').split(/\r?\n/);
  while (list.at(-1) === '') list.pop();
  return ['', ...list, ' '];
}

/**
 * Spells the recogniser's classes: runs of one class are one character, and blanks none (the greedy decoding of
 * connectionist temporal classification; Graves et al., 2006).
 */
export function spelled(classes: Iterable<number>): string {
  const characters = alphabet();
  let text = '';
  let before = 0;
  for (const one of classes) {
    if (one !== before) text += characters[one] ?? '';
    before = one;
  }
  return text;
}
