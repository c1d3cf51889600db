import type { EncodedCoding } from '../../codec/content/index.ts';
import { contentCodings, fieldValue, fieldValues, listMembers, nameIs } from '../../codec/fields/index.ts';
import type { CompressRules } from '../../config/index.ts';
import { type HeaderList, type ResponseHead, UNKNOWN_LENGTH } from '../../exchange/index.ts';

/** Fields about the content as it is, which would be wrong for another one (RFC 9530, RFC 9110 §14.4). */
const ABOUT_CONTENT: readonly string[] = ['content-range', 'content-digest', 'repr-digest', 'digest', 'content-md5'];

/** Which responses of one route are compressed, and how their heads change. */
export class Compression {
  readonly codings: readonly EncodedCoding[];
  readonly #types: ReadonlySet<string>;
  readonly #minBytes: number;

  constructor({ codings, types, minBytes }: CompressRules) {
    this.codings = codings;
    this.#types = new Set(types);
    this.#minBytes = minBytes;
  }

  /** Whether the response may be sent in another coding, so that it depends on what the client accepts. */
  concerns({ status, headers, bodyLength }: ResponseHead, isHead: boolean): boolean {
    if (status < 200 || status === 204 || status === 206 || status === 304) return false;
    const type = fieldValue(headers, 'content-type');
    if (type === undefined || !this.#hasType(type)) return false;
    if (contentCodings(headers).length > 0) return false;
    if (ABOUT_CONTENT.some((name) => fieldValue(headers, name) !== undefined)) return false;
    const directives = listMembers(fieldValues(headers, 'cache-control'));
    if (directives.some((directive) => nameIs(directive, 'no-transform'))) return false;
    if (bodyLength === UNKNOWN_LENGTH) return true;
    // A response to HEAD says how long that to a GET would be, or leaves it open (RFC 9110 §8.6).
    const length = isHead ? Number(fieldValue(headers, 'content-length') ?? this.#minBytes) : bodyLength;
    return length >= this.#minBytes;
  }

  #hasType(value: string): boolean {
    const type = (value.split(';')[0] as string).trim().toLowerCase();
    return this.#types.has(type) || this.#types.has(`${type.split('/')[0]}/*`);
  }
}

/** The fields of a response that depends on Accept-Encoding (RFC 9110 §12.5.5). */
export function varying(headers: HeaderList): HeaderList {
  const names = listMembers(fieldValues(headers, 'vary'));
  if (names.some((name) => name === '*' || nameIs(name, 'accept-encoding'))) return headers;
  return [...headers, 'Vary', 'Accept-Encoding'];
}

/**
 * The fields of a response whose content gets this coding. Its length is not known, and its parts cannot be asked for. A strong entity tag would
 * say that the bytes are those of the origin, so it becomes a weak one (RFC 9110 §8.8.1).
 */
export function encodedHeaders(headers: HeaderList, coding: EncodedCoding): HeaderList {
  const result: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (nameIs(name, 'content-length') || nameIs(name, 'accept-ranges') || nameIs(name, 'content-encoding')) continue;
    result.push(name, nameIs(name, 'etag') && value.startsWith('"') ? `W/${value}` : value);
  }
  result.push('Content-Encoding', coding);
  return varying(result);
}
