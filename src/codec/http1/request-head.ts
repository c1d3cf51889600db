import { type FieldList, nameIs } from '../fields/index.ts';
import { isTargetText, isToken } from './chars.ts';
import { type FieldLines, lineEnd, nextLine, parseFieldLines } from './field-lines.ts';
import { CHUNKED, checkChunked, type Http1Version, isPersistent, parseContentLength } from './framing.ts';
import { HeadCollector } from './head-collector.ts';
import { isHost } from './host.ts';
import { Http1Error } from './http1-error.ts';
import type { Http1Limits } from './http1-limits.ts';

/** A request head (RFC 9112 §3), parsed as far as the connection needs it. */
export interface Http1RequestHead {
  readonly method: string;
  /** In origin-form (path and query), or `*`. */
  readonly target: string;
  /** From the absolute-form target, else the Host field; empty without either (HTTP/1.0). */
  readonly authority: string;
  readonly version: Http1Version;
  /** All fields as received, except a Host that an absolute-form target overrides. */
  readonly headers: FieldList;
  /** Bytes of the body, 0 for none, or `CHUNKED`. */
  readonly bodyLength: number;
  /** Whether the client wants to reuse the connection. */
  readonly keepAlive: boolean;
  /** Whether the client waits for a 100 (Continue) before it sends the body (RFC 9110 §10.1.1). */
  readonly expectContinue: boolean;
  /** Whether the client has an unknown expectation. */
  readonly expectUnknown: boolean;
}

/** Reads request heads from bytes, however split; a reader reads one head after the other. */
export class RequestHeadReader extends HeadCollector {
  /**
   * Reads `input` from `offset`; returns the head once it is complete, else null.
   * @throws Http1Error; nothing can be read after it
   */
  read(input: Buffer, offset: number): Http1RequestHead | null {
    const known = this.knownFields(input, offset);
    const text = known === null ? this.collect(input, offset) : input.toString('latin1', offset, this.lineEnd);
    return text === null ? null : parseRequestHead(text, this.limits, known);
  }
}

/**
 * @param text the lines of a head, each with its line end, without the empty line
 * @param known the parsed field lines, if known: `text` is then only the request line
 */
function parseRequestHead(text: string, limits: Http1Limits, known: FieldLines | null): Http1RequestHead {
  const start = text.startsWith('\r\n') ? 2 : text.startsWith('\n') && limits.lenientLineEnds ? 1 : 0;
  const end = lineEnd(text, start, limits);
  // request-line = method SP request-target SP HTTP-version (RFC 9112 §3), each space exactly one.
  const methodEnd = text.indexOf(' ', start);
  const targetEnd = methodEnd < 0 ? -1 : text.indexOf(' ', methodEnd + 1);
  if (targetEnd < 0 || targetEnd > end) {
    throw new Http1Error('malformed', 'expected a request line METHOD TARGET VERSION');
  }
  const method = text.slice(start, methodEnd);
  if (!isToken(method)) throw new Http1Error('malformed', 'invalid method');
  const version = parseVersion(text.slice(targetEnd + 1, end));
  if (method === 'CONNECT') throw new Http1Error('method', 'CONNECT is not supported');
  const rawTarget = text.slice(methodEnd + 1, targetEnd);
  if (rawTarget.length > limits.maxTargetBytes) {
    throw new Http1Error('target-too-long', `request target exceeds ${limits.maxTargetBytes} bytes`);
  }
  if (!isTargetText(rawTarget)) throw new Http1Error('malformed', 'invalid request target');
  const fields = known ?? parseFieldLines(text, nextLine(text, end), limits);
  const { host } = fields;
  // RFC 9112 §3.2: an HTTP/1.1 request without Host, or with an invalid one, is a 400.
  if (host === null && version === '1.1') throw new Http1Error('malformed', 'missing Host');
  if (host !== null && !isHost(host)) throw new Http1Error('malformed', 'invalid Host');
  let target = rawTarget;
  let authority = host ?? '';
  let headers: FieldList = fields.headers;
  if (rawTarget.charCodeAt(0) !== 0x2f) {
    ({ target, authority } = readOtherForm(method, rawTarget, authority));
    if (authority !== host) headers = withHost(headers, authority);
  }
  return {
    method,
    target,
    authority,
    version,
    headers,
    bodyLength: requestBodyLength(fields, version),
    keepAlive: isPersistent(version, fields.connection),
    // RFC 9110 §10.1.1: an HTTP/1.0 client cannot wait for a 100.
    expectContinue: fields.expect !== null && version === '1.1' && fields.expect.toLowerCase() === '100-continue',
    expectUnknown: fields.expect !== null && fields.expect.toLowerCase() !== '100-continue',
  };
}

function parseVersion(text: string): Http1Version {
  if (text === 'HTTP/1.1') return '1.1';
  if (text === 'HTTP/1.0') return '1.0';
  if (/^HTTP\/\d\.\d$/.test(text)) throw new Http1Error('version', `${text} is not supported`);
  throw new Http1Error('malformed', 'invalid HTTP version');
}

/** The forms of a target that do not start with a slash (RFC 9112 §3.2.2 to §3.2.4). */
function readOtherForm(method: string, target: string, host: string): { target: string; authority: string } {
  if (target === '*') {
    if (method !== 'OPTIONS') throw new Http1Error('malformed', 'target * is only for OPTIONS');
    return { target, authority: host };
  }
  const schemeLength = /^https?:\/\//i.exec(target)?.[0].length ?? 0;
  if (schemeLength === 0) throw new Http1Error('malformed', 'invalid request target');
  const pathStart = target.slice(schemeLength).search(/[/?]/);
  const authority = pathStart < 0 ? target.slice(schemeLength) : target.slice(schemeLength, schemeLength + pathStart);
  // RFC 9112 §3.2.2: the authority of an absolute-form target replaces Host. Userinfo is not allowed in it (RFC 9110 §4.2.4).
  if (authority === '' || !isHost(authority)) throw new Http1Error('malformed', 'invalid request target');
  const path = pathStart < 0 ? '' : target.slice(schemeLength + pathStart);
  // §3.2.4: OPTIONS with an absolute form without path and query concerns the whole server.
  if (path === '' && method === 'OPTIONS') return { target: '*', authority };
  return { target: path.startsWith('/') ? path : `/${path}`, authority };
}

/** RFC 9112 §3.2.2: the authority of the target replaces the Host field, so that no recipient sees two. */
function withHost(headers: FieldList, authority: string): FieldList {
  return headers.map((text, i) => (i % 2 === 1 && nameIs(headers[i - 1] as string, 'host') ? authority : text));
}

/** How the body of a request is framed (RFC 9112 §6.3). */
function requestBodyLength(fields: FieldLines, version: Http1Version): number {
  if (fields.transferEncoding !== null) {
    // §6.1: Transfer-Encoding in HTTP/1.0 is faulty framing; together with Content-Length it is a sign of smuggling.
    if (version === '1.0') throw new Http1Error('malformed', 'Transfer-Encoding in an HTTP/1.0 request');
    if (fields.contentLength !== null)
      throw new Http1Error('malformed', 'Content-Length together with Transfer-Encoding');
    checkChunked(fields.transferEncoding);
    return CHUNKED;
  }
  return fields.contentLength === null ? 0 : parseContentLength(fields.contentLength);
}
