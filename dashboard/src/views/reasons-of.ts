/** What the reference says about an error. */
export interface Reason {
  readonly cause: string;
  /** What happened, and what to do. */
  readonly parts: readonly { readonly text: string; readonly code: boolean }[];
}

/** A row of the table: code, cause, status, text, reason. */
const ROW = /^\| `(HF_\w+)` \| ([^|]*) \| [^|]* \| [^|]* \| (.*) \|$/gm;

const LINK = /\[([^\]]*)\]\([^)]*\)/g;

/** Reads the tables of `docs/reference/errors.md`. */
export function reasonsOf(markdown: string): Map<string, Reason> {
  return new Map(
    [...markdown.matchAll(ROW)].map(([, code = '', cause = '', reason = '']) => [
      code,
      { cause: cause.trim(), parts: partsOf(reason.replace(LINK, '$1')) },
    ]),
  );
}

/** Text and code in turn. */
function partsOf(text: string): Reason['parts'] {
  return text
    .split('`')
    .map((part, i) => ({ text: part, code: i % 2 === 1 }))
    .filter((part) => part.text !== '');
}
