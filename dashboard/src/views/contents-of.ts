import type { HistoryItem, TappedItem } from '../api/types.ts';
import { bytes, text } from '../live/format.ts';

/** What one format of an item has. */
export interface Content {
  readonly format: string;
  readonly content: string;
  /** What else there is to say: `close`, `base64`, `the beginning of 1.2 MB`. */
  readonly note: string;
}

/** Actions that need not be named: the content says it. */
const PLAIN: readonly string[] = ['send', 'text'];

/** The contents of an item, to be shown. */
export function contentsOf(formats: HistoryItem['formats'] | TappedItem['formats']): Content[] {
  return Object.entries(formats).map(([format, shown]) => {
    const { action, text: plain, base64, bytes: size } = shown;
    const notes = [
      PLAIN.includes(action) ? '' : action,
      base64 === undefined ? '' : 'base64',
      'cut' in shown && shown.cut ? `the beginning of ${text(bytes(size))}` : '',
    ];
    return { format, content: plain ?? base64 ?? '', note: notes.filter((note) => note !== '').join(', ') };
  });
}

/** A text with the ends of lines at its own end made visible: an event without its empty line is a common mistake. */
export function withEnd(content: string): string {
  return content.replace(/\n+$/, (ends) => '↵'.repeat(ends.length));
}
