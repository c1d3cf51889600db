import {
  ClusterCounters,
  ControlCounters,
  CounterRegistry,
  Counters,
  OriginCounters,
  RouteStatsTable,
  ServerCounters,
} from '../exchange/index.ts';
import { HistoryCounters } from '../history/index.ts';
import { WebhookCounters } from '../webhooks/index.ts';
import { SessionCounters } from '../zhttp/index.ts';
import { ZmqCounters } from '../zmq/index.ts';
import { newMongrel2Counters } from './mongrel2-role.ts';
import { PoolCounters } from './worker-pool.ts';

/** What the program counts, by role. Roles are given their own counters, and those of roles that run are registered by name. */
export class AppCounters {
  /** All counters that are registered, of this process and its workers. */
  readonly registry = new CounterRegistry();
  readonly proxy = new Counters();
  /** What is counted by route. */
  readonly routes = new RouteStatsTable();
  /** Publishers are not clients: their connections and requests count apart. */
  readonly control = new ControlCounters();
  /** Publishing over ZeroMQ. */
  readonly publish = new ZmqCounters();
  /** Items that are kept. */
  readonly history = new HistoryCounters();
  /** Items to and from other nodes. */
  readonly cluster = new ClusterCounters();
  readonly edge = { server: new ServerCounters(), zhttp: new SessionCounters(), zmq: new ZmqCounters() };
  readonly mongrel2 = newMongrel2Counters();
  readonly fetch = { client: new OriginCounters(), zhttp: new SessionCounters(), zmq: new ZmqCounters() };
  /** Requests from edges that are other programs. */
  readonly front = { zhttp: new SessionCounters(), zmq: new ZmqCounters() };
  /** Sessions with what stands for origins over ZHTTP. */
  readonly origins = { zhttp: new SessionCounters(), zmq: new ZmqCounters() };
  readonly webhooks = { webhooks: new WebhookCounters(), client: new OriginCounters() };
  /** Messages to worker processes. */
  readonly relay = new ZmqCounters();
  readonly pool = new PoolCounters();

  /** Registers the counters of a role, each with the name of its part: `edge.zmq`. */
  register(role: string, parts: Readonly<Record<string, object>>): void {
    for (const [part, counters] of Object.entries(parts)) this.registry.add(`${role}.${part}`, counters);
  }
}
