import { type Guarded, Ticker } from '../clock/index.ts';
import type { PublishItem } from '../codec/grip/index.ts';
import { type Counters, type Log, type RouteStats, type RouteStatsTable, reportFault } from '../exchange/index.ts';
import {
  type Channel,
  distinctMembers,
  type Group,
  type Hub,
  type HubObserver,
  type Membership,
  type Subscriber,
} from '../hub/index.ts';
import { type StatsFields, type StatsFormat, statsPacket } from './stats-packet.ts';

/** Milliseconds between two looks at what has changed. */
const TICK = 100;

/** Clients and groups that are announced again in one look, so that none takes long. */
const SLICE = 256;

/** Where packets go. */
export interface StatsSocket {
  /** Whether nobody would get a packet: then none is made. */
  readonly idle: boolean;
  send(packet: Buffer): void;
}

/** What is reported, and how. */
export interface StatsReporterOptions {
  readonly hub: Pick<Hub, 'clients' | 'groups'>;
  readonly counters: Counters;
  readonly routes: RouteStatsTable;
  /** Ids of the routes that have one. Others are reported without a route. */
  readonly routeIds: () => ReadonlySet<string>;
  readonly log: Log;
  readonly socket: StatsSocket;
  /** Names this process in each packet. */
  readonly from: string;
  readonly format: StatsFormat;
  /** Seconds for which a `conn` holds. */
  readonly connectionTtl: number;
  /** Whether `conn` is sent at all. */
  readonly connectionSend: boolean;
  /** Seconds for which a `sub` holds. */
  readonly subscriptionTtl: number;
  /** Seconds for which a `conn-max` holds. */
  readonly connectionsMaxTtl: number;
  /** Seconds between two `report`. */
  readonly reportInterval: number;
  /** Bytes of an item that count as one block; 0: blocks are not counted. */
  readonly blockSize: () => number;
}

/** How a format is called in packets. */
const MODES = { 'http-response': 'response', 'http-stream': 'stream', 'ws-message': 'ws' } as const;

type Format = keyof typeof MODES;

const FORMATS = Object.keys(MODES) as readonly Format[];

/**
 * Reports what the hub does as Pushpin's stats packets: `conn` and `sub` when something changes and again at three quarters of their time,
 * `message` for each item, `activity` and `counts` of requests, and `report` and `conn-max` of an interval.
 */
export class StatsReporter implements HubObserver, Guarded {
  readonly #options: StatsReporterOptions;
  readonly #tickers: Ticker[];
  /** Groups whose size has changed since the last look. */
  readonly #changed = new Set<Group>();
  /** How many members of each route the groups have that had an item since the last look. Counting them takes a walk over all. */
  readonly #routes = new Map<Group, ReadonlyMap<string, number>>();
  #clients: Iterator<Subscriber> | null = null;
  #groups: Iterator<Group> | null = null;
  /** Requests of each route as they were at the last look, and all of them. */
  readonly #requests = new WeakMap<RouteStats, number>();
  #allRequests = 0;
  #interval = new Interval();
  #connectionMs = 0;

  constructor(options: StatsReporterOptions) {
    this.#options = options;
    const { connectionTtl, subscriptionTtl, reportInterval, connectionSend } = options;
    this.#tickers = [
      new Ticker(TICK, this, () => this.#look()),
      // As in Pushpin, so that what is known of a client or channel never ends while it is there.
      new Ticker(subscriptionTtl * 750, this, () => {
        this.#groups = options.hub.groups();
      }),
      new Ticker(reportInterval * 1_000, this, () => this.#report()),
    ];
    if (connectionSend) {
      const refresh = () => {
        this.#clients = options.hub.clients().values();
      };
      this.#tickers.push(new Ticker(connectionTtl * 750, this, refresh));
    }
    this.#interval.begin(options.counters);
    this.#allRequests = options.counters.requests;
  }

  stop(): void {
    for (const ticker of this.#tickers) ticker.stop();
  }

  onHeld(client: Subscriber): void {
    if (this.#sendsConnections) this.#announce(client);
  }

  onLeft({ id, route }: Subscriber): void {
    if (this.#sendsConnections) this.#send('conn', { route: route || undefined, id, unavailable: true });
  }

  onMembers(group: Group): void {
    if (this.#options.socket.idle) return;
    this.#changed.add(group);
    this.#routes.delete(group);
  }

  onItem(item: PublishItem, channel: Channel | null, patterns: readonly Channel[]): void {
    if (channel !== null && patterns.length === 0) {
      for (const group of channel.groups) this.#countItem(item, group.format, group.size, group);
      return;
    }
    const channels = channel === null ? patterns : [channel, ...patterns];
    for (const format of FORMATS) {
      const groups = channels.flatMap((each) => each.groupOf(format) ?? []).filter(({ size }) => size > 0);
      const [group] = groups;
      if (group === undefined) continue;
      const members = groups.length === 1 ? null : distinctMembers(groups);
      if (members === null) this.#countItem(item, format, group.size, group);
      else this.#countItem(item, format, members.length, members);
    }
  }

  /** @param receivers those that get the item: `size` of them */
  #countItem(item: PublishItem, format: Format, size: number, receivers: Group | readonly Membership[]): void {
    const { socket, blockSize } = this.#options;
    const bytes = sizeOf(item, format);
    if (bytes === null) return;
    const unit = blockSize();
    const blocks = unit === 0 ? undefined : Math.ceil(Math.max(1, bytes) / unit);
    this.#interval.count(format, size, blocks ?? 0);
    if (socket.idle) return;
    const counts = 'members' in receivers ? this.#membersByRoute(receivers) : membersByRoute(receivers);
    for (const [route, count] of counts) {
      this.#send('message', {
        route: route || undefined,
        channel: item.channel,
        'item-id': item.id ?? undefined,
        count,
        blocks: blocks === undefined ? undefined : blocks * count,
        transport: format,
      });
    }
  }

  onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
  }

  get #sendsConnections(): boolean {
    return this.#options.connectionSend && !this.#options.socket.idle;
  }

