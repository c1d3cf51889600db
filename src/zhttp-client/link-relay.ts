import type { Socket } from 'node:net';
import { Ticker, type TimerWheel, TurnQueue } from '../clock/index.ts';
import { encodeRequestPacket, idPrefixes, packetNames, RequestPacket, type SessionRef } from '../codec/zhttp/index.ts';
import type { Part } from '../codec/zmtp/index.ts';
import { LineRate, type Log, reportFault } from '../exchange/index.ts';
import { READY, type Reach, type SessionCounters, UNKNOWN } from '../zhttp/index.ts';
import type { ZmqContext } from '../zmq/index.ts';
import type { HandlerLinkSink, RequestLink } from './handler-link.ts';
import {
  contentOf,
  HELLO,
  keyOf,
  kindOf,
  LOST,
  OFFER,
  packetMessage,
  partCost,
  processOf,
  REFUSED,
  ROUTE,
  relayMessage,
  WITHDRAW,
  WITHDRAWN,
} from './relay-message.ts';
import { MAX_REACHES, RelayedProcess, type ToldReach } from './relayed-process.ts';

/** Dropped packets for each line in the log. */
const LOG_EACH = 1_000;

/** Milliseconds between two looks at the handlers that take nothing. */
const TICK = 100;

/** Milliseconds after which nothing more is said of an address that no handler has: what was for it has been given up by then. */
const UNKNOWN_TIME = 10_000;

/** A link that many processes share; `route` and `reach` are missing in req mode, which does not need them. */
export interface RelayTarget extends RequestLink {
  route?(address: string, packet: Part): void;
  reach?(address: string): Reach;
}

/** What a relay is made of. */
export interface LinkRelayOptions {
  /** What handlers call us. */
  readonly address: string;
  readonly context: ZmqContext;
  readonly counters: SessionCounters;
  readonly log: Log;
  /** Has sessions in the process of the relay itself, whose ids begin with `name` up to a hyphen; absent: none has. */
  readonly local?: { readonly name: string; readonly sink: HandlerLinkSink };
}

/**
 * Lets processes that serve connections share the ZeroMQ endpoints of this one: it does what their `RelayedLink` requests, and each
 * packet of a handler goes, as it is, to the processes that have the sessions in it.
 */
export class LinkRelay implements HandlerLinkSink {
  readonly #options: LinkRelayOptions;
  readonly #wheel: TimerWheel;
  readonly #link: RelayTarget;
  readonly #turn = new TurnQueue();
  readonly #refusals = new LineRate();
  readonly #ticker: Ticker;
  /** By what the ids of their sessions begin with. */
  readonly #processes = new Map<string, RelayedProcess>();
  #names: readonly string[];
  /** Every process so far. */
  readonly #known = new Set<string>();
  /** Handlers that the processes must not send to. */
  readonly #told = new Map<string, ToldReach>();

  /** @param openLink gives the way to the handlers, which reports to the relay */
  constructor(options: LinkRelayOptions, openLink: (sink: HandlerLinkSink) => RelayTarget) {
    this.#options = options;
    this.#wheel = options.context.wheel;
    this.#names = this.#allNames;
    this.#link = openLink(this);
    this.#ticker = new Ticker(TICK, this, () => this.#onTick());
  }

