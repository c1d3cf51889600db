/** Maximum number of edits in a typing mistake. */
const MAX_EDITS = 2;

/** The candidate that `name` is most likely a misspelling of, or null if none is close. */
export function suggest(name: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestEdits = MAX_EDITS + 1;
  for (const candidate of candidates) {
    // If half of a short name differs, it is another name. The length check bounds the work for a huge name.
    const limit = Math.min(MAX_EDITS, Math.floor(candidate.length / 2), bestEdits - 1);
    if (Math.abs(name.length - candidate.length) > limit) continue;
    const edits = editDistance(name.toLowerCase(), candidate);
    if (edits <= limit) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
}

/** `; did you mean "…"?` for the nearest candidate, or an empty text. */
export function suggestion(name: string, candidates: readonly string[]): string {
  const meant = suggest(name, candidates);
  return meant === null ? '' : `; did you mean "${meant}"?`;
}

/** Number of insertions, deletions, substitutions and swaps of neighbours between `a` and `b`. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
