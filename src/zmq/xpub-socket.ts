import { PubSocket } from './pub-socket.ts';
import type { SocketType } from './socket-type.ts';
import type { ZmqContext, ZmqOptions } from './zmq-options.ts';

/** XPUB (RFC 29): a PUB that tells what is asked for. */
export class XPubSocket extends PubSocket {
  override readonly type: SocketType = 'XPUB';
  readonly #onSubscription: (topic: Buffer, subscribed: boolean) => void;

  /** @param onSubscription a first peer asks for messages that begin with `topic`, or the last one does no longer */
  constructor(
    context: ZmqContext,
    options: Partial<ZmqOptions>,
    onSubscription: (topic: Buffer, subscribed: boolean) => void,
  ) {
    super(context, options);
    this.#onSubscription = onSubscription;
  }

  protected override topicChanged(topic: Buffer, subscribed: boolean): void {
    this.#onSubscription(topic, subscribed);
  }
}
