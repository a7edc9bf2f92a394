import type { TensorValue } from '../onnx/building.ts';

/** Numbers of a block, in a matrix of blocks: part of a row. */
export const BLOCK = 32;

/** Blocks of 4 bits: each number is its level, 0 to 15, times the step of its block, and the block's least value added. */
export interface StoredBlocks {
  readonly levels: Uint8Array;
  readonly steps: Float32Array;
  readonly leasts: Float32Array;
}

type ReadRows<T> = (from: number, end: number) => T;

/** A matrix of floats, [rows, columns]. */
export interface FloatMatrix extends TensorValue {
  /** Reads the rows from one to the one before another, without the others; left out where all are held. */
  readonly rows?: ReadRows<ArrayLike<number>>;
  /** Reads rows of a matrix that is stored in blocks of 4 bits. */
  readonly stored?: ReadRows<StoredBlocks>;
}

/** Numbers that are read at a time. */
const PIECE_NUMBERS = 2 ** 16;

/**
 * Hands over a matrix some rows at a time.
 *
 * @param read reads rows; their numbers if it is left out
 * @param visit is given rows, the number of the first, and how many they are
 */
export function eachPiece<T = ArrayLike<number>>(
  matrix: FloatMatrix,
  read: ReadRows<T> | undefined,
  visit: (rows: T, first: number, count: number) => void,
): void {
  const [rows, columns] = matrix.shape as [number, number];
  const most = Math.max(1, Math.floor(PIECE_NUMBERS / columns));
  const piece = read ?? (numbersOf(matrix) as ReadRows<T>);
  for (let first = 0; first < rows; first += most) {
    const end = Math.min(rows, first + most);
    visit(piece(first, end), first, end - first);
  }
}

function numbersOf(matrix: FloatMatrix): ReadRows<ArrayLike<number>> {
  if (matrix.rows) return matrix.rows;
  const { values, shape } = matrix;
  const columns = shape[1] as number;
  return (from, end) => values.subarray(from * columns, end * columns);
}
