import type { Box } from './regions.ts';

/** Grey images: values from 0 to 255, row-major. */
export interface Image {
  readonly pixels: ArrayLike<number>;
  readonly height: number;
  readonly width: number;
}

export function cropped(image: Image, { left, top, right, bottom }: Box): Image {
  const [height, width] = [bottom - top, right - left];
  const pixels = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++)
      pixels[y * width + x] = image.pixels[(top + y) * image.width + left + x] as number;
  }
  return { pixels, height, width };
}

/** Bilinear, with pixels' centres in place. */
export function resized(image: Image, height: number, width: number): Image {
  const pixels = new Float32Array(height * width);
  const place = (i: number, to: number, from: number) => {
    const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(at);
    return { low, high: Math.min(from - 1, low + 1), part: at - low };
  };
  for (let y = 0; y < height; y++) {
    const row = place(y, height, image.height);
    for (let x = 0; x < width; x++) {
      const column = place(x, width, image.width);
      const pixel = (r: number, c: number) => image.pixels[r * image.width + c] as number;
      const mix = (r: number) =>
        pixel(r, column.low) * (1 - column.part) + pixel(r, column.high) * column.part;
      pixels[y * width + x] = mix(row.low) * (1 - row.part) + mix(row.high) * row.part;
    }
  }
  return { pixels, height, width };
}

/** Scaled to a height, and filled up to a width on the right; what is too long is made narrower. */
export function fitted(image: Image, height: number, width: number, fill: number): Image {
  const scaled = Math.min(width, Math.max(1, Math.round((image.width * height) / image.height)));
  const line = resized(image, height, scaled);
  const pixels = new Float32Array(height * width).fill(fill);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < scaled; x++) pixels[y * width + x] = line.pixels[y * scaled + x] as number;
  }
  return { pixels, height, width };
}
