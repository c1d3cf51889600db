import type { PublishItem } from '../codec/grip/index.ts';
import { JoinedMessages } from '../exchange/index.ts';
import type { EnvelopeStyle } from './envelope.ts';
import { PublishedMessage } from './published-message.ts';
import { blocksOf, Step } from './step.ts';
import { RUN_BYTES, RUN_ITEMS } from './stream-run.ts';

/** Messages that were published one after the other for the WebSockets of one channel; or one ping, pong, close or refresh. */
export class MessageRun extends Step {
  readonly #messages: PublishedMessage[];
  #bytes: number;
  #joined: JoinedMessages | null = null;
  /** By the keys of styles. */
  #enveloped: Map<string, JoinedMessages> | null = null;

  constructor(message: PublishedMessage) {
    const { channel, action, payload } = message;
    super(channel, 'ws-message', action === 'send' ? 'ws-message' : `ws-message ${action}`);
    this.#messages = [message];
    this.#bytes = payload.body.length;
    this.expires = payload.expires;
    this.charge(message.cost);
  }

  /** Appends a message. Returns false if the two cannot travel together, only one of them is kept, or the run would exceed `RUN_BYTES` or `RUN_ITEMS`. */
  add(message: PublishedMessage): boolean {
    const messages = this.#messages;
    const { length } = message.payload.body;
    if (this.#bytes + length > RUN_BYTES || messages.length === RUN_ITEMS) return false;
    if (!message.joinable || !(messages[0] as PublishedMessage).joinable) return false;
    if (message.number > 0 !== this.last > 0) return false;
    messages.push(message);
    this.#bytes += length;
    this.charge(message.cost);
    return true;
  }

  /** Bytes of their contents. */
  get bytes(): number {
    return this.#bytes;
  }

  get items(): readonly PublishedMessage[] {
    return this.#messages;
  }

  /** The number of the first message, and that of the last; 0 where they are not kept. */
  get first(): number {
    return this.#messages[0]?.number ?? 0;
  }

  get last(): number {
    return this.#messages.at(-1)?.number ?? 0;
  }

  /** Whether clients get it from the log that do not get it now. What is no message is for those who are there. */
  get isKept(): boolean {
    return this.last > 0 && this.#messages[0]?.action === 'send';
  }

  /** The messages for WebSockets without filters, shared by all clients that get them at once. */
  get joined(): JoinedMessages {
    this.#joined ??= new JoinedMessages(this.#messages.filter(({ plain }) => plain).map(({ payload }) => payload));
    return this.#joined;
  }

  /** The same in envelopes. */
  joinedFor(style: EnvelopeStyle): JoinedMessages {
    const known = this.#enveloped?.get(style.key);
    if (known !== undefined) return known;
    const plain = this.#messages.filter((message) => message.plain);
    const joined = new JoinedMessages(plain.map((message) => message.envelopedFor(style)));
    this.#enveloped ??= new Map();
    this.#enveloped.set(style.key, joined);
    return joined;
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

/** The message that a published item is for WebSockets. @param cap as for `PublishedMessage` */
export function messageOf(item: PublishItem, cap: number | null = null): PublishedMessage | null {
  const { wsMessage } = item;
  return wsMessage === null ? null : new PublishedMessage(item, wsMessage, cap);
}

/** Items from the log as runs, without those that have no message for WebSockets: pings and pongs were for those who were there. */
export function messageRuns(items: readonly PublishItem[], cap: number): MessageRun[] {
  const runs: MessageRun[] = [];
  for (const item of items) {
    const message = messageOf(item, cap);
    if (message?.action !== 'send' || !message.isMessage) continue;
    const last = runs.at(-1);
    if (last?.channel === message.channel && last.add(message)) continue;
    runs.push(new MessageRun(message));
  }
  return runs;
}
