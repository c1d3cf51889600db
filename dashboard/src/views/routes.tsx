import type { RouteState } from '../api/types.ts';
import { count, duration, text } from '../live/format.ts';
import { usePolled } from '../live/use-polled.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Shown } from '../parts/failed.tsx';
import { Name } from '../parts/name.tsx';
import { ViewHead } from '../parts/panel.tsx';
import { State } from '../parts/state.tsx';

/** What the sources of routes are called. */
const SOURCES: Readonly<Record<RouteState['source'], string>> = {
  file: 'configuration',
  routes_file: 'routes file',
  overlay: 'control API, kept',
  memory: 'control API, until the next reload',
};

/** Where requests go, and how their targets are. */
export function Routes() {
  const polled = usePolled<{ routes: readonly RouteState[] }>('/routes');
  return (
    <>
      <ViewHead title="Routes" />
      <Shown polled={polled} absent="No part of this server that runs has routes: the proxy is not configured.">
        {({ routes }) => (
          <DataTable
            stacked
            caption="Routes"
            columns={COLUMNS}
            rows={routes}
            keyOf={({ id, line }) => `${id} ${line}`}
            empty="No route is configured."
          />
        )}
      </Shown>
    </>
  );
}

const COLUMNS = [
  {
    title: 'Route',
    cell: ({ id, line, source }: RouteState) => (
      <>
        {id !== '' && <Name>{id}</Name>}
        <span class="below line">
          <code>
            <Name>{line}</Name>
          </code>
        </span>
        <span class="below quiet">{SOURCES[source]}</span>
      </>
    ),
  },
  {
    title: 'Targets',
    cell: ({ targets }: RouteState) => (
      <ul class="plain">
        {targets.map(({ target, healthy }) => (
          <li key={target}>
            <State tone={healthy ? 'good' : 'bad'}>{healthy ? 'up' : 'passed over'}</State> <Name>{target}</Name>
          </li>
        ))}
      </ul>
    ),
  },
  { title: 'Requests', numeric: true, cell: ({ requests }: RouteState) => count(requests) },
  { title: 'Responses', cell: ({ responses }: RouteState) => <Responses responses={responses} /> },
  { title: 'p50', numeric: true, spare: true, cell: ({ latency }: RouteState) => text(duration(latency.p50)) },
  { title: 'p99', numeric: true, spare: true, cell: ({ latency }: RouteState) => text(duration(latency.p99)) },
];

/** How many of each class, as a bar with its parts in words below. */
function Responses({ responses }: { responses: RouteState['responses'] }) {
  const classes = Object.entries(responses).filter(([, number]) => number > 0);
  const total = classes.reduce((sum, [, number]) => sum + number, 0);
  if (total === 0) return <span class="quiet">none yet</span>;
  return (
    <div class="responses">
      <svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        {classes.map(([name, number], i) => {
          const before = classes.slice(0, i).reduce((sum, [, earlier]) => sum + earlier, 0);
          return (
            <rect
              key={name}
              class={`of-${name}`}
              x={(before / total) * 100}
              width={(number / total) * 100}
              y={0}
              height={4}
            />
          );
        })}
      </svg>
      <ul class="inline">
        {classes.map(([name, number]) => (
          <li key={name}>
            <span class="quiet">{name}</span> {count(number)}
          </li>
        ))}
      </ul>
    </div>
  );
}
