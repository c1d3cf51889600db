import { decodeHeaderText } from '../codec/grip/index.ts';
import { type Channel, channelField, quoted } from './channel-field.ts';

/** What stands for the request and the response of a framework. */
export interface GripHost {
  /** The value of a request field, or undefined. */
  readonly field: (name: string) => string | undefined;
  /** Sets a field of the response. */
  readonly setField: (name: string, value: string) => void;
}

/** What the client gets while nothing is published. */
export interface KeepAlive {
  readonly content: string | Uint8Array;
  /** Seconds, at least 1. Default: 55. */
  readonly timeout?: number;
  /** `idle` counts from the last content, `interval` from the last keep-alive. Default: `idle`. */
  readonly mode?: 'idle' | 'interval';
}

/** How a stream is held. */
export interface StreamOptions {
  readonly keepAlive?: KeepAlive;
  /** Where the proxy gets what the client has missed, and after `timeout` seconds (default 120) without a word what there is. Relative to the request's URL. */
  readonly next?: string | { readonly url: string; readonly timeout?: number };
  /** Gets a POST when the client has gone. */
  readonly gone?: string;
  /** Variables for filters. */
  readonly meta?: Readonly<Record<string, string>>;
}

/** How a request is held that gets one response (long-polling). */
export interface ResponseOptions {
  /** Seconds until the client gets the response that holds it. Default: 55. The least is 5. */
  readonly timeout?: number;
  readonly gone?: string;
  readonly meta?: Readonly<Record<string, string>>;
}

/** One request that may have come through a GRIP proxy, and what the proxy is told with its response. */
export class GripContext {
  /** Whether it came through a GRIP proxy. */
  readonly proxied: boolean;
  /** Whether a key has shown this. */
  readonly signed: boolean;
  readonly #host: GripHost;

  constructor(host: GripHost, { proxied, signed }: { readonly proxied: boolean; readonly signed: boolean }) {
    this.#host = host;
    this.proxied = proxied;
    this.signed = signed;
  }

  /** What the proxy can do (`Grip-Feature`). */
  get features(): ReadonlySet<string> {
    return new Set(
      (this.#host.field('grip-feature') ?? '')
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    );
  }

  /** The last id that the client has of each channel (`Grip-Last`), where the proxy asks for what it has missed. */
  get lastIds(): ReadonlyMap<string, string> {
    const ids = new Map<string, string>();
    for (const element of (this.#host.field('grip-last') ?? '').split(',')) {
      const [, name, id] = /^\s*([^;]+?)\s*;\s*last-id=(?:"?)(.*?)(?:"?)\s*$/.exec(element) ?? [];
      if (name !== undefined && id !== undefined) ids.set(decodeHeaderText(name), decodeHeaderText(id));
    }
    return ids;
  }

  /** The id that an EventSource client had last (`Last-Event-ID`); undefined for none. */
  get lastEventId(): string | undefined {
    const id = this.#host.field('last-event-id');
    return id === undefined ? undefined : decodeHeaderText(id);
  }

  /**
   * Has the proxy send the response and keep it open: what is published to the channels as `httpStream` follows it.
   * @throws Error when the request did not come through a GRIP proxy; TypeError for what a header cannot hold
   */
  holdStream(channels: Channel | readonly Channel[], options: StreamOptions = {}): void {
    const { keepAlive, next, gone, meta } = options;
    this.#hold('stream', channels, meta);
    if (keepAlive !== undefined) {
      const { content, timeout = 55, mode = 'idle' } = keepAlive;
      const base64 = Buffer.from(content).toString('base64');
      this.#host.setField('Grip-Keep-Alive', `${base64}; format=base64; timeout=${seconds(timeout)}; mode=${mode}`);
    }
    const links: string[] = [];
    if (next !== undefined) links.push(typeof next === 'string' ? nextLink(next) : nextLink(next.url, next.timeout));
    if (gone !== undefined) links.push(`<${linkUrl(gone)}>; rel=gone`);
    if (links.length > 0) this.#host.setField('Grip-Link', links.join(', '));
  }

  /**
   * Has the proxy keep the request without a response until one is published to the channels as `httpResponse`. After the timeout the client gets the
   * response that this field stands in.
   * @throws Error when the request did not come through a GRIP proxy; TypeError for what a header cannot hold
   */
  holdResponse(channels: Channel | readonly Channel[], options: ResponseOptions = {}): void {
    const { timeout, gone, meta } = options;
    this.#hold('response', channels, meta);
    if (timeout !== undefined) this.#host.setField('Grip-Timeout', seconds(timeout));
    if (gone !== undefined) this.#host.setField('Grip-Link', `<${linkUrl(gone)}>; rel=gone`);
  }

  /** The status that the client gets, where the framework or what is in between can only send a 200. */
  setStatus(code: number, reason = ''): void {
    if (!Number.isInteger(code) || code < 200 || code > 999)
      throw new TypeError(`${code} is not a status from 200 to 999`);
    this.#host.setField('Grip-Status', reason === '' ? String(code) : `${code} ${reason}`);
  }

  #hold(
    mode: 'stream' | 'response',
    channels: Channel | readonly Channel[],
    meta: Readonly<Record<string, string>> = {},
  ): void {
    if (!this.proxied)
      throw new Error(
        'the request did not come through a GRIP proxy, so its client cannot be held: check `proxied` first, or set `required`',
      );
    const field = channelField(channels);
    this.#host.setField('Grip-Hold', mode);
    this.#host.setField('Grip-Channel', field);
    const pairs = Object.entries(meta).map(([name, value]) => `${metaName(name)}=${quoted(value)}`);
    if (pairs.length > 0) this.#host.setField('Grip-Set-Meta', pairs.join(', '));
  }
}

function nextLink(url: string, timeout?: number): string {
  return `<${linkUrl(url)}>; rel=next${timeout === undefined ? '' : `; timeout=${seconds(timeout)}`}`;
}

/** A URL between angle brackets. */
function linkUrl(url: string): string {
  if (url === '' || /[^!-~]|[<>]/.test(url))
    throw new TypeError(`${JSON.stringify(url)} is not a URL: escape what is not ASCII, and spaces and angle brackets`);
  return url;
}

function metaName(name: string): string {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name))
    throw new TypeError(`${JSON.stringify(name)} cannot be the name of a variable`);
  return name;
}

function seconds(value: number): string {
  if (!Number.isInteger(value) || value < 0) throw new TypeError(`${value} is not a whole number of seconds`);
  return String(value);
}
