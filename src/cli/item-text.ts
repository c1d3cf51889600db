import type { HistoryItem, TappedItem } from '../control/index.ts';
import { bytesText } from './number-texts.ts';
import { type Paint, safeText } from './terminal.ts';

/**
 * An item in one line, and the content of each of its formats in a line below.
 * @param words of the first line, besides the time and the ids
 */
export function itemText(
  { time, id, prevId, bytes, formats }: HistoryItem | TappedItem,
  words: { readonly before?: readonly string[]; readonly after: readonly string[] },
  paint: (paint: Paint, text: string) => string,
): string {
  const ids = [id === null ? '' : `id ${safeText(id)}`, prevId === null ? '' : `after ${safeText(prevId)}`].filter(
    (text) => text !== '',
  );
  const head = [time, ...(words.before ?? []).map(safeText), ...ids, bytesText(bytes), ...words.after];
  const contents = Object.entries(formats).map(([name, format]) => {
    const content = format.text === undefined ? `(base64) ${format.base64 ?? ''}` : safeText(format.text);
    const action = format.action === 'send' || format.action === 'text' ? '' : ` ${safeText(format.action)}`;
    const isCut = 'cut' in format && format.cut;
    const more = isCut ? paint('dim', ` … of ${bytesText(format.bytes)}`) : '';
    return `  ${paint('bold', safeText(name))}${paint('yellow', action)} ${content}${more}`;
  });
  return [paint('dim', head.join('  ')), ...contents].join('\n');
}
