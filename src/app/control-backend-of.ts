import type { ClusterNode } from '../cluster/index.ts';
import { type Config, formatConfig, hasProxy } from '../config/index.ts';
import type { ControlBackend, PresencePage, PresenceQuery } from '../control/index.ts';
import type { CounterRegistry, ErrorCounts, FaultReport } from '../exchange/index.ts';
import type { AllNodes } from './all-nodes.ts';
import { changesBackend, routeChanges } from './changes-backend.ts';
import { channelsBackend, hubChannels, lookedAt } from './channels-backend.ts';
import { connectionsBackend } from './connections-backend.ts';
import type { EdgeLinks } from './edge-links.ts';
import { errorsOf } from './errors-of.ts';
import type { FetchRole } from './fetch-role.ts';
import { handlersOf } from './handlers-of.ts';
import type { HistoryRole } from './history-role.ts';
import { HistoryView } from './history-view.ts';
import { nodesOf } from './nodes-of.ts';
import { outboundOf } from './outbound-of.ts';
import type { ProxyRole } from './proxy-role.ts';
import type { ProxyWorkers } from './proxy-workers.ts';
import { reloadBackend } from './reload-backend.ts';
import type { Reloads } from './reloads.ts';
import { routesBackend } from './routes-backend.ts';
import { type StatusSources, statusOf } from './status-of.ts';
import type { Upgrader } from './upgrade/upgrader.ts';
import { upgradeBackend } from './upgrade-backend.ts';

/** What of the program the control API shows and changes. */
export interface ControlParts {
  /** The configuration in force. */
  readonly config: () => Config;
  /** Where the program is in its life. */
  readonly life: () => StatusSources['state'];
  /** What the status is read from, now. */
  readonly statusSources: () => StatusSources;
  /** Failures of all processes, now. */
  readonly errors: () => ErrorCounts;
  /** Null where the configuration cannot be read again. */
  readonly reloads: Reloads | null;
  /** All counters. */
  readonly registry: CounterRegistry;
  /** The roles that run, now. */
  readonly roles: () => ControlledRoles;
  /** Whether outbound requests are made. */
  readonly fetches: boolean;
  readonly report: FaultReport;
  readonly upgrader: Upgrader;
}

/** The roles that the control API looks at. Null where they do not run, or not yet. */
interface ControlledRoles {
  readonly proxy: ProxyRole;
  /** The processes that have the clients of the proxy. */
  readonly workers: ProxyWorkers | null;
  /** The clients of this node and of others; null without a proxy. */
  readonly allNodes: AllNodes | null;
  readonly edge: { readonly links: EdgeLinks } | null;
  readonly fetch: FetchRole | null;
  readonly history: HistoryRole | null;
  readonly cluster: ClusterNode | null;
}

/** What the operations of the control API need of this program. Each concern is in a file of its own; here they come together. */
export function controlBackendOf(parts: ControlParts): ControlBackend {
  const { config, life, statusSources, errors } = parts;
  return {
    life,
    status: () => statusOf(statusSources()),
    degraded: () => parts.roles().history?.degraded ?? null,
    errors: () => errorsOf(errors()),
    configuration: () => formatConfig(config(), { mask: true }),
    // As an operator would: whatever runs the program knows what this means.
    drain: () => process.kill(process.pid, 'SIGTERM'),
    ...ofCluster(parts),
    ...(hasProxy(config().server) && ofProxy(parts)),
    ...(config().edge.listen.length > 0 && ofEdge(parts)),
    ...(parts.fetches && ofFetch(parts)),
    upgrade: upgradeBackend(parts.upgrader),
    ...(parts.reloads !== null && ofReloads(parts.reloads, life)),
  };
}

function ofReloads(
  { reloader, changes, live }: Reloads,
  life: ControlParts['life'],
): Part<'reload' | 'certificates' | 'keys'> {
  return { reload: reloadBackend(reloader, life), ...changesBackend(changes, live) };
}

type Part<Name extends keyof ControlBackend> = Pick<ControlBackend, Name>;

function ofProxy({
  config,
  roles,
  reloads,
  statusSources,
  report,
  life,
}: ControlParts): Part<'channels' | 'connections' | 'routes'> {
  const history = new HistoryView(() => roles().history);
  // Where the clients are does not change.
  const { proxy, workers, cluster } = roles();
  const orders = workers?.relay.router ?? proxy.hub;
  const { channels, clients } = roles().allNodes as AllNodes;
  const usersOf = (channel: string, { after = '', limit }: PresenceQuery): PresencePage | null => {
    if (orders.history.rules.of(channel)?.presence !== true) return null;
    const page = proxy.presence.usersOf(channel, after, limit);
    const users = page.users.map((each) => ({ ...each, since: new Date(each.since).toISOString() }));
    return { ...page, users };
  };
  return {
    channels: channelsBackend(
      lookedAt(workers?.relay ?? hubChannels(proxy.hub), cluster),
      channels,
      history,
      usersOf,
      report,
    ),
    connections: connectionsBackend(clients, life),
    routes: {
      ...routesBackend({
        routes: () => config().routes,
        metrics: () => (workers ?? proxy).metrics,
        sourceOf: () => statusSources().configuration.sourceOf,
      }),
      ...(reloads !== null && routeChanges(reloads.changes)),
    },
  };
}

function ofCluster({ roles }: ControlParts): Part<'nodes'> {
  const { cluster } = roles();
  return cluster === null ? {} : { nodes: () => nodesOf(cluster) };
}

function ofEdge({ config, roles, registry }: ControlParts): Part<'handlers'> {
  return {
    handlers: () => {
      const sessions = registry.snapshot()['edge.zhttp']?.sessionsOpen ?? 0;
      return handlersOf(config().edge, roles().edge?.links ?? null, sessions);
    },
  };
}

function ofFetch({ roles, registry }: ControlParts): Part<'outbound'> {
  return { outbound: () => outboundOf(registry, roles().fetch) };
}
