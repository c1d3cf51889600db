import { type Paint, safeText } from './terminal.ts';

/** A column of a table. */
export interface Column {
  readonly heading: string;
  /** Numbers stand at the right. Default: false. */
  readonly isNumber?: boolean;
}

/** Columns that the terminal shows of a cell at most, but for those of the last column. */
const MAX_CELL = 60;

/** Rows in columns below their headings, as lines. What a terminal would obey is escaped. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paint: (paint: Paint, text: string) => string,
): string[] {
  const shown = rows.map((row) => row.map((cell) => safeText(cell)));
  const widths = columns.map(({ heading }, at) =>
    shown.reduce((widest, row) => Math.max(widest, Math.min(MAX_CELL, lengthOf(row[at] ?? ''))), heading.length),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => {
        const space = ' '.repeat(Math.max(0, (widths[at] ?? 0) - lengthOf(cell)));
        return columns[at]?.isNumber === true ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd();
  const heading = paint('dim', line(columns.map((column) => column.heading)));
  return [heading, ...shown.map(line)];
}

/** Characters, as a terminal shows most of them. */
function lengthOf(text: string): number {
  return [...text].length;
}
