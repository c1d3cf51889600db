import type { WsMessageFormat } from '../codec/grip/index.ts';
import { MessagePayload } from '../exchange/index.ts';
import { Step } from './step.ts';

/** A published `ws-message`, encoded once for all WebSockets that get it. */
export class PublishedMessage extends Step {
  readonly action: WsMessageFormat['action'];
  readonly type: WsMessageFormat['type'];
  readonly payload: MessagePayload;
  readonly code: number;
  readonly reason: string;

  constructor(channel: string, { action, type, content, code, reason }: WsMessageFormat) {
    super(channel, 'ws-message', action === 'send' ? 'ws-message' : `ws-message ${action}`);
    this.action = action;
    this.type = type;
    this.payload = new MessagePayload(content, type === 'text');
    this.code = code;
    this.reason = reason;
    this.charge(content.length);
  }
}
