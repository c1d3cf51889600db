import type { Outbound } from '../api/types.ts';
import { count } from '../live/format.ts';
import { usePolled } from '../live/use-polled.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Shown } from '../parts/failed.tsx';
import { Name } from '../parts/name.tsx';
import { Panel, ViewHead } from '../parts/panel.tsx';
import { TimeAgo } from '../parts/time-ago.tsx';

/** The requests that programs let the server make, and those that its rules forbade. */
export function OutboundRequests({ now }: { now: number }) {
  const polled = usePolled<Outbound>('/outbound');
  return (
    <>
      <ViewHead title="Outbound requests" />
      <Shown polled={polled} absent="Outbound requests are not made here: the fetch role does not run.">
        {({ open, requests, denied }) => (
          <>
            <dl class="facts">
              <div>
                <dt>Open</dt>
                <dd>{count(open)}</dd>
              </div>
              <div>
                <dt>Since the start</dt>
                <dd>{count(requests)}</dd>
              </div>
              <div>
                <dt>Denied</dt>
                <dd>{count(denied.reduce((sum, denial) => sum + denial.count, 0))}</dd>
              </div>
            </dl>
            <Panel title="Denied by policy">
              <DataTable
                caption="Requests that the policy denied, by reason"
                columns={columnsAt(now)}
                rows={denied}
                keyOf={({ reason }) => reason}
                empty="No request was denied."
              />
            </Panel>
          </>
        )}
      </Shown>
    </>
  );
}

type Denial = Outbound['denied'][number];

function columnsAt(now: number) {
  return [
    { title: 'Reason', cell: ({ reason }: Denial) => <Name>{reason}</Name> },
    { title: 'Count', numeric: true, cell: (denial: Denial) => count(denial.count) },
    { title: 'Last', numeric: true, cell: ({ last }: Denial) => <TimeAgo iso={last} now={now} /> },
  ];
}
