import {
  closeOf,
  decodeEvents,
  decodeHeaderText,
  EVENTS_TYPE,
  type EventType,
  encodeEvents,
  encodeHeaderText,
  patternProblem,
  type WebSocketEvent,
} from '../codec/grip/index.ts';
import { isCloseCode, MAX_CONTROL_BYTES, NO_STATUS } from '../codec/websocket/index.ts';

/** A message of the client: text, or bytes. */
export type WebSocketMessage = string | Buffer;

/** What else is said of a subscription. */
export interface SubscribeOptions {
  /** Whether the channel is a pattern: `*` is any one token between dots, and `>` one or more at the end. False by default. */
  readonly pattern?: boolean;
  /** The cursor of what the client has: it gets what it has missed, where the channel has a history. */
  readonly since?: string;
}

/** How a client closed its WebSocket: 1005 stands for no code (RFC 6455 §7.1.5), and 1006 for no close at all. */
export interface WebSocketClose {
  readonly code: number;
  readonly reason: string;
}

/** A message that the proxy sends by itself. */
export interface ProxyMessage {
  readonly type?: 'text' | 'binary' | 'ping' | 'pong';
  readonly content: string | Uint8Array;
}

/** How a request with events is answered. */
export interface EventsResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What the messages to the client begin with; the proxy takes it off. All others are for the proxy itself. */
const MESSAGE = Buffer.from('m:');
const CONTROL = 'c:';
const EMPTY = Buffer.alloc(0);
const ABNORMAL = 1006;

/**
 * A WebSocket of a client, in one request of WebSocket-over-HTTP: what the client did since the last request, and what is to happen now. The proxy
 * has the connection; what is to be remembered of it stands in `meta`.
 */
export class WebSocketContext {
  /** Names the connection in all its requests. */
  readonly connectionId: string;
  /** Whether the client wants to connect: `accept` or `reject` it. */
  readonly opening: boolean;
  /** Messages of the client, in their order. */
  readonly messages: readonly WebSocketMessage[];
  /** How the client has closed; null while it has not. */
  readonly closed: WebSocketClose | null;
  /** Texts that the proxy keeps for this connection and sends along with each request. Names are in lower case. */
  readonly meta: Map<string, string>;
  readonly #given: ReadonlyMap<string, string>;
  readonly #events: WebSocketEvent[] = [];
  readonly #headers: Record<string, string> = {};
  #accepted = false;
  #closing = false;
  #rejection: EventsResponse | null = null;

  /**
   * @param headers the fields of the request, by their names in lower case
   * @param body the events of the client
   * @throws Error when the request has no Connection-Id, or its body is not events
   */
  constructor(headers: Iterable<readonly [string, string]>, body: Buffer) {
    const meta = new Map<string, string>();
    let id = '';
    for (const [name, value] of headers) {
      if (name === 'connection-id') id = value;
      else if (name.startsWith('meta-')) meta.set(name.slice('meta-'.length), decodeHeaderText(value));
    }
    if (id === '') throw new Error('the request has no Connection-Id');
    const events = decodeEvents(body);
    this.connectionId = id;
    this.#given = meta;
    this.meta = new Map(meta);
    this.opening = events[0]?.type === 'OPEN';
    this.messages = events.filter(({ type }) => type === 'TEXT' || type === 'BINARY').map(messageOf);
    this.closed = closedBy(events);
  }

  /** Accepts the connection. @param protocol one of those that the client offers in Sec-WebSocket-Protocol */
  accept(protocol?: string): void {
    if (!this.opening) throw new Error('the WebSocket is open already');
    if (this.#accepted) return;
    this.#accepted = true;
    this.#events.push({ type: 'OPEN', content: EMPTY });
    this.#headers['Sec-WebSocket-Extensions'] = 'grip';
    if (protocol !== undefined) this.#headers['Sec-WebSocket-Protocol'] = protocol;
  }

  /** Refuses the connection: the client gets this response instead. */
  reject(status: number, text = ''): void {
    if (!this.opening || this.#accepted) throw new Error('the WebSocket is open already: close it instead');
    if (!Number.isInteger(status) || status < 300 || status > 999)
      throw new TypeError(`${status} is not a status that refuses: 300 to 999`);
    this.#rejection = { status, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: Buffer.from(text) };
  }

  /** Sends a message: text as text, bytes as binary. */
  send(message: string | Uint8Array): void {
    const type = typeof message === 'string' ? 'TEXT' : 'BINARY';
    this.#add(type, Buffer.concat([MESSAGE, Buffer.from(message as string)]));
  }

  ping(content: string | Uint8Array = EMPTY): void {
    this.#add('PING', controlContent(content));
  }

  pong(content: string | Uint8Array = EMPTY): void {
    this.#add('PONG', controlContent(content));
  }

  /** Closes the WebSocket. Nothing can be sent after this. */
  close(code = 1000, reason = ''): void {
    if (!isCloseCode(code)) throw new TypeError(`${code} is not a code that a close can have`);
    const content = controlContent(Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]));
    this.#add('CLOSE', content);
    this.#closing = true;
  }

  /** Cuts the connection without a close. */
  disconnect(): void {
    this.#add('DISCONNECT', EMPTY);
    this.#closing = true;
  }

