import type { WsMessageFormat } from '../codec/grip/index.ts';
import { MessagePayload } from '../exchange/index.ts';
import { memoryCost } from './item-cost.ts';

const NO_META = Object.freeze({});

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

  /** @param size what the publisher says of it; null for the bytes of its content @param expires as `Step.expires` */
  constructor(
    channel: string,
    format: WsMessageFormat,
    meta: Readonly<Record<string, string>> = NO_META,
    id: string | null = null,
    size: number | null = null,
    expires = 0,
  ) {
    const { action, type, content, code, reason, contentFilters } = format;
    this.channel = channel;
    this.meta = meta;
    this.contentFilters = contentFilters;
    this.plain = contentFilters === null || contentFilters.length === 0;
    this.id = id;
    this.action = action;
    this.type = type;
    this.payload = new MessagePayload(content, type === 'text', 1, expires);
    this.code = code;
    this.reason = reason;
    this.size = size ?? content.length;
    this.cost = content.length + memoryCost(meta, contentFilters);
  }

  /** Whether it may travel with others. Not without content, since a client grants no credit for it, nor where it may expire. */
  get joinable(): boolean {
    const { action, type, payload } = this;
    return (
      action === 'send' && (type === 'text' || type === 'binary') && payload.body.length > 0 && payload.expires === 0
    );
  }
}