  #membersByRoute(group: Group): ReadonlyMap<string, number> {
    let counts = this.#routes.get(group);
    if (counts === undefined) {
      counts = membersByRoute(group.members);
      this.#routes.set(group, counts);
    }
    return counts;
  }

  #look(): void {
    const { socket, counters } = this.#options;
    this.#routes.clear();
    this.#interval.see(counters.connectionsOpen);
    this.#connectionMs += counters.connectionsOpen * TICK;
    const received = counters.requests - this.#allRequests;
    this.#allRequests = counters.requests;
    if (socket.idle) {
      this.#changed.clear();
      this.#noteRequests(() => {});
      return;
    }
    for (const group of this.#changed) this.#announceGroup(group);
    this.#changed.clear();
    this.#noteRequests((route, count) => this.#send('activity', { route: route || undefined, count }));
    if (received > 0) this.#send('counts', { 'requests-received': received });
    this.#refresh();
  }

  /** Announces the next clients and groups again. */
  #refresh(): void {
    for (let left = SLICE; left > 0 && this.#clients !== null; left--) {
      const { done, value } = this.#clients.next();
      if (done === true) this.#clients = null;
      else this.#announce(value);
    }
    for (let left = SLICE; left > 0 && this.#groups !== null; left--) {
      const { done, value } = this.#groups.next();
      if (done === true) this.#groups = null;
      else if (value.size > 0) this.#announceGroup(value);
    }
  }

  #announce({ id, route, format, peer, encrypted }: Subscriber): void {
    this.#send('conn', {
      route: route || undefined,
      id,
      type: format === 'ws-message' ? 'ws' : 'http',
      'peer-address': peer.address || undefined,
      ssl: encrypted || undefined,
      ttl: this.#options.connectionTtl,
    });
  }

  #announceGroup(group: Group): void {
    const { size, channel, format } = group;
    const { name, isPattern } = channel;
    const about = { mode: MODES[format], channel: name, pattern: isPattern || undefined };
    if (size === 0) this.#send('sub', { ...about, unavailable: true });
    else this.#send('sub', { ...about, ttl: this.#options.subscriptionTtl, subscribers: size });
  }

  /** Calls `tell` with the requests since the last call, of each route that has an id and of all others together. */
  #noteRequests(tell: (route: string, count: number) => void): void {
    const ids = this.#options.routeIds();
    let others = 0;
    for (const [name, stats] of this.#options.routes.entries()) {
      const count = stats.requests - (this.#requests.get(stats) ?? 0);
      if (count === 0) continue;
      this.#requests.set(stats, stats.requests);
      if (ids.has(name)) tell(name, count);
      else others += count;
    }
    if (others > 0) tell('', others);
  }

  #report(): void {
    const { counters, socket, connectionsMaxTtl, reportInterval, blockSize } = this.#options;
    const interval = this.#interval;
    this.#interval = new Interval();
    this.#interval.begin(counters);
    const minutes = Math.floor(this.#connectionMs / 60_000);
    this.#connectionMs -= minutes * 60_000;
    if (socket.idle) return;
    const countsBlocks = blockSize() > 0;
    this.#send('report', {
      connections: interval.connections,
      minutes,
      received: counters.itemsPublished - interval.published,
      sent: counters.itemsDelivered - interval.delivered,
      'http-response-sent': interval.responses,
      'blocks-received': countsBlocks ? interval.blocksReceived : undefined,
      'blocks-sent': countsBlocks ? interval.blocksSent : undefined,
      duration: reportInterval * 1_000,
    });
    this.#send('conn-max', { max: interval.connections, ttl: connectionsMaxTtl });
  }

  #send(type: string, fields: StatsFields): void {
    const { socket, from, format } = this.#options;
    socket.send(statsPacket(type, { from, ...fields }, format));
  }
}

/** What is counted between two reports. */
class Interval {
  published = 0;
  delivered = 0;
  /** The most that were open at a time. */
  connections = 0;
  responses = 0;
  blocksReceived = 0;
  blocksSent = 0;

  begin({ itemsPublished, itemsDelivered, connectionsOpen }: Counters): void {
    this.published = itemsPublished;
    this.delivered = itemsDelivered;
    this.connections = connectionsOpen;
  }

  see(connections: number): void {
    this.connections = Math.max(this.connections, connections);
  }

  count(format: Format, size: number, blocks: number): void {
    if (format === 'http-response') this.responses += size;
    this.blocksReceived += blocks;
    this.blocksSent += blocks * size;
  }
}

/** Bytes of the item in a format; null if it has none. */
function sizeOf({ size, httpResponse, httpStream, wsMessage }: PublishItem, format: Format): number | null {
  const content =
    format === 'http-response'
      ? httpResponse?.body
      : format === 'http-stream'
        ? httpStream?.content
        : wsMessage?.content;
  return content === undefined ? null : (size ?? content.length);
}

function membersByRoute(members: readonly Membership[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { position, receiver } of members) {
    if (position >= 0) counts.set(receiver.route, (counts.get(receiver.route) ?? 0) + 1);
  }
  return counts;
}
