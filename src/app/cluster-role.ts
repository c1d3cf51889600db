import type { TimerWheel } from '../clock/index.ts';
import type { Broker, ClusterNode, ClusterNodeOptions, NodeClients } from '../cluster/index.ts';
import type { Config } from '../config/index.ts';
import type { ClusterCounters, Log } from '../exchange/index.ts';
import type { HistoryCounters } from '../history/index.ts';
import type { Hub, ItemRouter } from '../hub/index.ts';
import { brokerAccess } from './broker-access.ts';
import { packageVersion } from './package-version.ts';

/** What the role is made of. */
export interface ClusterRoleOptions {
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly counters: ClusterCounters;
  readonly historyCounters: HistoryCounters;
  /** Where the items of other nodes go. */
  readonly clients: NodeClients;
  readonly facts: ClusterNodeOptions['facts'];
}

/** Makes this process a node of a cluster, as the configuration says. The code for that is loaded only then. @param abandon ends waiting for a broker that is not there yet @throws BrokerError */
export async function joinCluster(
  config: Config,
  options: ClusterRoleOptions,
  abandon: AbortSignal | null,
): Promise<ClusterNode> {
  const { ClusterNode: Node } = await import('../cluster/index.ts');
  const { cluster, history } = config;
  const { prefix, node, replicas, onPartition } = cluster;
  const settings = { prefix, node, replicas, onPartition, maxBytes: history.maxBytes };
  const broker = { ...brokerAccess(cluster), abandon };
  return Node.start({ ...options, ...settings, broker, version: packageVersion() });
}

/** Connects a process that is a part of a node. @throws BrokerError */
export async function connectBroker(config: Config, log: Log): Promise<Broker> {
  const { Broker: Connection, nodeName } = await import('../cluster/index.ts');
  return Connection.connect({ ...brokerAccess(config.cluster), name: nodeName(config.cluster.node).name, log });
}

/** The clients of a hub, or of all hubs that a router has. @param catchUp as `NodeClients` has it */
export function nodeClients(hub: Hub | ItemRouter, catchUp: () => void): NodeClients {
  return {
    fromNodes: hub.fromNodes,
    catchUp,
    get rules() {
      return hub.history.rules;
    },
    watchChannels: (watcher) => hub.watchChannels(watcher),
    unwatchChannels: (watcher) => hub.unwatchChannels(watcher),
  };
}
