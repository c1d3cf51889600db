import { ACCEPTED_CODINGS } from '../codec/content/index.ts';
import { connectionOptions, nameIs, nameStartsWith } from '../codec/fields/index.ts';
import { isFieldText, isToken } from '../codec/http1/index.ts';
import { ExchangeError, type HeaderList } from '../exchange/index.ts';
import type { FetchAuthority } from './fetch-authority.ts';

/**
 * The fields of a request for its origin. Host comes first and is always that of the URI. Left out are fields that belong to one connection
 * (RFC 9110 §7.6.1), to a proxy or to the framing of the body, and Expect, because no 100 is needed here.
 *
 * With `decompress` the request looks like one from curl: Accept-Encoding names the content codings that are undone here, whatever was given, and
 * Accept is added if it is missing. A part that Range asks for cannot be decoded without the bytes before it, so such a request accepts no
 * coding. WebSockets are not changed.
 * @param userinfo of the URI; it becomes Authorization unless that field exists (RFC 7617)
 * @throws ExchangeError HF_FETCH_INVALID for a name or value that cannot be sent, or userinfo that cannot be encoded
 */
export function fetchFields(
  headers: HeaderList,
  authority: FetchAuthority,
  userinfo: string,
  decompress: boolean,
): HeaderList {
  const fields: string[] = ['Host', authority.text];
  const named = connectionOptions(headers);
  let accepts = false;
  let authorized = false;
  let ranged = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (!isToken(name)) throw new ExchangeError('HF_FETCH_INVALID', 'invalid header name');
    if (!isFieldText(value)) throw new ExchangeError('HF_FETCH_INVALID', `invalid value of header ${name}`);
    if (isOurs(name) || (decompress && nameIs(name, 'accept-encoding'))) continue;
    if (named?.includes(name.toLowerCase())) continue;
    if (nameIs(name, 'accept')) accepts = true;
    else if (nameIs(name, 'authorization')) authorized = true;
    else if (nameIs(name, 'range')) ranged = true;
    fields.push(name, value);
  }
  if (decompress && !authority.isWebSocket) {
    if (!accepts) fields.push('Accept', '*/*');
    fields.push('Accept-Encoding', ranged ? 'identity' : ACCEPTED_CODINGS);
  }
  if (userinfo !== '' && !authorized) fields.push('Authorization', basicCredentials(userinfo));
  return fields;
}

/**
 * The fields for the target of a redirect (RFC 9110 §15.4).
 * @param fields as sent to the place that redirects, Host first
 * @param sameOrigin whether both places have the same origin: credentials stay with one origin
 * @param withContent whether the body is sent again, along with the fields about it
 */
export function redirectedFields(
  fields: HeaderList,
  authority: FetchAuthority,
  sameOrigin: boolean,
  withContent: boolean,
): HeaderList {
  const kept = ['Host', authority.text];
  for (let i = 2; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const lower = name.toLowerCase();
    if (!sameOrigin && CREDENTIALS.has(lower)) continue;
    if (!withContent && (lower.startsWith('content-') || ABOUT_CONTENT.has(lower))) continue;
    kept.push(name, fields[i + 1] as string);
  }
  return kept;
}

const HYPHEN = 0x2d;

const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'cookie2']);

/** In addition to all that start with `Content-`. */
const ABOUT_CONTENT: ReadonlySet<string> = new Set(['digest', 'last-modified', 'repr-digest']);

/** Whether the field is set or left out here; the length rules out most names at once. */
function isOurs(name: string): boolean {
  switch (name.length) {
    case 2:
      return nameIs(name, 'te');
    case 4:
      return nameIs(name, 'host');
    case 6:
      return nameIs(name, 'expect');
    case 7:
      if (nameIs(name, 'upgrade') || nameIs(name, 'trailer')) return true;
      break;
    case 10:
      if (nameIs(name, 'connection') || nameIs(name, 'keep-alive')) return true;
      break;
    case 14:
      if (nameIs(name, 'content-length') || nameIs(name, 'http2-settings')) return true;
      break;
    case 17:
      if (nameIs(name, 'transfer-encoding')) return true;
      break;
  }
  return name.charCodeAt(5) === HYPHEN && nameStartsWith(name, 'proxy-');
}

/** RFC 7617 §2: the first colon separates user and password; neither has control characters. */
function basicCredentials(userinfo: string): string {
  const colon = userinfo.indexOf(':');
  const user = decoded(colon < 0 ? userinfo : userinfo.slice(0, colon));
  const password = colon < 0 ? '' : decoded(userinfo.slice(colon + 1));
  if (user.includes(':')) throw new ExchangeError('HF_FETCH_INVALID', 'colon in the user name of the URI');
  return `Basic ${Buffer.from(`${user}:${password}`, 'latin1').toString('base64')}`;
}

/** The bytes that percent-encoded text stands for, as latin1 text. */
function decoded(text: string): string {
  if (!text.includes('%')) return text;
  let bytes = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '%') {
      bytes += text[i];
      continue;
    }
    const hex = text.slice(i + 1, i + 3);
    const byte = /^[0-9A-Fa-f]{2}$/.test(hex) ? Number.parseInt(hex, 16) : 0;
    if (byte < 0x20 || byte === 0x7f) {
      throw new ExchangeError('HF_FETCH_INVALID', 'userinfo of the URI with a control character or a broken escape');
    }
    bytes += String.fromCharCode(byte);
    i += 2;
  }
  return bytes;
}
