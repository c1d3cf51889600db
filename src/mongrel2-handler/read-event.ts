import { isUtf8 } from 'node:buffer';
import { type HandlerMessage, parseHandlerMessage, UPLOAD_DONE, UPLOAD_START } from '../codec/mongrel2/index.ts';
import { BINARY, CLOSE, PING, PONG, TEXT } from '../codec/websocket/index.ts';
import type { EventBase, HandlerEvent, HttpEventBase } from './handler-event.ts';

/** What a server tells, and what the module answers by itself on WebSockets. */
export type Input =
  | HandlerEvent
  /** A ping, to be returned. */
  | (EventBase & { readonly kind: 'ping'; readonly body: Buffer })
  /** A pong, which means nothing. */
  | (EventBase & { readonly kind: 'pong' })
  /** A close frame, to be returned. */
  | (EventBase & { readonly kind: 'close'; readonly body: Buffer })
  /** A frame that breaks RFC 6455: the WebSocket ends with this code. */
  | (EventBase & { readonly kind: 'fault'; readonly code: number });

/** FIN of FLAGS. */
const FIN = 0x80;

/**
 * Reads a message of a server.
 * @throws Mongrel2Error
 */
export function readEvent(bytes: Buffer): Input {
  const message = parseHandlerMessage(bytes);
  const { uuid, id, path, headers, body } = message;
  const base = { uuid, id, path, headers };
  if (path === '@*') return noticeOf(base, body);
  const method = text(message, 'METHOD');
  if (method === 'JSON') return { ...base, kind: 'json', body };
  if (method === 'XML') return { ...base, kind: 'xml', body };
  const http: HttpEventBase = {
    ...base,
    method,
    uri: text(message, 'URI'),
    query: text(message, 'QUERY'),
    version: text(message, 'VERSION'),
    pattern: text(message, 'PATTERN'),
    address: text(message, 'REMOTE_ADDR'),
  };
  if (method === 'WEBSOCKET') return frameOf(http, Number(text(message, 'FLAGS')), body);
  if (method === 'WEBSOCKET_HANDSHAKE') return { ...http, kind: 'handshake', acceptKey: body.toString('latin1') };
  const offset = headers.get('UPLOAD_STREAM');
  if (offset !== undefined) {
    const last = headers.has('UPLOAD_STREAM_DONE');
    return { ...http, kind: 'upload-part', first: method !== '', offset: Number(offset), last, body };
  }
  return uploadOf(http, text(message, UPLOAD_START), text(message, UPLOAD_DONE)) ?? { ...http, kind: 'request', body };
}

/** The server is believed only where both headers are the same: Mongrel2 itself passes on what clients write into them. */
function uploadOf(http: HttpEventBase, start: string, done: string): HandlerEvent | null {
  if (start === '') return null;
  if (done === '') return { ...http, kind: 'upload-start', file: start };
  return start === done ? { ...http, kind: 'upload', file: done } : null;
}

function noticeOf(base: EventBase, body: Buffer): HandlerEvent {
  const credits = base.headers.get('DOWNLOAD_CREDITS');
  if (credits !== undefined) return { ...base, kind: 'credits', bytes: Number(credits) };
  return body.includes('"disconnect"') ? { ...base, kind: 'disconnect' } : { ...base, kind: 'json', body };
}

function frameOf(http: HttpEventBase, flags: number, body: Buffer): Input {
  switch (flags) {
    case FIN | TEXT:
      // RFC 6455 §8.1.
      if (!isUtf8(body)) return { ...http, kind: 'fault', code: 1007 };
      return { ...http, kind: 'message', text: true, body };
    case FIN | BINARY:
      return { ...http, kind: 'message', text: false, body };
    case FIN | PING:
      return { ...http, kind: 'ping', body };
    case FIN | PONG:
      return { ...http, kind: 'pong' };
    case FIN | CLOSE:
      return { ...http, kind: 'close', body };
    default:
      // RFC 6455 §5.2: RSV bits and opcodes that mean nothing.
      return { ...http, kind: 'fault', code: 1002 };
  }
}

/** The first value of a header; empty without one. */
function text({ headers }: HandlerMessage, name: string): string {
  const value = headers.get(name) ?? '';
  return typeof value === 'string' ? value : (value[0] ?? '');
}
