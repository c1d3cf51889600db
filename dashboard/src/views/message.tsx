import type { HistoryItem, TappedItem } from '../api/types.ts';
import { bytes, clock, count, text, visible } from '../live/format.ts';
import { Name } from '../parts/name.tsx';
import { contentsOf, withEnd } from './contents-of.ts';

/** An item of a list. */
export function Message({ item }: { item: HistoryItem | TappedItem }) {
  const { time, id, formats, bytes: size } = item;
  return (
    <li>
      <p class="message-head">
        <time dateTime={time}>{clock(new Date(time))}</time>
        {id !== null && id !== undefined && (
          <span class="id">
            id <Name>{id}</Name>
          </span>
        )}
        <span class="quiet">
          {text(bytes(size))}
          {'receivers' in item && `, ${count(item.receivers)} ${item.receivers === 1 ? 'receiver' : 'receivers'}`}
        </span>
      </p>
      {contentsOf(formats).map(({ format, content, note }) => (
        <div key={format} class="content">
          <span class="tag">{format}</span>
          {note !== '' && <span class="quiet">{note}</span>}
          {content !== '' && (
            <pre>
              <bdi>{visible(withEnd(content), '\n\t')}</bdi>
            </pre>
          )}
        </div>
      ))}
    </li>
  );
}
