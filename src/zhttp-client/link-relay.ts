import {
  encodeRequestPacket,
  parseResponsePacket,
  type ResponsePacket,
  ZhttpError,
  type ZhttpLimits,
} from '../codec/zhttp/index.ts';
import type { Part } from '../codec/zmtp/index.ts';
import type { Log } from '../exchange/index.ts';
import type { BridgeCounters } from '../zhttp/index.ts';
import { RouterSocket, type ZmqContext } from '../zmq/index.ts';
import type { HandlerLinkSink, RequestLink } from './handler-link.ts';
import { packetOf } from './handler-session.ts';
import { LOST, OFFER, PACKET, processOf, REFUSED, RELAY_OPTIONS, ROUTE, WITHDRAW } from './relay-kinds.ts';

/** The link bounds what comes in, and each process what it takes. */
const NO_LIMITS: ZhttpLimits = { maxPacketBytes: Number.POSITIVE_INFINITY, maxHeaders: Number.POSITIVE_INFINITY };

/** A link that many processes share; `route` is missing in req mode, which needs none. */
export interface RelayTarget extends RequestLink {
  route?(address: string, packet: Part): void;
}

/** What a relay is made of. */
export interface LinkRelayOptions {
  /** What handlers call us. */
  readonly address: string;
  readonly context: ZmqContext;
  readonly counters: BridgeCounters;
  readonly log: Log;
}

/**
 * Lets processes that serve connections share the ZeroMQ endpoints of this one: what their `RelayedLink` asks for is done here, and each
 * packet of a handler goes to the processes that have the sessions in it.
 */
export class LinkRelay implements HandlerLinkSink {
  readonly #options: LinkRelayOptions;
  readonly #router: RouterSocket;
  readonly #link: RelayTarget;
  /** Every process that has ever had sessions. */
  readonly #known = new Set<string>();

  /** @param openLink gives the way to the handlers, which reports to the relay */
  constructor(options: LinkRelayOptions, openLink: (sink: HandlerLinkSink) => RelayTarget) {
    this.#options = options;
    this.#router = new RouterSocket(options.context, RELAY_OPTIONS, (parts) => this.#onMessage(parts));
    this.#link = openLink(this);
  }

  /** @throws ZmqError when the endpoint cannot be bound */
  async open(endpoint: string): Promise<void> {
    await this.#router.bind(endpoint);
  }

  async close(): Promise<void> {
    await this.#router.close();
    await this.#link.close();
  }

  #onMessage(parts: readonly Buffer[]): void {
    const [, kind, name, packet] = parts as [Buffer, Buffer, Buffer, Buffer];
    const text = name.toString('latin1');
    if (kind.equals(OFFER)) {
      this.#known.add(processOf(text));
      this.#link.offer(text, packet);
    }
    if (kind.equals(ROUTE)) this.#link.route?.(text, packet);
    else if (kind.equals(WITHDRAW)) this.#link.withdraw(text);
  }

  onPacket(payload: Buffer): void {
    let packet: ResponsePacket;
    try {
      packet = parseResponsePacket(payload, NO_LIMITS);
    } catch (error) {
      if (!(error instanceof ZhttpError)) throw error;
      // Each process sees to its own sessions, and says what is wrong.
      if (error.ids.length === 0) this.#onMalformed(error);
      else this.#pass(new Set(error.ids.map(({ id }) => processOf(id))), payload);
      return;
    }
    const { ids } = packet;
    const [only] = ids;
    if (only === undefined) this.#options.counters.packetsUnclaimed++;
    if (ids.length === 1 && only !== undefined) {
      const process = processOf(only.id);
      if (!this.#send(process, payload)) this.#cancel(packet, [only.id]);
      return;
    }
    const gone = this.#pass(new Set(ids.map(({ id }) => processOf(id))), payload);
    if (gone.size > 0) {
      this.#cancel(
        packet,
        ids.map(({ id }) => id).filter((id) => gone.has(processOf(id))),
      );
    }
  }

  onRefused(id: string): void {
    this.#router.send([Buffer.from(processOf(id), 'latin1'), REFUSED, Buffer.from(id, 'latin1')]);
  }

  onReady(): void {}

  onLost(id: string): void {
    this.#router.send([Buffer.from(processOf(id), 'latin1'), LOST, Buffer.from(id, 'latin1')]);
  }

  /** Returns those of the processes that are not there. */
  #pass(processes: ReadonlySet<string>, payload: Buffer): Set<string> {
    const gone = new Set<string>();
    for (const process of processes) if (!this.#send(process, payload)) gone.add(process);
    return gone;
  }

  #send(process: string, payload: Buffer): boolean {
    return this.#router.reaches(process) && this.#router.sendTo(process, [PACKET, payload]);
  }

  /** The process of these sessions has died: their handler is told, or it would go on for nobody. */
  #cancel({ from, type }: ResponsePacket, ids: readonly string[]): void {
    this.#options.counters.packetsUnclaimed += ids.length;
    if (from === '' || type === 'cancel' || type === 'error') return;
    for (const id of ids) {
      // Others of the same address may have sessions too.
      if (!this.#known.has(processOf(id))) continue;
      const packet = packetOf('cancel');
      packet.from = this.#options.address;
      packet.ids = [{ id, seq: null }];
      this.#link.route?.(from, encodeRequestPacket(packet));
    }
  }

  #onMalformed({ message, from }: ZhttpError): void {
    this.#options.counters.packetsMalformed++;
    this.#options.log.warn({ handler: from, reason: message }, 'packet of a handler refused');
  }
}
