import type { ClusterNode, KnownNode } from '../cluster/index.ts';
import type { ClusterNodes, ShownNode } from '../control/index.ts';

/** The nodes of a cluster, for the control API. */
export function nodesOf({ broker, registry }: Pick<ClusterNode, 'broker' | 'registry'>): ClusterNodes {
  return { nodes: registry.nodes.map(shownNode), broker: broker.up };
}

function shownNode({ id, name, version, protocol, started, facts, rates, silent }: KnownNode): ShownNode {
  return {
    id,
    name,
    self: silent === null,
    version,
    protocol,
    state: facts?.state ?? 'incompatible',
    started: new Date(started).toISOString(),
    connections: facts?.connections ?? null,
    channels: facts?.channels ?? null,
    publishedPerSecond: rates?.published ?? null,
    deliveredPerSecond: rates?.delivered ?? null,
    lastHeard: silent === null ? null : Math.round(silent) / 1_000,
  };
}
