import { type Guarded, Ticker, type TimerWheel } from '../../clock/index.ts';
import { type ClusterCounters, type Log, reportFault } from '../../exchange/index.ts';
import {
  type CountsWatcher,
  type KnownStay,
  NOBODY,
  type PresenceEvent,
  type PresenceSource,
  type PresenceTable,
} from '../../hub/index.ts';
import type { Broker, BrokerWatcher } from '../broker.ts';
import { calledWithin } from '../called-within.ts';
import type { NodeRegistry, NodeWatcher } from '../node-registry.ts';
import { SharedBucket } from '../shared-bucket.ts';
import type { Subjects } from '../subjects.ts';
import { type BucketChange, type BucketReader, BucketWatch } from './bucket-watch.ts';
import { OwnedKeys } from './owned-keys.ts';
import { markKey, type PresenceKey, presenceKeyOf, stayKey, toldKey } from './presence-key.ts';
import { PresenceView } from './presence-view.ts';

/** Milliseconds after which the bucket forgets a value, and after which its node writes it again. */
const [AGE, REFRESH] = [3_600_000, 1_200_000];

/** Milliseconds after its start until a node may be the leader: by then it has heard of the others. */
const HEAR_MS = 1_000;

/** Milliseconds for which a node that was never heard of is believed to be there. */
const UNHEARD_MS = 5_000;

/** Milliseconds between two checks of which nodes there are. */
const TICK = 500;

/** Milliseconds for which a node that stops waits until the broker knows that its users have left. */
const STOP_MS = 2_000;

/** Bytes of a value, as the broker counts them. */
const MAX_VALUE_BYTES = 256;

/**
 * Bytes of who is on the channels of all nodes, and of what was told, as the broker counts them: 100 and more for a user on a channel, depending on the names. When there is no room, users who come are not known in
 * the cluster until others have left, which is counted and logged.
 * @bound cluster-presence-bucket
 */
const MAX_BYTES = 134_217_728;

/** What the presence of a cluster is made of. */
export interface ClusterPresenceOptions {
  readonly broker: Broker;
  readonly subjects: Subjects;
  readonly replicas: number;
  /** Id of this node. */
  readonly self: string;
  readonly registry: Pick<NodeRegistry, 'others' | 'watch' | 'unwatch'>;
  readonly wheel: TimerWheel;
  readonly counters: ClusterCounters;
  readonly log: Log;
}

/**
 * Who is on the channels of all nodes. Each node writes who its own clients are into a bucket, and reads what the others write: so the table of each has the users of all. One node, the leader, publishes who
 * comes and leaves, and writes down what it has told: it is the one with the lowest id of those that are there. When it is gone the next one goes on from there.
 */
export class ClusterPresence implements BucketReader, CountsWatcher, NodeWatcher, BrokerWatcher, Guarded {
  readonly #options: ClusterPresenceOptions;
  readonly #table: PresenceTable;
  readonly #source: PresenceSource;
  readonly #view: PresenceView;
  readonly #own: OwnedKeys;
  readonly #watch: BucketWatch;
  readonly #ticker: Ticker;
  readonly #heard: number;
  /** Nodes that have users but are not there, with the wheel time at which their users are removed. */
  readonly #missing = new Map<string, number>();
  /** Keys that have come while the bucket is read again; null once all have. */
  #loading: Set<string> | null = new Set();
  #isLeader = false;
  /** Another leader has told something meanwhile. */
  #isOutdated = false;
  #stopped = false;

  private constructor(
    options: ClusterPresenceOptions,
    bucket: SharedBucket,
    table: PresenceTable,
    source: PresenceSource,
  ) {
    const { counters, log, registry, broker, wheel, self } = options;
    this.#options = options;
    this.#table = table;
    this.#source = source;
    this.#view = new PresenceView(counters, log);
    this.#own = new OwnedKeys(bucket.values, REFRESH, options);
    this.#own.onValue = (key, value, isForeign) => this.#onOwnValue(key, value, isForeign);
    this.#watch = new BucketWatch(bucket, markKey(self), this, options);
    this.#ticker = new Ticker(TICK, this, () => this.#tick());
    this.#heard = wheel.now + HEAR_MS;
    registry.watch(this);
    broker.watch(this);
    source.counts.watch(this);
    this.#watch.start();
  }

