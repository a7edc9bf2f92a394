import { drawText, normalised } from '../ocr/text.ts';

/** Inputs for models that look at pictures: drawn, because the project ships none. */

/** A line of text, three equal channels as PP-OCR wants them; channel-major. */
export const textPicture = (height: number, width: number, scale: number): Float32Array =>
  Float32Array.from(normalised(drawText('ASSAY 27', height, width, scale)));

type Colour = readonly [red: number, green: number, blue: number];

const WALL: Colour = [0.55, 0.6, 0.65];
const SKIN: Colour = [0.85, 0.65, 0.52];
const DARK: Colour = [0.15, 0.1, 0.1];
const LIPS: Colour = [0.65, 0.3, 0.3];

/** Ellipses on a unit square, later ones on top. */
const FACE: readonly { x: number; y: number; width: number; height: number; colour: Colour }[] = [
  { x: 0.5, y: 0.46, width: 0.31, height: 0.4, colour: DARK },
  { x: 0.5, y: 0.53, width: 0.26, height: 0.34, colour: SKIN },
  { x: 0.4, y: 0.46, width: 0.045, height: 0.022, colour: DARK },
  { x: 0.6, y: 0.46, width: 0.045, height: 0.022, colour: DARK },
  { x: 0.5, y: 0.57, width: 0.03, height: 0.05, colour: LIPS },
  { x: 0.5, y: 0.7, width: 0.09, height: 0.022, colour: LIPS },
];

/** A face of a few ellipses, lit from the left: `side` rows of `side` pixels of three numbers from -1 to 1. */
export function facePicture(side: number): Float32Array {
  const picture = new Float32Array(3 * side * side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const [x, y] = [(column + 0.5) / side, (row + 0.5) / side];
      const on = FACE.findLast((e) => ((x - e.x) / e.width) ** 2 + ((y - e.y) / e.height) ** 2 < 1);
      const light = 1.1 - 0.3 * x;
      const colour = on?.colour ?? WALL;
      for (let c = 0; c < 3; c++) picture[3 * (side * row + column) + c] = 2 * light * colour[c]! - 1;
    }
  }
  return picture;
}

/** The same numbers, channel by channel instead of pixel by pixel. */
export function channelMajor(picture: Float32Array): Float32Array {
  const plane = picture.length / 3;
  return picture.map((_, i) => picture[3 * (i % plane) + Math.floor(i / plane)]!);
}
