import type { ClusterNodes } from '../api/types.ts';
import { count, duration, rate, text } from '../live/format.ts';
import { usePolled } from '../live/use-polled.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Shown } from '../parts/failed.tsx';
import { Name } from '../parts/name.tsx';
import { ViewHead } from '../parts/panel.tsx';

type Node = ClusterNodes['nodes'][number];

/** The nodes of the cluster. */
export function Nodes() {
  const polled = usePolled<ClusterNodes>('/nodes');
  return (
    <>
      <ViewHead title="Nodes" />
      <Shown polled={polled} absent="This server is no node of a cluster: it has its channels for itself.">
        {({ nodes, broker }) => (
          <>
            {!broker && <p class="banner">The broker is away. What you see is what this node knew before.</p>}
            <DataTable
              caption="Nodes of the cluster"
              columns={COLUMNS}
              rows={nodes}
              keyOf={({ id }) => id}
              empty="No node is known."
            />
          </>
        )}
      </Shown>
    </>
  );
}

const COLUMNS = [
  {
    title: 'Node',
    cell: ({ name, self }: Node) => (
      <>
        <Name>{name}</Name> {self && <span class="tag">this one</span>}
      </>
    ),
  },
  { title: 'Id', spare: true, cell: ({ id }: Node) => <code>{id}</code> },
  { title: 'Version', cell: ({ version }: Node) => <Name>{version}</Name> },
  { title: 'Protocol', numeric: true, spare: true, cell: ({ protocol }: Node) => count(protocol) },
  { title: 'State', cell: ({ state }: Node) => state },
  { title: 'Connections', numeric: true, cell: ({ connections }: Node) => count(connections) },
  { title: 'Channels', numeric: true, cell: ({ channels }: Node) => count(channels) },
  { title: 'Published', numeric: true, cell: (node: Node) => text(rate(node.publishedPerSecond)) },
  { title: 'Delivered', numeric: true, cell: (node: Node) => text(rate(node.deliveredPerSecond)) },
  {
    title: 'Last heard',
    numeric: true,
    spare: true,
    cell: ({ lastHeard }: Node) => (lastHeard === null ? '' : text(duration(lastHeard))),
  },
];
