import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** Lists of so many rows are shown whole. */
const FEW = 300;
/** Rows beyond what is seen, above and below. */
const MARGIN = 40;
/** Height of a row that has not been measured, CSS pixels. */
const USUAL_PX = 36;

interface Span {
  readonly from: number;
  readonly to: number;
  readonly px: number;
}

/** The rows that can be seen now, and some around them. */
function useSpan(count: number, body: { readonly current: HTMLElement | null }): Span {
  const [span, setSpan] = useState<Span>({ from: 0, to: Math.min(count, FEW), px: USUAL_PX });
  useEffect(() => {
    const look = (): void => {
      const element = body.current;
      if (!element) return;
      const measured = element.querySelector<HTMLElement>('tr:not(.gap)')?.offsetHeight;
      const px = measured || USUAL_PX;
      const top = element.getBoundingClientRect().top;
      const first = Math.floor(-top / px) - MARGIN;
      // In steps of the margin, so that few movements make another span.
      const from = Math.max(0, Math.min(Math.floor(first / MARGIN) * MARGIN, count - 1));
      const to = Math.min(count, from + Math.ceil(innerHeight / px) + 3 * MARGIN);
      setSpan((known) =>
        known.from === from && known.to === to && known.px === px ? known : { from, to, px },
      );
    };
    look();
    addEventListener('scroll', look, { passive: true });
    addEventListener('resize', look, { passive: true });
    return () => {
      removeEventListener('scroll', look);
      removeEventListener('resize', look);
    };
  }, [count]);
  return span;
}

const Gap = ({ rows, px }: { readonly rows: number; readonly px: number }) =>
  rows > 0 ? (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row takes no focus
    <tr class="gap" aria-hidden="true">
      <td style={{ height: `${rows * px}px` }} />
    </tr>
  ) : null;

/** The body of a table; of a long one, the rows that can be seen. @param show one row, with its place from 1 */
export function Rows<Row>({
  rows,
  show,
}: {
  readonly rows: readonly Row[];
  readonly show: (row: Row, index: number) => ComponentChildren;
}) {
  const body = useRef<HTMLTableSectionElement>(null);
  const span = useSpan(rows.length, body);
  const { from, to, px } = rows.length > FEW ? span : { from: 0, to: rows.length, px: 0 };
  return (
    <tbody ref={body}>
      <Gap rows={from} px={px} />
      {rows.slice(from, to).map((row, i) => show(row, from + i + 1))}
      <Gap rows={rows.length - to} px={px} />
    </tbody>
  );
}
