import type { ComponentChildren } from 'preact';
import type { Pages } from '../live/use-pages.ts';

/** The buttons below a page of a list. */
export function Paging({
  pages,
  next,
  names: [before, after] = ['Previous', 'Next'],
  children,
}: {
  pages: Pages;
  /** What this page says of the next one; null for none. */
  next: string | null;
  /** What the buttons say. */
  names?: readonly [string, string];
  children?: ComponentChildren;
}) {
  return (
    <div class="paging">
      {children !== undefined && <span class="quiet">{children}</span>}
      <button type="button" disabled={pages.isFirst} onClick={pages.back}>
        {before}
      </button>
      <button type="button" disabled={next === null} onClick={() => next !== null && pages.go(next)}>
        {after}
      </button>
    </div>
  );
}
