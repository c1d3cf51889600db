import type { PresencePage } from '../api/types.ts';
import { count, wellFormed } from '../live/format.ts';
import { usePages } from '../live/use-pages.ts';
import { usePolled } from '../live/use-polled.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Shown } from '../parts/failed.tsx';
import { Name } from '../parts/name.tsx';
import { Paging } from '../parts/paging.tsx';
import { Panel } from '../parts/panel.tsx';
import { TimeAgo } from '../parts/time-ago.tsx';

/** Users of a page. */
const LIMIT = 20;

type User = PresencePage['users'][number];

/** Who is on a channel. */
export function ChannelUsers({ channel }: { channel: string }) {
  const pages = usePages();
  const query = new URLSearchParams({ limit: String(LIMIT), after: pages.place });
  const polled = usePolled<PresencePage>(`/channels/${encodeURIComponent(wellFormed(channel))}/presence?${query}`);
  return (
    <Panel title="Users">
      <Shown polled={polled} absent="Users of this channel are not counted any more.">
        {({ users, total, next }) => (
          <>
            <DataTable
              caption="Users"
              columns={COLUMNS}
              rows={users}
              keyOf={({ user }) => user}
              empty="Nobody whom the origin has named is here."
            />
            <Paging pages={pages} next={next}>
              {count(total)} {total === 1 ? 'user' : 'users'}
            </Paging>
          </>
        )}
      </Shown>
    </Panel>
  );
}

const COLUMNS = [
  { title: 'User', cell: ({ user }: User) => <Name>{user}</Name> },
  { title: 'Connections', numeric: true, cell: ({ connections }: User) => count(connections) },
  { title: 'Came', cell: ({ since }: User) => <TimeAgo iso={since} now={Date.now()} /> },
];
