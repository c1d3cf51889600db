import type { ControlClient } from './control-client.ts';
import { missingText } from './missing-nodes.ts';
import { type Column, tableLines } from './table-text.ts';
import { jsonLine, painter, screenOf } from './terminal.ts';

/** A list that the control API gives in pages. */
export interface PagedList<Page, Entry> {
  /** The path of a page. @param after the `next` of the page before it; empty for the first one */
  readonly pathOf: (after: string) => string;
  readonly entriesOf: (page: Page) => readonly Entry[];
}

/** How a list looks. */
export interface ListLook<Entry> {
  /** Prints each entry as a line of JSON instead. */
  readonly json: boolean;
  readonly columns: readonly Column[];
  readonly rowOf: (entry: Entry) => string[];
  /** Says that there are no entries. */
  readonly none: string;
}

/** Prints the whole list in columns, or each entry as a line of JSON. @throws CliError that says what to do */
export async function printList<
  Page extends { readonly next: string | null; readonly missing?: readonly string[] | undefined },
  Entry,
>(
  client: ControlClient,
  { pathOf, entriesOf }: PagedList<Page, Entry>,
  { json, columns, rowOf, none }: ListLook<Entry>,
): Promise<void> {
  const rows: string[][] = [];
  const missing = new Set<string>();
  for (let after: string | null = ''; after !== null; ) {
    const page = (await client.ask('GET', pathOf(after))).json as Page;
    for (const entry of entriesOf(page)) {
      if (json) console.log(jsonLine(entry));
      else rows.push(rowOf(entry));
    }
    for (const node of page.missing ?? []) missing.add(node);
    after = page.next;
  }
  if (missing.size > 0) console.error(missingText([...missing]));
  if (json) return;
  if (rows.length === 0) console.error(none);
  else console.log(tableLines(columns, rows, painter(screenOf(process.stdout))).join('\n'));
}
