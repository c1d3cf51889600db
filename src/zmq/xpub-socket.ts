import { fault } from '../clock/index.ts';
import { PubSocket } from './pub-socket.ts';
import type { SocketType } from './socket-type.ts';
import type { ZmqContext, ZmqOptions } from './zmq-options.ts';

/** XPUB (RFC 29): a PUB that reports what its peers subscribe to. */
export class XPubSocket extends PubSocket {
  override readonly type: SocketType = 'XPUB';
  readonly #onSubscription: (topic: Buffer, subscribed: boolean) => void;

  /** @param onSubscription called when `topic` has gained its first subscriber or lost its last one */
  constructor(
    context: ZmqContext,
    options: Partial<ZmqOptions>,
    onSubscription: (topic: Buffer, subscribed: boolean) => void,
  ) {
    super(context, options);
    this.#onSubscription = onSubscription;
  }

  protected override topicChanged(topic: Buffer, subscribed: boolean): void {
    try {
      this.#onSubscription(topic, subscribed);
    } catch (thrown) {
      fault(this, thrown);
    }
  }
}
