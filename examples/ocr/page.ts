import type { Image } from './image.ts';
import { PAGE } from './models.ts';
import { drawLines } from './text.ts';

/** The text on the page. */
export const WRITTEN: readonly string[] = ['ASSAY 2026', 'THE QUICK', 'BROWN FOX'];

/** Dark letters on light paper, one line below the other. */
export const page = (): Image => ({
  ...PAGE,
  pixels: drawLines(
    WRITTEN.map((text, i) => ({ text, left: 20, top: 40 + 100 * i, scale: 3 })),
    PAGE.height,
    PAGE.width,
  ),
});
