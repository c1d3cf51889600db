import type { ComponentChildren } from 'preact';

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  /** What a row has there. */
  readonly cell: (row: Row) => ComponentChildren;
  /** Numbers stand at the right, so that their digits are below each other. */
  readonly numeric?: boolean;
  /** Left out where the page is narrow. */
  readonly spare?: boolean;
}

interface DataTableProps<Row> {
  /** What the table shows, for those who do not see the heading above it. */
  readonly caption: string;
  /** The first one names the row. */
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Where the page is narrow, each row becomes a list of its cells. */
  readonly stacked?: boolean;
  /** Said where there are no rows. */
  readonly empty: ComponentChildren;
}

/** A table that scrolls sideways by itself where it is too wide. */
export function DataTable<Row>({ caption, columns, rows, keyOf, stacked, empty }: DataTableProps<Row>) {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    <section class="table-scroll" aria-label={`${caption}, table`} tabindex={0}>
      <table class={stacked ? 'stacked' : undefined}>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} scope="col" class={classOf(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column, i) =>
                i === 0 ? (
                  <th key={column.title} scope="row" class={classOf(column)}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.title} class={classOf(column)} data-title={column.title}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function classOf<Row>({ numeric, spare }: Column<Row>): string | undefined {
  return [numeric ? 'numeric' : '', spare ? 'spare' : ''].filter(Boolean).join(' ') || undefined;
}
