import { JoinedMessages } from '../exchange/index.ts';
import type { PublishedMessage } from './published-message.ts';
import { blocksOf, Step } from './step.ts';
import { RUN_BYTES, RUN_ITEMS } from './stream-run.ts';

/** Messages that were published one after the other for the WebSockets of one channel; or one ping, pong, close or refresh. */
export class MessageRun extends Step {
  readonly #messages: PublishedMessage[];
  #bytes: number;
  #joined: JoinedMessages | null = null;

  constructor(message: PublishedMessage) {
    const { channel, action, payload } = message;
    super(channel, 'ws-message', action === 'send' ? 'ws-message' : `ws-message ${action}`);
    this.#messages = [message];
    this.#bytes = payload.body.length;
    this.expires = payload.expires;
    this.charge(message.cost);
  }

  /** Appends a message. Returns false if the two cannot travel together, or the run would exceed `RUN_BYTES` or `RUN_ITEMS`. */
  add(message: PublishedMessage): boolean {
    const messages = this.#messages;
    const { length } = message.payload.body;
    if (this.#bytes + length > RUN_BYTES || messages.length === RUN_ITEMS) return false;
    if (!message.joinable || !(messages[0] as PublishedMessage).joinable) return false;
    messages.push(message);
    this.#bytes += length;
    this.charge(message.cost);
    return true;
  }

  /** Bytes of their contents. */
  get bytes(): number {
    return this.#bytes;
  }

  get messages(): readonly PublishedMessage[] {
    return this.#messages;
  }

  /** The messages for WebSockets without filters, shared by all clients that get them at once. */
  get joined(): JoinedMessages {
    this.#joined ??= new JoinedMessages(this.#messages.filter(({ plain }) => plain).map(({ payload }) => payload));
    return this.#joined;
  }

  override get count(): number {
    return this.#messages.length;
  }

  override weightOf(at: number, blockSize: number): number {
    return blockSize === 0 ? 1 : blocksOf((this.#messages[at] as PublishedMessage).size, blockSize);
  }

  override part(from: number, to: number): MessageRun {
    if (from === 0 && to === this.count) return this;
    const part = new MessageRun(this.#messages[from] as PublishedMessage);
    for (let at = from + 1; at < to; at++) part.add(this.#messages[at] as PublishedMessage);
    return part;
  }
}
