import { useEffect, useState } from 'preact/hooks';
import type { Channel, ChannelPage } from '../api/types.ts';
import { count, wellFormed } from '../live/format.ts';
import { hrefOf } from '../live/place.ts';
import { usePages } from '../live/use-pages.ts';
import { usePolled } from '../live/use-polled.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Shown } from '../parts/failed.tsx';
import { Name } from '../parts/name.tsx';
import { Paging } from '../parts/paging.tsx';
import { ViewHead } from '../parts/panel.tsx';

/** Channels of a page. */
const LIMIT = 50;

/** Milliseconds that the reader must have stopped typing for. */
const TYPING = 250;

/** The channels that somebody is subscribed to, and those that have a history. */
export function Channels() {
  const [typed, setTyped] = useState('');
  const [prefix, setPrefix] = useState('');
  const pages = usePages();
  useEffect(() => {
    if (typed === prefix) return;
    const timer = setTimeout(() => {
      setPrefix(typed);
      pages.begin();
    }, TYPING);
    return () => clearTimeout(timer);
  }, [typed, prefix]);
  const polled = usePolled<ChannelPage>(pathOf(prefix, pages.place));
  return (
    <>
      <ViewHead title="Channels">
        <label class="search">
          <span class="unseen">Names that begin with</span>
          <input
            type="search"
            placeholder="Names that begin with…"
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
      </ViewHead>
      <Shown polled={polled} absent="No part of this server that runs has channels: the proxy is not configured.">
        {({ channels, total, next }) => (
          <>
            <DataTable
              caption="Channels"
              columns={COLUMNS}
              rows={channels}
              keyOf={({ name, pattern }) => (pattern ? `pattern ${name}` : `channel ${name}`)}
              empty={
                prefix === ''
                  ? 'Nobody is subscribed to any channel. A response with Grip-Hold and Grip-Channel subscribes its client.'
                  : 'No channel with a subscriber or a history begins like this.'
              }
            />
            <Paging pages={pages} next={next}>
              {count(total)} {total === 1 ? 'channel' : 'channels'}
            </Paging>
          </>
        )}
      </Shown>
    </>
  );
}

const COLUMNS = [
  {
    title: 'Channel',
    // A pattern is no channel: nothing is published to it.
    cell: ({ name, pattern }: Channel) =>
      pattern ? (
        <>
          <Name>{name}</Name> <span class="tag">pattern</span>
        </>
      ) : (
        <a href={hrefOf('channels', name)}>
          <Name>{name}</Name>
        </a>
      ),
  },
  { title: 'Subscribers', numeric: true, cell: ({ subscribers }: Channel) => count(subscribers) },
  {
    title: 'Kept',
    numeric: true,
    cell: ({ history }: Channel) => (history === undefined ? <span class="quiet">–</span> : count(history.items)),
  },
  {
    title: 'Last id',
    spare: true,
    cell: ({ lastId }: Channel) => (lastId === null ? <span class="quiet">–</span> : <Name>{lastId}</Name>),
  },
];

function pathOf(prefix: string, after: string): string {
  const query = new URLSearchParams({ limit: String(LIMIT), kept: 'true' });
  if (prefix !== '') query.set('prefix', wellFormed(prefix));
  if (after !== '') query.set('after', wellFormed(after));
  return `/channels?${query}`;
}
