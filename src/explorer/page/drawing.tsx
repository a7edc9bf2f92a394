import { useEffect, useRef } from 'preact/hooks';

/** A grid of bytes on a canvas, from 0, paper, to 255, ink. */

export const INK = 255;

/** Draws a grid on the canvas that takes the reference. */
export function useDrawing(width: number, height: number, pixels: Uint8Array) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    const image = context.createImageData(width, height);
    for (const [i, ink] of pixels.entries()) image.data.set([INK - ink, INK - ink, INK - ink, 255], 4 * i);
    context.putImageData(image, 0, 0);
  }, [pixels, width, height]);
  return canvas;
}

/** A picture to look at. */
export function Drawing(props: {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  readonly about: string;
}) {
  const { width, height, pixels, about } = props;
  const canvas = useDrawing(width, height, pixels);
  return <canvas ref={canvas} class="drawing" width={width} height={height} role="img" aria-label={about} />;
}
