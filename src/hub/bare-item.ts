import { NO_META, type PublishItem, type WsMessageFormat } from '../codec/grip/index.ts';
import { NO_STATUS } from '../codec/websocket/index.ts';

/** An item of the server itself, without content. */
export function emptyItem(channel: string): PublishItem {
  const none = { httpResponse: null, httpStream: null, wsMessage: null };
  return { channel, id: null, prevId: null, meta: NO_META, size: null, noSeq: false, extras: null, ...none };
}

/** A message of text, for such an item. */
export function textMessage(text: string): WsMessageFormat {
  return {
    action: 'send',
    type: 'text',
    content: Buffer.from(text),
    code: NO_STATUS,
    reason: '',
    contentFilters: null,
  };
}
