import { Http1Error, isPersistent, reasonPhrase, responseHeadText } from '../codec/http1/index.ts';
import type { HttpEventBase, Receiver } from './handler-event.ts';

/** A response of HTTP. */
export interface HttpAnswer {
  /** 200 to 999. Default: 200. */
  readonly status?: number;
  /** Default: the usual one. */
  readonly reason?: string;
  /** Names with their values. `Content-Length` and `Connection` are the module's. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Text is sent as UTF-8. Default: empty. */
  readonly body?: string | Buffer;
}

/** A response as bytes. */
export interface WrittenAnswer {
  readonly bytes: Buffer;
  /** Whether the connection is to be closed after it. */
  readonly close: boolean;
}

/**
 * Writes a response with its length.
 * @param to one that is a request decides whether there is a body, and whether the connection stays
 * @throws Http1Error for a status, reason or header that cannot be written
 */
export function writeAnswer(to: Receiver, answer: HttpAnswer): WrittenAnswer {
  const { status = 200, reason = reasonPhrase(status), headers = {}, body = '' } = answer;
  if (status < 200) throw new Http1Error('unwritable', `invalid status ${status}`);
  const content = typeof body === 'string' ? Buffer.from(body) : body;
  const request = 'method' in to ? (to as HttpEventBase) : null;
  const close = request !== null && !isKept(request);
  // RFC 9110 §6.4.1, §8.6.
  const hasNoContent = status === 204 || status === 304;
  const head =
    responseHeadText(status, reason, fieldList(headers)) +
    (hasNoContent ? '' : `Content-Length: ${content.length}\r\n`) +
    (close ? 'Connection: close\r\n\r\n' : '\r\n');
  const start = Buffer.from(head, 'latin1');
  const bytes = hasNoContent || request?.method === 'HEAD' ? start : Buffer.concat([start, content]);
  return { bytes, close };
}

/** Headers as a flat list of latin1 texts. */
export function fieldList(headers: Readonly<Record<string, string | readonly string[]>>): string[] {
  return Object.entries(headers).flatMap(([name, values]) => [values].flat().flatMap((value) => [name, value]));
}

/** RFC 9112 §9.3. A client of HTTP/1.0 that asks to keep the connection would have to be told, so it is closed. */
function isKept({ version, headers }: HttpEventBase): boolean {
  const values = headers.get('connection');
  return version !== 'HTTP/1.0' && isPersistent('1.1', values === undefined ? null : [values].flat().join(','));
}
