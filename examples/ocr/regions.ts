/**
 * Where the detector sees text: differentiable binarization's map of probabilities (Liao et al., 2020) cut at a
 * threshold, its connected regions, each grown back by what training had shrunk.
 */

/** Pixels, the right and lower edges not included. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A pixel belongs to text above this; a region is kept if the mean of its box is above the other. */
const PIXEL_THRESHOLD = 0.3 * 255;
const BOX_THRESHOLD = 0.6 * 255;
/** Training shrinks a region of area A and perimeter P by A (1 - r²) / P; boxes grow by this times A / P. */
const UNCLIP_RATIO = 1.5;
/** Pixels that a region has at least on either side. */
const LEAST_SIDE = 3;

/** Boxes of the connected regions above the threshold. */
function regions(map: ArrayLike<number>, height: number, width: number): Box[] {
  const seen = new Uint8Array(height * width);
  const isText = (at: number): boolean => (map[at] as number) > PIXEL_THRESHOLD;
  const found: Box[] = [];
  for (let start = 0; start < height * width; start++) {
    if (seen[start] || !isText(start)) continue;
    let [left, top, right, bottom] = [width, height, 0, 0];
    const pending = [start];
    seen[start] = 1;
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      const [x, y] = [at % width, Math.floor(at / width)];
      left = Math.min(left, x);
      top = Math.min(top, y);
      right = Math.max(right, x + 1);
      bottom = Math.max(bottom, y + 1);
      const neighbours = [
        x > 0 ? at - 1 : -1,
        x + 1 < width ? at + 1 : -1,
        at - width,
        at + width < height * width ? at + width : -1,
      ];
      for (const next of neighbours) {
        if (next < 0 || seen[next] || !isText(next)) continue;
        seen[next] = 1;
        pending.push(next);
      }
    }
    found.push({ left, top, right, bottom });
  }
  return found;
}

function meanOf(map: ArrayLike<number>, width: number, { left, top, right, bottom }: Box): number {
  let sum = 0;
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += map[y * width + x] as number;
  return sum / ((right - left) * (bottom - top));
}

/** Upright boxes around text, from top to bottom, by 255 times the probability of each pixel. */
export function textBoxes(map: ArrayLike<number>, height: number, width: number): Box[] {
  return regions(map, height, width)
    .filter(
      (box) =>
        Math.min(box.right - box.left, box.bottom - box.top) >= LEAST_SIDE &&
        meanOf(map, width, box) > BOX_THRESHOLD,
    )
    .map(({ left, top, right, bottom }) => {
      const [across, down] = [right - left, bottom - top];
      const by = Math.round((UNCLIP_RATIO * across * down) / (2 * (across + down)));
      return {
        left: Math.max(0, left - by),
        top: Math.max(0, top - by),
        right: Math.min(width, right + by),
        bottom: Math.min(height, bottom + by),
      };
    })
    .sort((a, b) => a.top - b.top || a.left - b.left);
}
