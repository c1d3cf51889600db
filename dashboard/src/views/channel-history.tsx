import type { HistoryPage } from '../api/types.ts';
import { wellFormed } from '../live/format.ts';
import { usePages } from '../live/use-pages.ts';
import { usePolled } from '../live/use-polled.ts';
import { Shown } from '../parts/failed.tsx';
import { Paging } from '../parts/paging.tsx';
import { Panel } from '../parts/panel.tsx';
import { Message } from './message.tsx';

/** Items of a page. */
const LIMIT = 20;

/**
 * The items of a channel that are kept, page by page from the newest on.
 * @param state changes whenever others are kept: a page may be long, and is fetched again only then
 */
export function ChannelHistory({ channel, state }: { channel: string; state: string }) {
  const pages = usePages();
  const polled = usePolled<HistoryPage>(pathOf(channel, pages.place), state);
  return (
    <Panel title="History">
      <Shown polled={polled} absent="Nothing is kept of this channel any more.">
        {({ recovered, items, next }) => (
          <>
            {items.length === 0 ? (
              <p class="empty">
                {recovered ? 'Nothing is kept yet.' : 'The history has begun anew: go back to its first page.'}
              </p>
            ) : (
              <ol class="messages" aria-label="Kept items, newest first">
                {items.map((item) => (
                  <Message key={item.cursor} item={item} />
                ))}
              </ol>
            )}
            <Paging pages={pages} next={next} names={['Newer', 'Older']} />
          </>
        )}
      </Shown>
    </Panel>
  );
}

function pathOf(channel: string, since: string): string {
  const query = new URLSearchParams({ reverse: 'true', limit: String(LIMIT) });
  if (since !== '') query.set('since', since);
  return `/channels/${encodeURIComponent(wellFormed(channel))}/history?${query}`;
}
