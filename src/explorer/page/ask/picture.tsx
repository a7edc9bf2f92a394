import { INK, useDrawing } from '../drawing.tsx';

/** Drawing on a grid of bytes. */

export interface PictureProps {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  readonly change: (pixels: Uint8Array) => void;
}

/** Ink of a stroke beside its middle. */
const EDGE = 140;

function stroke(pixels: Uint8Array, width: number, height: number, x: number, y: number): Uint8Array {
  const next = Uint8Array.from(pixels);
  for (const [dx, dy, ink] of [
    [0, 0, INK],
    [1, 0, EDGE],
    [-1, 0, EDGE],
    [0, 1, EDGE],
    [0, -1, EDGE],
  ] as const) {
    const [atX, atY] = [x + dx, y + dy];
    if (atX < 0 || atY < 0 || atX >= width || atY >= height) continue;
    const place = atY * width + atX;
    next[place] = Math.max(next[place] as number, ink);
  }
  return next;
}

/** Reads a picture from a file and scales it to the grid. Dark parts become ink if most of the picture is light. */
async function pixelsOf(file: Blob, width: number, height: number): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(file);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('this browser cannot read pictures');
  context.drawImage(bitmap, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  // Luma of ITU-R BT.601.
  const gray = Uint8Array.from({ length: width * height }, (_, i) =>
    Math.round(0.299 * data[4 * i]! + 0.587 * data[4 * i + 1]! + 0.114 * data[4 * i + 2]!),
  );
  const isLight = gray.reduce((sum, one) => sum + one, 0) / gray.length > INK / 2;
  return isLight ? gray.map((one) => INK - one) : gray;
}

/** A field to draw in; a picture may be dropped or chosen instead. */
export function Picture({ width, height, pixels, change }: PictureProps) {
  const canvas = useDrawing(width, height, pixels);
  const draw = (event: PointerEvent): void => {
    const field = canvas.current;
    if (!field || event.buttons === 0) return;
    const { left, top, width: wide, height: high } = field.getBoundingClientRect();
    const x = Math.floor(((event.clientX - left) / wide) * width);
    const y = Math.floor(((event.clientY - top) / high) * height);
    change(stroke(pixels, width, height, x, y));
  };
  const take = (file: File | undefined): void => {
    if (file) void pixelsOf(file, width, height).then(change, () => undefined);
  };
  return (
    <div class="picture">
      <canvas
        ref={canvas}
        width={width}
        height={height}
        role="img"
        aria-label={`the picture, ${width} by ${height}; draw with the pointer, or choose a file`}
        onPointerDown={draw}
        onPointerMove={draw}
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          take(event.dataTransfer?.files[0]);
        }}
      />
      <p>
        Draw in the field, or take a picture:{' '}
        <input
          type="file"
          accept="image/*"
          aria-label="a picture"
          onChange={({ currentTarget: { files } }) => take(files?.[0])}
        />{' '}
        <button type="button" onClick={() => change(new Uint8Array(width * height))}>
          Clear
        </button>
      </p>
    </div>
  );
}
