/** The cursors of items in the answer to a request that published them and asked for that, in their order; null for each that has none. Empty for any other answer. */
export function publishedCursors(answer: string): readonly (string | null)[] {
  let items: unknown;
  try {
    items = (JSON.parse(answer) as { items?: unknown } | null)?.items;
  } catch {
    return [];
  }
  return Array.isArray(items) ? items.map(cursorOf) : [];
}

function cursorOf(item: { readonly cursor?: unknown } | null): string | null {
  const cursor = item?.cursor;
  return typeof cursor === 'string' ? cursor : null;
}
