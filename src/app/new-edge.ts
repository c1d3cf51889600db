import type { Config } from '../config/index.ts';
import type { CounterRegistry } from '../exchange/index.ts';
import type { CertificatePairs } from './certificates.ts';
import { ZmqEdgeLinks } from './edge-links.ts';
import { EdgeRole, type EdgeRoleOptions, newIdPrefix } from './edge-role.ts';
import { EdgeWorkers, type EdgeWorkersOptions } from './edge-workers.ts';
import type { PeerHandOver } from './upgrade/peer-hand-over.ts';

/** What an edge is made of. */
export interface EdgeMeans extends Omit<EdgeRoleOptions, 'edge' | 'links' | 'idPrefix' | 'share'> {
  /** Takes what worker processes count. */
  readonly registry: CounterRegistry;
  readonly watching: Pick<EdgeWorkersOptions, 'watch' | 'watched'>;
  /** Certificates that come before those of the folder. */
  readonly pairs: CertificatePairs;
  /** Has the handlers of an edge in one process stay connected across an upgrade. */
  readonly peers: PeerHandOver;
}

/** The edge of a configuration, in this process or in several. */
export function newEdge(
  config: Config,
  { registry, watching, pairs, peers, ...means }: EdgeMeans,
): EdgeRole | EdgeWorkers {
  const { edge, log, accessLog, trace } = config;
  if (edge.workers === 1) {
    const idPrefix = newIdPrefix();
    const links = new ZmqEdgeLinks(edge, means, idPrefix);
    peers.addLinks(links);
    return new EdgeRole({ ...means, edge, links, idPrefix, share: 1 });
  }
  const inForce = { edge, accessLog, trace, logLevel: log.level, certificates: pairs };
  return new EdgeWorkers({ ...means, ...inForce, ...watching, registry });
}
