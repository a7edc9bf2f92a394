/** A line of text drawn with a 5×7 dot font, for models that look at text. */

const GLYPHS: Readonly<Record<string, readonly string[]>> = {
  A: ['01110', '10001', '10001', '11111', '10001', '10001', '10001'],
  S: ['01111', '10000', '10000', '01110', '00001', '00001', '11110'],
  Y: ['10001', '10001', '01010', '00100', '00100', '00100', '00100'],
  '2': ['01110', '10001', '00001', '00110', '01000', '10000', '11111'],
  '7': ['11111', '00001', '00010', '00100', '01000', '01000', '01000'],
  ' ': ['00000', '00000', '00000', '00000', '00000', '00000', '00000'],
};

/**
 * Grey values (0 black, 255 white) of dark text on light ground, row-major.
 *
 * @param scale pixels of one dot
 */
export function drawText(text: string, height: number, width: number, scale: number): Uint8Array {
  const pixels = new Uint8Array(height * width).fill(235);
  const top = Math.floor((height - 7 * scale) / 2);
  for (let y = 0; y < 7 * scale; y++) {
    for (let x = 0; x < text.length * 6 * scale; x++) {
      const dotX = Math.floor(x / scale);
      const glyph = GLYPHS[text[Math.floor(dotX / 6)] as string];
      const isInk = glyph?.[Math.floor(y / scale)]?.[dotX % 6] === '1';
      if (isInk && x + scale < width) pixels[(top + y) * width + x + scale] = 30;
    }
  }
  return pixels;
}

/** The same image turned by half a turn. */
export const turned = (pixels: Uint8Array): Uint8Array => pixels.slice().reverse();

/** Three equal channels of (x / 255 - 0.5) / 0.5, as PP-OCR normalises its input; channel-major. */
export function normalised(pixels: Uint8Array): number[] {
  const channel = Array.from(pixels, (x) => Math.fround(Math.fround(x / 255 - 0.5) / 0.5));
  return [...channel, ...channel, ...channel];
}
