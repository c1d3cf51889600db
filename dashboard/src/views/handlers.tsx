import type { Handlers as Endpoints } from '../api/types.ts';
import { count } from '../live/format.ts';
import { usePolled } from '../live/use-polled.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Shown } from '../parts/failed.tsx';
import { Name } from '../parts/name.tsx';
import { ViewHead } from '../parts/panel.tsx';

type Handler = Endpoints['handlers'][number];

/** The handlers behind the edge. */
export function Handlers() {
  const polled = usePolled<Endpoints>('/handlers');
  return (
    <>
      <ViewHead title="Edge handlers" />
      <Shown polled={polled} absent="The edge does not run here. It passes requests to handlers over ZeroMQ.">
        {({ handlers }) => (
          <DataTable
            caption="Endpoints of handlers"
            columns={COLUMNS}
            rows={handlers}
            keyOf={({ mode, endpoint }) => `${mode} ${endpoint}`}
            empty="No endpoint for handlers is configured."
          />
        )}
      </Shown>
    </>
  );
}

const COLUMNS = [
  {
    title: 'Endpoint',
    cell: ({ endpoint }: Handler) => (
      <code>
        <Name>{endpoint}</Name>
      </code>
    ),
  },
  { title: 'Mode', cell: ({ mode }: Handler) => mode },
  { title: 'Connections', numeric: true, cell: ({ connections }: Handler) => count(connections) },
  { title: 'Sessions', numeric: true, cell: ({ sessions }: Handler) => count(sessions) },
];