  /**
   * A process begins.
   * @param name what the ids of its sessions begin with, up to a hyphen
   * @param socket connected to its `RelayedLink`
   */
  add(name: string, socket: Socket): void {
    const process: RelayedProcess = new RelayedProcess(this.#options.context, socket, this.#turn, {
      told: this.#told,
      onMessage: (message) => this.#onMessage(process, message),
      onFault: (thrown) => this.onFault(thrown),
    });
    this.#processes.set(name, process);
    this.#known.add(name);
    this.#names = this.#allNames;
  }

  /** A process has ended. */
  remove(name: string): void {
    void this.#processes.get(name)?.close();
    this.#processes.delete(name);
    this.#names = this.#allNames;
  }

  get #allNames(): readonly string[] {
    const { local } = this.#options;
    return local === undefined ? [...this.#processes.keys()] : [local.name, ...this.#processes.keys()];
  }

  async close(): Promise<void> {
    this.#ticker.stop();
    await Promise.all([...this.#processes.values()].map((process) => process.close()));
    await this.#link.close();
  }

  // ---- from processes

  #onMessage(process: RelayedProcess, message: Buffer): void {
    switch (kindOf(message)) {
      case HELLO:
        process.onHello();
        break;
      case OFFER:
        this.#link.offer(keyOf(message), contentOf(message));
        break;
      case WITHDRAW:
        this.#withdraw(keyOf(message));
        break;
      case ROUTE: {
        const packet = contentOf(message);
        process.addRouted(partCost(packet));
        this.#route(keyOf(message), packet);
      }
    }
  }

  #withdraw(id: string): void {
    if (this.#link.withdraw(id)) this.onWithdrawn(id);
  }

  #route(address: string, packet: Part): void {
    this.#link.route?.(address, packet);
    const reach = this.#link.reach?.(address) ?? READY;
    if (reach !== READY) this.#tell(address, reach);
  }

  // ---- from the link

  onPacket(payload: Buffer): void {
    // Each process sees to its own sessions, and says what is wrong with a packet for them.
    const owners = idPrefixes(payload, this.#names) ?? ownersOf(packetNames(payload).ids);
    if (owners.length === 0) this.#onUnclaimed(payload);
    const { local } = this.#options;
    let missing = false;
    for (const owner of owners) {
      if (owner === local?.name) {
        local.sink.onPacket(payload);
        continue;
      }
      const process = this.#processes.get(owner);
      if (process === undefined) missing = true;
      else if (!process.send(packetMessage(payload))) this.#onUndelivered(owner);
    }
    if (missing) this.#cancelMissing(payload);
  }

  /** A packet that names no session. */
  #onUnclaimed(payload: Buffer): void {
    const { from, fault } = packetNames(payload);
    const { counters, log } = this.#options;
    if (fault === '') {
      counters.packetsUnclaimed++;
      return;
    }
    counters.packetsMalformed++;
    this.#refusals.write(log, 'warn', { handler: from, reason: fault }, 'packet of a handler refused');
  }

  /** Tells the process of a session something about it. */
  #report(kind: number, id: string): void {
    const name = processOf(id);
    if (this.#processes.get(name)?.send(relayMessage(kind, id)) === false) this.#onUndelivered(name);
  }

  /** Too much waits for the process already. Its session ends at the gap, or after its timeout. */
  #onUndelivered(name: string): void {
    const { counters, log } = this.#options;
    if (counters.packetsUndelivered++ % LOG_EACH === 0) {
      log.warn({ worker: name, packets: counters.packetsUndelivered }, 'worker reads too slowly, packets dropped');
    }
  }

  onRefused(id: string): void {
    const local = this.#localOf(id);
    if (local === null) this.#report(REFUSED, id);
    else local.onRefused(id);
  }

  onWithdrawn(id: string): void {
    const local = this.#localOf(id);
    if (local === null) this.#report(WITHDRAWN, id);
    else local.onWithdrawn(id);
  }

  onReady(address: string): void {
    this.#tell(address, READY);
    this.#options.local?.sink.onReady(address);
  }

  onLost(id: string): void {
    const local = this.#localOf(id);
    if (local === null) this.#report(LOST, id);
    else local.onLost(id);
  }

  /** Who has the session in this process; null where another one has it. */
  #localOf(id: string): HandlerLinkSink | null {
    const { local } = this.#options;
    return local !== undefined && processOf(id) === local.name ? local.sink : null;
  }

  /** The processes of some sessions have died: tells the handler, which would go on for sessions that are gone. */
  #cancelMissing(payload: Buffer): void {
    const { from, type, ids } = packetNames(payload);
    const missing = ids.filter(({ id }) => !this.#processes.has(processOf(id)) && this.#localOf(id) === null);
    this.#options.counters.packetsUnclaimed += missing.length;
    if (from === '' || type === 'cancel' || type === 'error') return;
    for (const { id } of missing) {
      // Others of the same address may have sessions too.
      if (!this.#known.has(processOf(id))) continue;
      const cancel = new RequestPacket('cancel');
      cancel.from = this.#options.address;
      cancel.ids = [{ id, seq: null }];
      this.#route(from, encodeRequestPacket(cancel));
    }
  }

  // ---- what handlers take

  #tell(address: string, reach: Reach): void {
    const told = this.#told.get(address);
    if ((told?.reach ?? READY) === reach) return;
    if (reach === READY) this.#told.delete(address);
    else if (told !== undefined) this.#told.set(address, { reach, since: this.#wheel.now });
    else if (this.#told.size < MAX_REACHES) this.#told.set(address, { reach, since: this.#wheel.now });
    // What waits for the others is bounded by the link alone.
    else return;
    for (const process of this.#processes.values()) process.tell(address, reach);
  }

  #onTick(): void {
    this.#lookAtHandlers();
    for (const process of this.#processes.values()) process.catchUp();
  }

  #lookAtHandlers(): void {
    for (const [address, { reach, since }] of [...this.#told]) {
      const now = this.#link.reach?.(address) ?? READY;
      const isOver = now === UNKNOWN && reach === UNKNOWN && this.#wheel.now - since >= UNKNOWN_TIME;
      this.#tell(address, isOver ? READY : now);
    }
  }

  onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
  }
}

/** What the ids of sessions begin with, each once. */
function ownersOf(ids: readonly SessionRef[]): readonly string[] {
  const owners: string[] = [];
  for (const { id } of ids) {
    const owner = processOf(id);
    if (!owners.includes(owner)) owners.push(owner);
  }
  return owners;
}