  /**
   * Begins. The table is that of the cluster from now on.
   * @param source whose clients those of this node are
   * @throws BrokerError as `SharedBucket.open`
   */
  static async start(
    options: ClusterPresenceOptions,
    table: PresenceTable,
    source: PresenceSource,
  ): Promise<ClusterPresence> {
    const { broker, subjects, replicas } = options;
    const name = `${subjects.name}_presence`;
    const bucket = await SharedBucket.open(broker, 'users on channels', {
      name,
      age: AGE,
      maxValueBytes: MAX_VALUE_BYTES,
      maxBytes: MAX_BYTES,
      replicas,
    });
    return new ClusterPresence(options, bucket, table, source);
  }

  /** Whether this node publishes who comes and leaves. */
  get isLeader(): boolean {
    return this.#isLeader;
  }

  /** This node stops, and has no clients any more. The last node tells that all have left. */
  async stop(): Promise<void> {
    const { registry } = this.#options;
    this.#stopped = true;
    if (this.#isLeader && registry.others.size === 0) {
      this.#table.leaveAll();
    } else {
      this.#isLeader = false;
      this.#table.release();
    }
    this.#ticker.stop();
    registry.unwatch(this);
    this.#source.counts.unwatch(this);
    if (this.#options.broker.up) await this.#written();
    this.#own.stop();
    this.#watch.stop();
  }

  /** Checks that the bucket is still there, and makes it again if not. It does so every 10 s. */
  async checkBucket(): Promise<void> {
    await this.#watch.look();
  }

  countChanged(channel: string, user: string): void {
    const key = stayKey(this.#options.self, channel, user);
    if (key === null) return;
    const connections = this.#source.counts.connectionsOf(channel, user);
    const value = connections === 0 ? '' : String(connections);
    // How many connections a user has matters less than whether there is one.
    const isUrgent = connections === 0 || this.#own.wanted(key) === '';
    if (this.#own.wanted(key) !== value) this.#own.set(key, value, isUrgent);
  }

  onBegin(): void {
    this.#loading = new Set();
    this.#own.restart();
  }

  onChange({ key, value, revision }: BucketChange): void {
    const read = presenceKeyOf(key);
    if (read === null) {
      this.#options.counters.messagesInvalid++;
      return;
    }
    this.#loading?.add(key);
    const isOwn = read.kind === 'stay' ? read.node === this.#options.self : read.kind === 'told' && this.#isLeader;
    if (isOwn || this.#own.pending(key) !== null) this.#own.read(key, value, revision);
    else this.#view.take(read, value);
  }

  onLoaded(): void {
    const { self } = this.#options;
    const loaded = this.#loading;
    this.#loading = null;
    // What was deleted while nothing was read.
    const gone = [...this.#view.keys()].filter((key) => loaded?.has(key) === false);
    for (const key of gone) {
      // The broker has gone away before it took this, or has lost it: what another node ends has an empty value.
      const wanted = this.#own.wanted(key);
      if (wanted === '') this.#view.take(presenceKeyOf(key) as PresenceKey, '');
      else this.#own.set(key, wanted);
    }
    const own = this.#view.staysOf(self);
    const { counts } = this.#source;
    for (const [channel, user] of [...(own?.entries() ?? [])]) {
      if (counts.connectionsOf(channel, user) === 0) this.#own.set(stayKey(self, channel, user) as string, '');
    }
    for (const [channel, user] of counts.entries()) {
      const key = stayKey(self, channel, user);
      const connections = counts.connectionsOf(channel, user);
      if (key !== null && own?.connectionsOf(channel, user) !== connections) this.#own.set(key, String(connections));
    }
    this.#lead(this.#mayLead);
  }

  nodeCame(): void {
    this.#choose();
  }

  nodeGone(id: string): void {
    this.#missing.set(id, 0);
    this.#tick();
  }

  onDown(): void {
    this.#isLeader = false;
    this.#loading ??= new Set();
  }

  onUp(): void {
    if (!this.#stopped) this.#watch.start();
  }

  onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
  }

  /** Whether this node is to be the leader. */
  get #mayLead(): boolean {
    const { registry, self, broker, wheel } = this.#options;
    if (!broker.up || wheel.now < this.#heard) return false;
    for (const [id, { heartbeat }] of registry.others) if (heartbeat.facts !== null && id < self) return false;
    return true;
  }

  #choose(): void {
    const mayLead = this.#mayLead;
    if (this.#loading === null && (mayLead !== this.#isLeader || this.#isOutdated)) this.#lead(mayLead);
  }

  /** Begins to lead, or ends that: who is there is compared with what was told. */
  #lead(leads: boolean): void {
    // Events that wait are found again by the next leader.
    this.#isLeader = false;
    this.#isOutdated = false;
    this.#table.release();
    const told = [...this.#view.told];
    // What this node has told before and the broker has not taken yet counts if this node goes on to tell.
    const isPending = (key: string): boolean => leads && this.#own.pending(key) !== null;
    for (const key of this.#own.keys) if (key.startsWith('t.') && !isPending(key)) this.#own.disown(key);
    for (const { channel, user, since } of leads ? told : []) {
      const key = toldKey(channel, user);
      if (!isPending(key)) this.#own.adopt(key, this.#toldValue(since));
    }
    this.#isLeader = leads;
    const { counts } = this.#view;
    this.#table.lead(
      {
        counts,
        tell: (events) => this.#tell(events),
        requestTurn: (publication) => this.#source.requestTurn(publication),
        cancelTurn: (publication) => this.#source.cancelTurn(publication),
      },
      told.sort(channelsFirst),
    );
  }

  #tell(events: readonly PresenceEvent[]): void {
    if (!this.#isLeader) return;
    this.#source.tell(events);
    for (const { kind, channel, user, time } of events) {
      const told = { kind: 'told', channel, user: user ?? NOBODY } as const;
      const value = kind === 'join' || kind === 'occupied' ? this.#toldValue(time) : '';
      this.#view.take(told, value);
      this.#own.set(toldKey(channel, told.user), value);
    }
  }

  #toldValue(since: number): string {
    return `${since} ${this.#options.self}`;
  }

  /** A value was read that is for this node to write. */
  #onOwnValue(key: string, value: string, isForeign: boolean): void {
    const read = presenceKeyOf(key);
    const wanted = this.#own.wanted(key);
    if (read === null) return;
    this.#view.take(read, value);
    if (!isForeign) return;
    // Others have taken this node for gone, as it was stopped for a while.
    if (read.kind === 'stay' && read.node === this.#options.self) this.#own.set(key, wanted);
    // There were two leaders for a moment.
    else if (read.kind === 'told' && (value === '') !== (wanted === '')) this.#isOutdated = true;
  }

  #tick(): void {
    if (this.#stopped) return;
    this.#choose();
    if (!this.#isLeader) return;
    const { registry, self, wheel } = this.#options;
    for (const node of [...this.#view.nodes]) {
      if (node === self || registry.others.has(node)) {
        this.#missing.delete(node);
        continue;
      }
      const until = this.#missing.get(node) ?? wheel.now + UNHEARD_MS;
      this.#missing.set(node, until);
      if (wheel.now >= until) this.#remove(node);
    }
    const nodes = new Set(this.#view.nodes);
    for (const node of this.#missing.keys()) if (!nodes.has(node)) this.#missing.delete(node);
  }

  /** A node is gone: its users have no connections there. */
  #remove(node: string): void {
    for (const [channel, user] of this.#view.staysOf(node)?.entries() ?? []) {
      const key = stayKey(node, channel, user) as string;
      if (this.#own.pending(key) !== '') this.#own.set(key, '');
    }
  }

  #written(): Promise<void> {
    return calledWithin(STOP_MS, (done) => {
      this.#own.onWritten = done;
      if (this.#own.idle) done();
    });
  }
}

/** A channel has clients before a user is there. */
function channelsFirst(one: KnownStay, other: KnownStay): number {
  return Number(other.user === NOBODY) - Number(one.user === NOBODY);
}
