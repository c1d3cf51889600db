import { Ticker } from '../clock/index.ts';
import { reportFault } from '../exchange/index.ts';
import { DealerSocket, type ZmqSocket } from '../zmq/index.ts';
import type { RequestLinkSink } from './handler-link.ts';
import type { OwnLink } from './own-link.ts';
import { WaitingRequests } from './waiting-requests.ts';
import { LINK_TICK, type ZmqLinkOptions } from './zmq-link-options.ts';

/** What a link of req mode is made of. Times in milliseconds. */
export interface ZmqReqLinkOptions extends ZmqLinkOptions {
  readonly endpoints: readonly string[];
}

/** Requests that may be on their way to one handler. */
const SEND_HWM = 128;

const EMPTY = Buffer.alloc(0);

/** Sends requests over a DEALER socket to handlers with REP or ROUTER sockets, in turn. */
export class ZmqReqLink implements OwnLink {
  readonly #options: ZmqReqLinkOptions;
  readonly #sink: RequestLinkSink;
  readonly #dealer: DealerSocket;
  readonly #waiting: WaitingRequests;
  readonly #ticker: Ticker;

  constructor(options: ZmqReqLinkOptions, sink: RequestLinkSink) {
    const { wheel, zmqCounters: counters, log, ipcFileMode: ipcMode, maxMessageBytes } = options;
    this.#options = options;
    this.#sink = sink;
    this.#waiting = new WaitingRequests(options.backendTimeout);
    // Closing waits for nothing: the responses would have no receiver.
    this.#dealer = new DealerSocket(
      { wheel, counters, log },
      { sendHwm: SEND_HWM, immediate: true, ipcMode, maxMessageBytes, linger: 0 },
      (parts) => this.#onMessage(parts),
      () => this.retry(),
    );
    this.#ticker = new Ticker(LINK_TICK, this, () => {
      for (const id of this.#waiting.expired(wheel.now)) sink.onRefused(id);
    });
  }

  /** Handlers that are connected. */
  get handlers(): number {
    return this.#dealer.peerCount;
  }

  /**
   * Binds or connects all endpoints.
   * @returns the endpoints, with the ports that were taken
   * @throws ZmqError when an endpoint is invalid or cannot be bound
   */
  async open(): Promise<string[]> {
    const opened: string[] = [];
    for (const endpoint of this.#options.endpoints) {
      if (this.#options.connect) this.#dealer.connect(endpoint);
      opened.push(this.#options.connect ? endpoint : await this.#dealer.bind(endpoint));
    }
    return opened;
  }

  offer(id: string, packet: Buffer | string): void {
    // Requests that wait already go first.
    if (this.#waiting.size === 0 && this.#send(packet)) return;
    if (!this.#waiting.add(id, packet, this.#options.wheel.now)) this.#sink.onRefused(id);
  }

  withdraw(id: string): boolean {
    return this.#waiting.remove(id);
  }

  get sockets(): readonly ZmqSocket[] {
    return [this.#dealer];
  }

  pauseInput(): void {
    this.#dealer.pause();
  }

  resumeInput(): void {
    this.#dealer.resume();
  }

  takeRequests(): readonly (readonly [id: string, packet: Buffer | string])[] {
    return this.#waiting.takeAll();
  }

  /** No packet is for a certain handler. */
  takeUnreached(): readonly [] {
    return [];
  }

  retry(): void {
    this.#waiting.sendTo((packet) => this.#send(packet));
  }

  async close(): Promise<void> {
    this.#ticker.stop();
    await this.#dealer.close();
  }

  #send(packet: Buffer | string): boolean {
    if (!this.#dealer.send([EMPTY, packet])) return false;
    this.#options.counters.packetsSent++;
    return true;
  }

  /** A message is an envelope that ends with an empty frame, and the packet. */
  #onMessage(parts: Buffer[]): void {
    const { counters, log } = this.#options;
    const end = parts.findIndex((part) => part.length === 0);
    const payload = end < 0 ? undefined : parts[end + 1];
    counters.packetsReceived++;
    if (payload !== undefined) {
      this.#sink.onPacket(payload);
      return;
    }
    counters.packetsMalformed++;
    log.warn({ frames: parts.length }, 'response of a handler without a leading empty frame refused');
  }

  onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
  }
}