  /**
   * From now on the client gets what is published to the channel as `wsMessage`.
   * @param filters names of filters, at most 5
   * @param options `pattern`: whether the channel is a pattern of names, as in `ChannelOptions`; `since`: what the client has
   * @throws TypeError for an invalid pattern
   */
  subscribe(channel: string, filters: readonly string[] = [], options: SubscribeOptions = {}): void {
    this.#control({
      type: 'subscribe',
      channel,
      ...(filters.length > 0 && { filters }),
      ...patternMember(channel, options),
      ...(options.since !== undefined && { since: options.since }),
    });
  }

  /** @throws TypeError for an invalid pattern */
  unsubscribe(channel: string, options: Pick<SubscribeOptions, 'pattern'> = {}): void {
    this.#control({ type: 'unsubscribe', channel, ...patternMember(channel, options) });
  }

  /** No requests come for this connection any more. The client stays, and gets only what is published. */
  detach(): void {
    this.#control({ type: 'detach' });
  }

  /** Sets a variable for filters; null removes it. */
  setVariable(name: string, value: string | null): void {
    this.#control({ type: 'set-meta', name, ...(value !== null && { value }) });
  }

  /**
   * Has the proxy send a message when the client got none for `timeout` seconds (default 55), or with `interval` every so many; null stops it.
   */
  keepAlive(
    message: ProxyMessage | null,
    options: { readonly timeout?: number; readonly mode?: 'idle' | 'interval' } = {},
  ): void {
    this.#control({ type: 'keep-alive', ...(message !== null && { ...messageFields(message), ...options }) });
  }

  /** Has the proxy send a message in `timeout` seconds, unless `flushDelayed` sends it earlier. */
  sendDelayed(message: ProxyMessage, timeout = 1): void {
    this.#control({ type: 'send-delayed', ...messageFields(message), timeout });
  }

  flushDelayed(): void {
    this.#control({ type: 'flush-delayed' });
  }

  /** Has the proxy ask again after so many seconds without anything to say: at least 20, or 0 for never. */
  askAgainAfter(interval: number): void {
    if (!Number.isInteger(interval) || interval < 0)
      throw new TypeError(`${interval} is not a whole number of seconds`);
    this.#headers['Keep-Alive-Interval'] = String(interval);
  }

  /** The response to the request. A close of the client that was not answered is answered with the same code. */
  response(): EventsResponse {
    if (this.#rejection !== null) return this.#rejection;
    if (this.opening && !this.#accepted) {
      const text = 'The origin has neither accepted nor rejected the WebSocket.\n';
      return { status: 500, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: Buffer.from(text) };
    }
    if (this.closed !== null && !this.#closing && this.closed.code !== ABNORMAL) {
      const { code } = this.closed;
      const content = code === NO_STATUS ? EMPTY : Buffer.from([code >> 8, code & 0xff]);
      this.#events.push({ type: 'CLOSE', content });
    }
    const headers: Record<string, string> = { 'Content-Type': EVENTS_TYPE, ...this.#headers };
    for (const [name, value] of this.meta) {
      if (this.#given.get(name) !== value) headers[`Set-Meta-${name}`] = encodeHeaderText(value);
    }
    for (const name of this.#given.keys()) {
      if (!this.meta.has(name)) headers[`Set-Meta-${name}`] = '';
    }
    return { status: 200, headers, body: encodeEvents(this.#events) };
  }

  #control(message: object): void {
    this.#add('TEXT', Buffer.from(CONTROL + JSON.stringify(message)));
  }

  #add(type: EventType, content: Buffer): void {
    if (this.opening && !this.#accepted) throw new Error('the WebSocket is not accepted yet');
    if (this.#closing) throw new Error('the WebSocket is closed');
    this.#events.push({ type, content });
  }
}

function messageOf({ type, content }: WebSocketEvent): WebSocketMessage {
  return type === 'TEXT' ? content.toString() : content;
}

function closedBy(events: readonly WebSocketEvent[]): WebSocketClose | null {
  const end = events.find(({ type }) => type === 'CLOSE' || type === 'DISCONNECT');
  if (end === undefined) return null;
  return end.type === 'CLOSE' ? closeOf(end) : { code: ABNORMAL, reason: '' };
}

function controlContent(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as string);
  if (bytes.length > MAX_CONTROL_BYTES)
    throw new TypeError(`${bytes.length} bytes are too long for a ping, pong or close: at most ${MAX_CONTROL_BYTES}`);
  return bytes;
}

function messageFields({ type, content }: ProxyMessage): object {
  const text = typeof content === 'string';
  return {
    'message-type': type ?? (text ? 'text' : 'binary'),
    ...(text ? { content } : { 'content-bin': Buffer.from(content).toString('base64') }),
  };
}

function patternMember(
  channel: string,
  { pattern = false }: Pick<SubscribeOptions, 'pattern'>,
): { readonly pattern?: true } {
  if (!pattern) return {};
  const problem = patternProblem(channel);
  if (problem !== null) throw new TypeError(`the pattern ${channel} is invalid: ${problem}`);
  return { pattern: true };
}
