import { fieldValue, nameIs, nameStartsWith, withoutFields } from '../../codec/fields/index.ts';
import { EVENTS_TYPE, GripError } from '../../codec/grip/index.ts';
import type { HeaderList } from '../../exchange/index.ts';

/**
 * Bytes of the values that an origin keeps with one WebSocket, names included, each counted as at least 64.
 * @bound websocket-meta
 */
const MAX_META_BYTES = 16_384;

const LEAST_META = 64;

const SET_META = 'set-meta-';
const META = 'meta-';

/** As `EventHeaders`, in plain data. */
export interface EventHeadersState {
  readonly fixed: readonly string[];
  readonly signatureAt: number;
  readonly meta: readonly { readonly name: string; readonly value: string }[];
}

/** The header fields of the requests of one WebSocket, and what the origin keeps in them. */
export class EventHeaders {
  /** The fields that are the same in each request. */
  readonly #fixed: string[];
  readonly #signatureAt: number;
  /** By lower-case name; null for none. */
  #meta: Map<string, { readonly name: string; readonly value: string }> | null = null;
  #metaBytes = 0;

  /**
   * @param headers of the request for the WebSocket, Host first, as it goes to the origin
   * @param id constant for the WebSocket
   * @param moved what another process had, in place of both
   */
  constructor(headers: HeaderList, id: string, moved: Pick<EventHeadersState, 'fixed' | 'signatureAt'> | null = null) {
    if (moved !== null) {
      this.#fixed = [...moved.fixed];
      this.#signatureAt = moved.signatureAt;
      return;
    }
    this.#fixed = withoutFields(headers, isReplaced);
    this.#fixed.push('Content-Type', EVENTS_TYPE, 'Accept', EVENTS_TYPE, 'Connection-Id', id);
    this.#signatureAt = this.#fixed.findIndex((name, i) => i % 2 === 0 && nameIs(name, 'grip-sig')) + 1;
  }

  /** From what another process makes them again. */
  get state(): EventHeadersState {
    const meta = this.#meta === null ? [] : [...this.#meta.values()];
    return { fixed: this.#fixed, signatureAt: this.#signatureAt, meta };
  }

  /** The fields that another process had. */
  static moved({ fixed, signatureAt, meta }: EventHeadersState): EventHeaders {
    const headers = new EventHeaders([], '', { fixed, signatureAt });
    headers.keep(meta.flatMap(({ name, value }) => [`Set-Meta-${name}`, value]));
    return headers;
  }

  /**
   * The fields of the next request.
   * @param signature a fresh one, if requests are signed
   * @param replayed bytes at the beginning of its contents that were offered before
   */
  next(signature: string | undefined, replayed: number): HeaderList {
    if (this.#signatureAt > 0 && signature !== undefined) this.#fixed[this.#signatureAt] = signature;
    const headers = [...this.#fixed];
    if (replayed > 0) headers.push('Content-Bytes-Replayed', String(replayed));
    if (this.#meta === null) return headers;
    for (const { name, value } of this.#meta.values()) headers.push(`Meta-${name}`, value);
    return headers;
  }

  /**
   * Keeps what the fields of a response say.
   * @throws GripError if that is too much
   */
  keep(headers: HeaderList): void {
    for (let i = 0; i < headers.length; i += 2) {
      const field = headers[i] as string;
      if (field.length <= SET_META.length || !nameStartsWith(field, SET_META)) continue;
      const name = field.slice(SET_META.length);
      const value = headers[i + 1] as string;
      const lower = name.toLowerCase();
      this.#meta ??= new Map();
      const former = this.#meta.get(lower);
      if (former !== undefined) this.#metaBytes -= cost(former.name, former.value);
      if (value === '') {
        this.#meta.delete(lower);
        continue;
      }
      this.#metaBytes += cost(name, value);
      if (this.#metaBytes > MAX_META_BYTES)
        throw new GripError(`the values of Set-Meta are over ${MAX_META_BYTES} bytes`);
      this.#meta.set(lower, { name, value });
    }
  }
}

function cost(name: string, value: string): number {
  return Math.max(LEAST_META, name.length + value.length);
}

/**
 * Fields of the client's request that each request with events has itself, or that are for its handshake or its connection. Many gateways turn
 * hyphens into underscores, so to an origin behind one both spellings are the same field.
 */
function isReplaced(lower: string): boolean {
  const name = lower.replaceAll('_', '-');
  switch (name) {
    case 'accept':
    case 'accept-encoding':
    case 'connection-id':
    case 'content-bytes-replayed':
    case 'content-length':
    case 'content-type':
    case 'sec-websocket-key':
    case 'sec-websocket-version':
      return true;
    default:
      return name.startsWith(META);
  }
}

/** The fields of the response that opens a WebSocket that are for the client. */
export function openedHeaders(headers: HeaderList): HeaderList {
  return withoutFields(
    headers,
    (lower) =>
      lower === 'content-length' ||
      lower === 'content-type' ||
      lower === 'content-bytes-accepted' ||
      lower === 'keep-alive-interval' ||
      lower.startsWith(SET_META),
  );
}

/** Seconds of Keep-Alive-Interval: 0 switches it off, null leaves it as it is. */
export function keepAliveInterval(headers: HeaderList, least: number): number | null {
  const value = fieldValue(headers, 'keep-alive-interval');
  if (value === undefined) return null;
  const seconds = /^[0-9]{1,7}$/.test(value.trim()) ? Number(value) : 0;
  return seconds === 0 ? 0 : Math.max(least, seconds);
}

/**
 * Bytes of Content-Bytes-Accepted; null without it.
 * @throws GripError if it is not a number up to `offered`
 */
export function acceptedBytes(headers: HeaderList, offered: number): number | null {
  const value = fieldValue(headers, 'content-bytes-accepted');
  if (value === undefined) return null;
  if (!/^[0-9]{1,9}$/.test(value.trim()) || Number(value) > offered) {
    throw new GripError(`Content-Bytes-Accepted is not a number up to ${offered}`);
  }
  return Number(value);
}
