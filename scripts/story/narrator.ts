// The output of `npm start`: headings, lines, a table, and the expectations of each step.

export interface Narrator {
  heading(text: string): void;
  line(text?: string): void;
  /** Says whether something that must hold does. */
  expect(what: string, holds: boolean): void;
  /** Rows of cells under a header; numbers to the right. */
  table(header: readonly string[], rows: readonly (readonly string[])[]): void;
  /** Expectations that did not hold. */
  readonly broken: readonly string[];
}

const isNumber = (cell: string): boolean => /^[\d,.]+$/.test(cell);

export function createNarrator(write: (line: string) => void): Narrator {
  const broken: string[] = [];
  const line = (text = ''): void => write(text);
  return {
    broken,
    line,
    heading: (text) => {
      line();
      line(text);
      line('─'.repeat(text.length));
    },
    expect: (what, holds) => {
      if (!holds) broken.push(what);
      line(`  ${holds ? '✓' : '✗ NOT SO:'} ${what}`);
    },
    table: (header, rows) => {
      const widths = header.map((_, i) =>
        Math.max(...[header, ...rows].map((cells) => cells[i]?.length ?? 0)),
      );
      const format = (cells: readonly string[], like: readonly string[]): string =>
        cells
          .map((cell, i) => {
            const width = widths[i] ?? 0;
            return isNumber(like[i] ?? '') ? cell.padStart(width) : cell.padEnd(width);
          })
          .join('  ')
          .trimEnd();
      line(`  ${format(header, rows[0] ?? header)}`);
      for (const row of rows) line(`  ${format(row, row)}`);
    },
  };
}

/** A picture in characters, two rows of pixels in one line of text. @param pixels from 0, paper, to 255, ink */
export function drawing(pixels: ArrayLike<number>, width: number): string[] {
  const dark = (i: number): boolean => (pixels[i] ?? 0) > 90;
  const lines: string[] = [];
  for (let top = 0; top < pixels.length; top += 2 * width) {
    const cells = Array.from({ length: width }, (_, x) => {
      const [upper, lower] = [dark(top + x), dark(top + width + x)];
      return upper ? (lower ? '█' : '▀') : lower ? '▄' : ' ';
    });
    lines.push(cells.join('').trimEnd());
  }
  while (lines[0] === '') lines.shift();
  while (lines.at(-1) === '') lines.pop();
  return lines;
}
