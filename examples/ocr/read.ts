import { cropped, fitted, type Image } from './image.ts';
import { LINE } from './models.ts';
import { spelled } from './recognition.ts';
import { type Box, textBoxes } from './regions.ts';

/** Reads an image: the detector finds lines of text, the recogniser reads each. */

/** The recogniser's input for a line of text. What is beyond its end is grey. */
export function lineImage(page: Image, box: Box): Uint8Array {
  const { pixels } = fitted(cropped(page, box), LINE.height, LINE.width, 127.5);
  return Uint8Array.from(pixels, Math.round);
}

/** Runs a network on the bytes of its input. @returns those of its output */
export type Run = (input: Uint8Array) => Promise<Uint8Array>;

export interface ReadLine {
  readonly text: string;
  readonly box: Box;
}

/** The lines of text on a page of the detector's size, from top to bottom. */
export async function readPage(page: Image, detect: Run, recognise: Run): Promise<ReadLine[]> {
  const map = await detect(Uint8Array.from(page.pixels));
  const lines: ReadLine[] = [];
  for (const box of textBoxes(map, page.height, page.width)) {
    const classes = (await recognise(lineImage(page, box))).slice();
    lines.push({ box, text: spelled(new Int32Array(classes.buffer)) });
  }
  return lines;
}
