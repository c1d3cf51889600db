import type { WsMessageFormat } from '../codec/grip/index.ts';
import { MessagePayload } from '../exchange/index.ts';
import { memoryCost } from './item-cost.ts';
import { Step } from './step.ts';

const NO_META = Object.freeze({});

/** A published `ws-message`, encoded once for all WebSockets that get it. */
export class PublishedMessage extends Step {
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

  constructor(
    channel: string,
    format: WsMessageFormat,
    meta: Readonly<Record<string, string>> = NO_META,
    id: string | null = null,
  ) {
    const { action, type, content, code, reason, contentFilters } = format;
    super(channel, 'ws-message', action === 'send' ? 'ws-message' : `ws-message ${action}`);
    this.meta = meta;
    this.contentFilters = contentFilters;
    this.plain = contentFilters === null || contentFilters.length === 0;
    this.id = id;
    this.action = action;
    this.type = type;
    this.payload = new MessagePayload(content, type === 'text');
    this.code = code;
    this.reason = reason;
    this.charge(content.length + memoryCost(meta, contentFilters));
  }
}
