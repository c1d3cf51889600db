import { trimmed } from '../../codec/fields/index.ts';
import { parseJson } from '../../codec/grip/index.ts';
import { pathOf } from '../../codec/http1/index.ts';
import { isCallback } from '../../config/index.ts';
import { ExchangeError, type RequestHead } from '../../exchange/index.ts';
import type { JsonpSettings } from './jsonp-settings.ts';
import { QueryItems } from './query-items.ts';

const EMPTY = Buffer.alloc(0);

/** A method, or the name of a field (RFC 9110 §5.6.2). */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Bytes that the origin may send before its client has taken the first ones. In JSON text each is up to six.
 * @bound jsonp-window
 */
const JSONP_WINDOW = 65_536;

/** A request that came by JSONP. */
export interface JsonpRequest {
  readonly callback: string;
  /** The request that the client means. */
  readonly request: RequestHead;
  readonly body: Buffer;
}

/**
 * Reads a JSONP request: one with GET and the parameter of the callback, or one with a default callback and a body.
 * @returns null for any other request
 * @throws ExchangeError HF_JSONP
 */
export function readJsonp(request: RequestHead, settings: JsonpSettings): JsonpRequest | null {
  const { bodyParameter, callbackParameter, defaultCallback, defaultMethod } = settings;
  const { target } = request;
  const path = pathOf(target);
  if (request.method !== 'GET' || path.length === target.length) return null;
  const query = new QueryItems(target.slice(path.length + 1));
  const named = query.has(callbackParameter);
  if (!named && (defaultCallback === '' || bodyParameter === '' || !query.has(bodyParameter))) return null;
  const callback = named ? (query.take(callbackParameter)?.toString('latin1') ?? '') : defaultCallback;
  if (!isCallback(callback)) throw invalid('callback');
  const method = readMethod(query.take('_method'), defaultMethod);
  const fields = readFields(query.take('_headers'));
  const body = query.take(bodyParameter || '_body');
  if (body === null) throw invalid(bodyParameter === '' ? '_body' : 'body');
  if (bodyParameter !== '' && body !== undefined) fields.set('content-type', ['Content-Type', 'application/json']);
  return {
    callback,
    request: {
      ...request,
      method,
      target: path + query.rest,
      headers: headersFor(fields, request.headers),
      bodyLength: body?.length ?? 0,
      credits: JSONP_WINDOW,
    },
    body: body ?? EMPTY,
  };
}

function readMethod(value: Buffer | null | undefined, fallback: string): string {
  if (value === undefined) return fallback;
  const method = value?.toString('latin1') ?? '';
  // A tunnel would need a connection of its own (RFC 9110 §9.3.6).
  if (!TOKEN.test(method) || method === 'CONNECT') throw invalid('_method');
  return method;
}

/** The fields of `_headers`, a JSON object of strings, by lower-case name. */
function readFields(value: Buffer | null | undefined): Map<string, readonly [string, string]> {
  const fields = new Map<string, readonly [string, string]>();
  if (value === undefined) return fields;
  const given = value === null ? undefined : parseJson(value);
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw invalid('_headers');
  for (const [name, content] of Object.entries(given)) {
    if (typeof content !== 'string' || !TOKEN.test(name)) throw invalid('_headers');
    const text = Buffer.from(content).toString('latin1');
    // RFC 9110 §5.5: with a line end in it the value would be another field.
    if (/[^\t -~\x80-\xff]/.test(text)) throw invalid('_headers');
    const lower = name.toLowerCase();
    if (!isOwn(lower) && !isOfProxy(lower)) fields.set(lower, [name, trimmed(text, 0, text.length)]);
  }
  return fields;
}

/** The fields of the request that is meant: those of `_headers`, and the rest of those that the browser has sent. */
function headersFor(fields: ReadonlyMap<string, readonly [string, string]>, headers: readonly string[]): string[] {
  const result: string[] = [...fields.values()].flat();
  result.push('Accept', '*/*');
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const lower = name.toLowerCase();
    if (lower === 'host' || !(fields.has(lower) || isOwn(lower))) result.push(name, headers[i + 1] as string);
  }
  return result;
}

/** Fields that the page cannot choose: those of the connection and the framing, and those that make the response one that can be wrapped. */
function isOwn(lower: string): boolean {
  switch (lower) {
    case 'accept':
    case 'accept-encoding':
    case 'connection':
    case 'content-length':
    case 'expect':
    case 'host':
    case 'keep-alive':
    case 'proxy-connection':
    case 'te':
    case 'trailer':
    case 'transfer-encoding':
    case 'upgrade':
      return true;
    default:
      return false;
  }
}

/**
 * Fields in which the proxies in front speak: the page cannot take their place, but what they sent goes on. Gateways turn hyphens into
 * underscores, so both spellings are the same field.
 */
function isOfProxy(lower: string): boolean {
  const name = lower.replaceAll('_', '-');
  if (name.startsWith('x-forwarded-') || name.startsWith('grip-')) return true;
  return name === 'forwarded' || name === 'x-real-ip' || name === 'via' || name === 'cdn-loop';
}

function invalid(parameter: string): ExchangeError {
  return new ExchangeError('HF_JSONP', '', `Invalid ${parameter} parameter.`);
}
