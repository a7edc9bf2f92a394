/**
 * Faces from BlazeFace's outputs (Bazarevsky et al., 2019): each of 896 anchors has a score, a box and six points,
 * given in pixels from the anchor's centre.
 */

export const SIDE = 128;

/** Cells across, and anchors in each; the anchors of a cell share its centre. */
const GRIDS = [
  { cells: 16, anchors: 2 },
  { cells: 8, anchors: 6 },
] as const;

export const POINTS = ['right eye', 'left eye', 'nose', 'mouth', 'right ear', 'left ear'] as const;

/** Parts of the picture's side, from its left and upper edge. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Face {
  readonly score: number;
  readonly centre: Point;
  readonly width: number;
  readonly height: number;
  readonly points: Readonly<Record<(typeof POINTS)[number], Point>>;
}

/** A score from 0 to 1 above which a face is one. */
const THRESHOLD = 0.75;

/** Numbers that the network yields for an anchor: a box, then points. */
const NUMBERS = 4 + 2 * POINTS.length;

/**
 * The likeliest face, if there is one.
 *
 * @param scores of each grid's anchors, before the logistic function
 * @param places boxes and points of each grid's anchors
 */
export function likeliestFace(
  scores: readonly ArrayLike<number>[],
  places: readonly ArrayLike<number>[],
): Face | undefined {
  let best: Face | undefined;
  GRIDS.forEach(({ cells, anchors }, grid) => {
    for (let anchor = 0; anchor < cells * cells * anchors; anchor++) {
      const score = 1 / (1 + Math.exp(-(scores[grid]?.[anchor] as number)));
      if (score < (best?.score ?? THRESHOLD)) continue;
      const cell = Math.floor(anchor / anchors);
      const [column, row] = [cell % cells, Math.floor(cell / cells)];
      const numbers = Array.from(
        { length: NUMBERS },
        (_, i) => (places[grid]?.[NUMBERS * anchor + i] as number) / SIDE,
      );
      const at = (i: number): Point => ({
        x: (column + 0.5) / cells + (numbers[i] as number),
        y: (row + 0.5) / cells + (numbers[i + 1] as number),
      });
      best = {
        score,
        centre: at(0),
        width: numbers[2] as number,
        height: numbers[3] as number,
        points: Object.fromEntries(POINTS.map((name, i) => [name, at(4 + 2 * i)])) as Face['points'],
      };
    }
  });
  return best;
}
