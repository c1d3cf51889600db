import { nameBehind, type PublishItem, type WsMessageFormat } from '../codec/grip/index.ts';
import { MessagePayload } from '../exchange/index.ts';
import { formatCursor } from '../history/index.ts';
import { type EnvelopeStyle, envelopeOf } from './envelope.ts';
import { memoryCost } from './item-cost.ts';

/** A published `ws-message`, encoded once for all WebSockets that get it. */
export class PublishedMessage {
  /** Name of the channel. */
  readonly channel: string;
  /** Its id; null for none. */
  readonly id: string | null;
  readonly action: WsMessageFormat['action'];
  readonly type: WsMessageFormat['type'];
  readonly payload: MessagePayload;
  readonly code: number;
  readonly reason: string;
  /** For filters. */
  readonly meta: Readonly<Record<string, string>>;
  /** The content filters that the publisher counts on; null if it did not say. */
  readonly contentFilters: readonly string[] | null;
  /** Whether WebSockets without filters get it. */
  readonly plain: boolean;
  /** Bytes of content, or what the publisher says instead. */
  readonly size: number;
  /** Bytes that it is charged while it waits to be delivered. */
  readonly cost: number;

  /** Its number; 0 where its channel is not kept. */
  readonly number: number;
  /** Whether it was read from the log, for clients that are behind. */
  readonly fromLog: boolean;
  /** The number that its cursor has. */
  readonly #cursor: number;
  /** Its content in envelopes, by the keys of the styles of those who get it. */
  #enveloped: Map<string, MessagePayload> | null = null;

  /** @param format that of the item @param cap the highest number that its cursor may have, if it was read from the log; null otherwise */
  constructor(item: PublishItem, format: WsMessageFormat, cap: number | null = null) {
    const { channel, id, meta, size, number = 0, extras } = item;
    const { action, type, content, code, reason, contentFilters } = format;
    this.channel = channel;
    this.meta = meta;
    this.contentFilters = contentFilters;
    this.plain = contentFilters === null || contentFilters.length === 0;
    this.id = id;
    this.action = action;
    this.type = type;
    this.payload = new MessagePayload(content, type === 'text', 1, extras?.expires);
    this.code = code;
    this.reason = reason;
    this.size = size ?? content.length;
    this.cost = content.length + memoryCost(meta, contentFilters);
    this.number = number;
    this.fromLog = cap !== null;
    this.#cursor = Math.min(number, cap ?? number);
  }

  /** Its content in an envelope, made once for all clients with this style. A ping or pong has none. */
  envelopedFor(style: EnvelopeStyle): MessagePayload {
    if (!this.isMessage) return this.payload;
    const known = this.#enveloped?.get(style.key);
    if (known !== undefined) return known;
    const payload = this.enveloped(style, this.payload);
    this.#enveloped ??= new Map();
    this.#enveloped.set(style.key, payload);
    return payload;
  }

  /** What filters have made of its content, in an envelope. */
  enveloped({ epoch, prefix }: EnvelopeStyle, { body, text, expires }: MessagePayload): MessagePayload {
    const cursor = this.number === 0 || epoch === '' ? null : formatCursor(epoch, this.#cursor);
    const channel = nameBehind(prefix, this.channel);
    return new MessagePayload(envelopeOf({ channel, cursor, text, content: body }), true, 1, expires);
  }

  /** Whether it is text or binary. */
  get isMessage(): boolean {
    return this.type === 'text' || this.type === 'binary';
  }

  /** Whether it may travel with others. Not without content, since a client grants no credit for it, nor where it may expire. */
  get joinable(): boolean {
    const { action, payload } = this;
    return action === 'send' && this.isMessage && payload.body.length > 0 && payload.expires === 0;
  }
}
