import { GLYPH_HEIGHT, GLYPH_WIDTH, hasInk } from './font.ts';

/** Text drawn as an image, for models that look at text. */

const PAPER = 235;
const INK = 30;
/** Dots from one character to the next. */
const ADVANCE = GLYPH_WIDTH + 1;

/** A line of text and where it goes. */
export interface Line {
  readonly text: string;
  /** Pixels from the image's left and upper edge. */
  readonly left: number;
  readonly top: number;
  /** Pixels of one dot. */
  readonly scale: number;
}

/** Grey values (0 black, 255 white) of dark text on light ground, row-major. What does not fit is cut off. */
export function drawLines(lines: readonly Line[], height: number, width: number): Uint8Array {
  const pixels = new Uint8Array(height * width).fill(PAPER);
  for (const { text, left, top, scale } of lines) {
    for (let y = 0; y < GLYPH_HEIGHT * scale && top + y < height; y++) {
      for (let x = 0; x < text.length * ADVANCE * scale && left + x < width; x++) {
        const dot = Math.floor(x / scale);
        const character = text[Math.floor(dot / ADVANCE)] as string;
        if (hasInk(character, Math.floor(y / scale), dot % ADVANCE))
          pixels[(top + y) * width + left + x] = INK;
      }
    }
  }
  return pixels;
}

/** One line, half-way down the image. */
export const drawText = (text: string, height: number, width: number, scale: number): Uint8Array =>
  drawLines(
    [{ text, left: scale, top: Math.floor((height - GLYPH_HEIGHT * scale) / 2), scale }],
    height,
    width,
  );

/** The same image turned by half a turn. */
export const turned = (pixels: Uint8Array): Uint8Array => pixels.slice().reverse();

/** Three equal channels of (x / 255 - 0.5) / 0.5, as PP-OCR's recogniser and classifier want; channel-major. */
export function normalised(pixels: ArrayLike<number>): number[] {
  const channel = Array.from(pixels, (x) => Math.fround(Math.fround(x / 255 - 0.5) / 0.5));
  return [...channel, ...channel, ...channel];
}
