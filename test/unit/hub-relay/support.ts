import type { TestContext } from 'node:test';
import type { Instruct, PublishItem } from '../../../src/codec/grip/index.ts';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { MemoryStore } from '../../../src/history/index.ts';
import { type ChannelRule, ChannelRules, type HubLimits } from '../../../src/hub/index.ts';
import { HubLink, HubRelay, type MarkOwner } from '../../../src/hub-relay/index.ts';
import { barePacket, KIND, RELAY_SOCKET } from '../../../src/hub-relay/relay-packet.ts';
import { DealerSocket } from '../../../src/zmq/index.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import { socketPair } from '../../support/socket-pair.ts';
import { ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { HubRig, replayBy, streamInstruct } from '../hub/support.ts';

/** An instruct whose client is subscribed to what patterns match, too. */
function withPatterns(instruct: Instruct, patterns: readonly string[]): Instruct {
  const hold = instruct.hold as NonNullable<typeof instruct.hold>;
  const matching = patterns.map((name) => ({ name, prevId: null, filters: [], pattern: true }));
  return { ...instruct, hold: { ...hold, channels: [...hold.channels, ...matching] } };
}

/** One worker: a hub, and its way to the relay. */
export class RelayedWorker {
  readonly rig: HubRig;
  readonly name: string;
  readonly #relay: HubRelay;
  readonly #link: HubLink;
  /** Requests that were sent to their origin again. */
  replays = 0;

  constructor(rig: HubRig, name: string, relay: HubRelay, link: HubLink) {
    this.rig = rig;
    this.name = name;
    this.#relay = relay;
    this.#link = link;
  }

  /** A stream that is held on a channel. */
  stream(channel: string): HeldClient {
    return this.rig.hold(this.rig.client(), streamInstruct([channel]));
  }

  /** An event stream of a client that has this event id last; null for none. */
  eventStream(
    channels: readonly string[],
    id: string | null,
    credits?: number,
    patterns: readonly string[] = [],
  ): HeldClient {
    const client = this.rig.client(credits);
    const headers = id === null ? [] : ['Last-Event-ID', id];
    const instruct = withPatterns(
      streamInstruct(channels, { headers: ['Content-Type', 'text/event-stream'] }),
      patterns,
    );
    return this.rig.hold(client, instruct, { request: { ...client.request, headers } });
  }

  /** The client drops its connection. */
  drop(client: HeldClient): void {
    client.responder?.onRequestError(new ExchangeError('HF_CLIENT_GONE', 'dropped'));
  }

  /** A stream that is held on what patterns match. */
  patternStream(...patterns: string[]): HeldClient {
    return this.rig.hold(this.rig.client(), withPatterns(streamInstruct([]), patterns));
  }

  /** A request that is held on a channel, by an origin that knows an item of it. */
  poll(channel: string, prevId: string | null): HeldClient {
    const { hold, ...rest } = streamInstruct([]);
    const channels = [{ name: channel, prevId, filters: [] }];
    const instruct = { ...rest, hold: { ...(hold as NonNullable<typeof hold>), mode: 'response' as const, channels } };
    const replay = replayBy(() => {
      this.replays++;
    });
    return this.rig.hold(this.rig.client(), instruct, { replay });
  }

  /** Has so much wait for the main process that nothing more can be said to it in this turn. */
  fallBehind(): void {
    this.#link.sendStats(Buffer.alloc(16 * RELAY_SOCKET.sendBytes));
  }

  /** Hears of marks. */
  set marks(marks: MarkOwner) {
    this.#link.marks = marks;
  }

  /** Takes what it has held back. */
  resume(): void {
    this.#link.resume();
  }

  /** Says again that it has told of its channels. */
  tellTold(): void {
    this.#link.tellTold();
  }

  /** The process ends. */
  async end(): Promise<void> {
    await this.close();
    this.#relay.remove(this.name);
  }

  /** The process is about to end. */
  async close(): Promise<void> {
    await this.#link.close();
  }
}

/** A relay, and workers in this process. */
export class HubRelayRig {
  readonly zmq: ZmqRig;
  readonly main = new HubRig(() => {});
  readonly relay: HubRelay;
  readonly #t: TestContext;

  constructor(t: TestContext, limits: Partial<HubLimits> = {}) {
    this.#t = t;
    t.after(() => this.main.wheel.stop());
    t.after(() => this.relay.close());
    this.zmq = new ZmqRig(t);
    const { wheel, counters, log } = this.main;
    this.main.limits.current = { ...this.main.limits.current, ...limits };
    this.relay = new HubRelay({
      wheel,
      counters,
      zmqCounters: this.zmq.context.counters,
      log,
      limits: this.main.limits,
    });
  }

  /** Starts a worker that cannot tell of its channels until the main process has taken what waits for it. */
  async fallenBehind(name: string): Promise<RelayedWorker> {
    const { sendBytes } = RELAY_SOCKET;
    RELAY_SOCKET.sendBytes = 1_048_576;
    this.#t.after(() => {
      RELAY_SOCKET.sendBytes = sendBytes;
    });
    const worker = await this.worker(name);
    worker.fallBehind();
    return worker;
  }

  /** Starts a worker. */
  async worker(name: string): Promise<RelayedWorker> {
    const rig = new HubRig(() => {});
    this.#t.after(() => rig.wheel.stop());
    const [near, far] = await socketPair(this.#t);
    this.relay.add(name, near);
    const link = new HubLink(this.zmq.context, far, rig.hub, () => rig.hub.drain());
    rig.hub.history.source = link.history;
    rig.hub.history.rules = this.relay.router.history.rules;
    this.#t.after(() => link.close());
    await link.ready();
    return new RelayedWorker(rig, name, this.relay, link);
  }

  /** A worker that the test plays: what is sent to it, and a way to send. */
  async fake(name: string): Promise<{ readonly packets: Buffer[]; send(packet: Buffer): boolean }> {
    const [near, far] = await socketPair(this.#t);
    this.relay.add(name, near);
    const packets: Buffer[] = [];
    let onWritable = (): void => {};
    const onMessage = ([packet]: Buffer[]): void => {
      packets.push(packet as Buffer);
    };
    const dealer = new DealerSocket(this.zmq.context, RELAY_SOCKET, onMessage, () => onWritable());
    this.#t.after(() => dealer.close());
    dealer.adopt(far, true);
    const send = (packet: Buffer): boolean => dealer.send([packet]);
    while (!send(barePacket(KIND.hello))) {
      await new Promise<void>((resolve) => {
        onWritable = resolve;
      });
    }
    return { packets, send };
  }

  /** Keeps items from now on. Workers that begin later know. */
  keep(rules: readonly ChannelRule[], maxBytes = 4_194_304): MemoryStore {
    const store = new MemoryStore({ maxBytes, log: this.main.log });
    this.#t.after(() => store.stop());
    this.relay.router.history.rules = new ChannelRules(rules);
    this.relay.router.history.keepIn(store);
    return store;
  }

  /** Resolves when the relay knows what all workers have told it so far. */
  async told(): Promise<void> {
    await new Promise((resolve) => this.relay.findHeld(new Set(), resolve));
  }

  publish(...items: PublishItem[]): void {
    this.relay.publish(items);
  }
}

/** An item for streams and held requests. */
export function relayedItem(
  channel: string,
  content: string,
  { id = null, prevId = null }: { readonly id?: string | null; readonly prevId?: string | null } = {},
): PublishItem {
  const body = Buffer.from(content);
  return {
    channel,
    id,
    prevId,
    meta: {},
    size: null,
    noSeq: false,
    httpResponse: {
      action: 'send',
      code: 200,
      reason: '',
      headers: [],
      exposeHeaders: null,
      body,
      bodyPatch: null,
      contentFilters: null,
    },
    httpStream: { action: 'send', content: body, contentFilters: null },
    wsMessage: null,
  };
}
