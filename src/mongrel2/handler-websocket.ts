import type { HandlerRequest as RequestText } from '../codec/mongrel2/index.ts';
import type { ExchangeRecord, HeldTotal, RawClient, RequestHead } from '../exchange/index.ts';
import type { ConnectionPart } from './connection-part.ts';
import type { HandlerSockets } from './handler-sockets.ts';
import { InputFeed } from './input-feed.ts';
import type { Mongrel2Connection } from './mongrel2-connection.ts';
import type { SiteContext } from './site-context.ts';
import { WebSocketInput, type WebSocketOwner } from './websocket-input.ts';

/** The route of WebSockets. */
export interface FrameTarget {
  readonly site: SiteContext;
  readonly sockets: HandlerSockets;
  /**
   * A message.
   * @param client pairs of the headers of the request
   * @param flags first byte of its frame
   */
  frame(
    connection: Mongrel2Connection,
    request: RequestText,
    client: string,
    flags: number,
    payload: Buffer,
  ): Buffer | string;
}

/** The WebSocket of a client (reference §7). Its messages go to the handler; the handler writes the frames for the client. */
export class HandlerWebSocket implements WebSocketOwner, ConnectionPart {
  readonly #client: RawClient;
  readonly inputs: HeldTotal;
  readonly #target: FrameTarget;
  readonly #connection: Mongrel2Connection;
  /** What each message repeats of the request. */
  readonly #request: RequestText;
  readonly #headers: string;
  readonly #record: ExchangeRecord | null;
  readonly #input = new WebSocketInput(this);
  readonly #feed = new InputFeed(this, this.#input);

  /** @param request the opening handshake, which a handler has taken */
  constructor(target: FrameTarget, connection: Mongrel2Connection, request: RequestHead) {
    const { method, target: uri, scheme, version, headers, peer } = request;
    this.#client = connection.client as RawClient;
    this.inputs = target.site.inputs;
    this.#target = target;
    this.#connection = connection;
    this.#headers = target.sockets.messages.clientPairs(request);
    this.#record = request.record ?? null;
    this.#request = { method, target: uri, scheme, version, headers, peer };
  }

  /** Takes what the client sends from now on. */
  start(): void {
    this.#connection.addPart(this);
    this.#connection.takeMessages();
    this.#client.takeInput(this.#input);
  }

  pauseInput(paused: boolean): void {
    this.#client.pauseInput(paused);
  }

  onWebSocketMessage(flags: number, payload: Buffer): void {
    const connection = this.#connection;
    const target = this.#target;
    connection.ping();
    if (this.#record !== null) this.#record.requestBytes += payload.length;
    this.#feed.send(
      connection.tie(target.sockets),
      target.frame(connection, this.#request, this.#headers, flags, payload),
    );
  }

  onBroken(reason: string): void {
    this.#connection.onBroken(reason);
  }

  onUntaken(): void {
    this.#connection.onUntaken();
  }

  onFault(thrown: unknown): void {
    this.#connection.onFault(thrown);
  }

  // ---- ConnectionPart

  grant(): boolean {
    return false;
  }

  end(): void {
    this.#input.end();
    this.#feed.end();
  }
}
