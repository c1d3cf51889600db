import { parseJson } from '../codec/grip/index.ts';
import { NO_STATUS } from '../codec/websocket/index.ts';

/**
 * Bytes that may wait in one direction of a SockJS session, and of one message (Pushpin).
 * @bound sockjs-session
 */
export const SOCKJS_BUFFER = 200_000;

export const OPEN_FRAME = 'o';
export const HEARTBEAT_FRAME = 'h';

/** Characters that a browser, or a proxy on the way, may change or take for a line end. */
const UNSAFE = /[\u200c-\u200f\u2028-\u202f\u2060-\u206f\ufff0-\uffff]/g;

/** The frame that carries messages, which are UTF-8. */
export function messagesFrame(messages: readonly Buffer[]): string {
  const json = JSON.stringify(messages.map((message) => message.toString()));
  return `a${json.replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}`;
}

/** The frame that closes. Code 1005, which never travels, is 0, as in Pushpin. */
export function closeFrame(code: number, reason: string): string {
  return `c${JSON.stringify([code === NO_STATUS ? 0 : code, reason || 'Connection closed'])}`;
}

/**
 * Messages of one list of a client.
 * @bound sockjs-list
 */
const MAX_LIST = 8_192;

/** The messages of a client: a JSON list of strings. Null for anything else, and for more than 8,192. */
export function readMessages(text: Buffer): Buffer[] | null {
  const list = parseJson(text);
  if (!Array.isArray(list) || list.length > MAX_LIST || !list.every((message) => typeof message === 'string'))
    return null;
  return list.map((message: string) => Buffer.from(message));
}
