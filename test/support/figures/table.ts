import type { Figures } from './figures.ts';

/** The table of models in `examples/README.md`, between two marks. */

const START = '<!-- written by `npm run models` -->';
const END = '<!-- until here -->';

const COLUMNS = [
  'model',
  'weights from',
  'in, bytes',
  'out, bytes',
  'weights, bytes',
  'nodes',
  'multiply-adds',
  'ms',
  'dispute, gas',
  'its leaf, gas',
  'moves',
] as const;

const grouped = (value: number): string => value.toLocaleString('en-US');

/** A number of multiply-adds in three digits. */
function short(value: number): string {
  if (value < 1e3) return String(value);
  const [unit, name] = value < 1e6 ? [1e3, 'k'] : [1e6, 'M'];
  return `${(value / unit).toPrecision(3)} ${name}`.replace('e+3', '000');
}

const rowOf = (name: string, figures: Figures, milliseconds: string): string[] => [
  name,
  figures.weights,
  grouped(figures.inputBytes),
  grouped(figures.outputBytes),
  grouped(figures.weightBytes),
  String(figures.nodes),
  short(figures.macs),
  milliseconds,
  grouped(figures.gas),
  grouped(figures.leafGas),
  String(figures.claimantMoves),
];

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** @param times milliseconds by model, as they are to be shown */
export function tableOf(
  figures: Readonly<Record<string, Figures>>,
  times: Readonly<Record<string, string>>,
): string {
  const rows = Object.entries(figures).map(([name, figure]) => rowOf(name, figure, times[name] ?? '–'));
  const rule = COLUMNS.map((_, i) => (i < 2 ? '---' : '---:'));
  return [line(COLUMNS), line(rule), ...rows.map(line)].join('\n');
}

/** The text with the table in it. @throws Error if the marks are missing */
export function withTable(text: string, table: string): string {
  const [from, to] = [text.indexOf(START), text.indexOf(END)];
  if (from < 0 || to < from)
    throw new Error('examples/README.md has lost the marks around the table of models');
  return `${text.slice(0, from + START.length)}\n\n${table}\n\n${text.slice(to)}`;
}

/** Milliseconds that the text's table shows, by model. */
export function timesIn(text: string): Record<string, string> {
  const rows = text.split('\n').filter((row) => row.startsWith('| '));
  return Object.fromEntries(
    rows.map((row) => {
      const cells = row.split('|').map((cell) => cell.trim());
      return [cells[1] ?? '', cells[1 + COLUMNS.indexOf('ms')] ?? ''];
    }),
  );
}
