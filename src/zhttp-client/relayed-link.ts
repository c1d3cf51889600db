import type { Part } from '../codec/zmtp/index.ts';
import { READY, type Reach } from '../zhttp/index.ts';
import { DealerSocket, type ZmqContext } from '../zmq/index.ts';
import type { HandlerLink, HandlerLinkSink } from './handler-link.ts';
import { LOST, OFFER, PACKET, REFUSED, RELAY_OPTIONS, ROUTE, WITHDRAW } from './relay-kinds.ts';

/**
 * The link of a process that serves connections, when another process has the ZeroMQ endpoints: a `LinkRelay` there does what is asked
 * here.
 */
export class RelayedLink implements HandlerLink {
  readonly #dealer: DealerSocket;

  /**
   * @param name what the ids of this process's sessions begin with
   * @param endpoint of the relay
   */
  constructor(context: ZmqContext, name: string, endpoint: string, sink: HandlerLinkSink) {
    const options = { ...RELAY_OPTIONS, routingId: Buffer.from(name, 'latin1') };
    this.#dealer = new DealerSocket(context, options, (parts) => take(sink, parts));
    this.#dealer.connect(endpoint);
  }

  offer(id: string, packet: Buffer | string): void {
    this.#dealer.send([OFFER, Buffer.from(id, 'latin1'), packet]);
  }

  /** It cannot be known from here whether a handler has it. */
  withdraw(id: string): boolean {
    this.#dealer.send([WITHDRAW, Buffer.from(id, 'latin1')]);
    return false;
  }

  reach(): Reach {
    return READY;
  }

  route(address: string, packet: Part): void {
    this.#dealer.send([ROUTE, Buffer.from(address, 'latin1'), packet]);
  }

  close(): Promise<void> {
    return this.#dealer.close();
  }
}

function take(sink: HandlerLinkSink, parts: readonly Buffer[]): void {
  const [kind, content] = parts as [Buffer, Buffer];
  if (kind.equals(PACKET)) sink.onPacket(content);
  else if (kind.equals(REFUSED)) sink.onRefused(content.toString('latin1'));
  else if (kind.equals(LOST)) sink.onLost(content.toString('latin1'));
}
