import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { turnBudget } from '../clock/index.ts';
import { type Http1RequestHead, RequestHeadReader } from '../codec/http1/index.ts';
import {
  ExchangeError,
  errorCounts,
  type Peer,
  type RawClient,
  type RawOwner,
  type RawReader,
} from '../exchange/index.ts';
import { ClientConnection } from './client-connection.ts';
import type { ConnectionHost } from './connection-host.ts';
import type { Http1Request } from './http1-request.ts';
import { Http1Stream } from './http1-stream.ts';
import { LastLook } from './last-look.ts';
import { type ChannelConnection, RawChannel } from './raw-channel.ts';
import { RawConnection } from './raw-connection.ts';
import type { Remake } from './remake.ts';
import { LONG_EXCHANGE, PROBE_INTERVAL } from './server-limits.ts';
import type { StreamConnection } from './stream-connection.ts';
import type { Http1ConnectionState, SuspendedConnection } from './suspended-connection.ts';
import { toExchangeError } from './to-exchange-error.ts';
import type { WebSocketConnection } from './websocket-connection.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** Stands for a request of which too little was read to say more. */
const NO_HEAD: Http1RequestHead = {
  method: 'GET',
  target: '',
  authority: '',
  version: '1.1',
  headers: [],
  bodyLength: 0,
  keepAlive: true,
  expectContinue: false,
  expectUnknown: false,
};

/**
 * One client connection that speaks HTTP/1 (RFC 9112): it reads requests and gives each a stream, one at a time, and decides between them
 * whether it goes on.
 */
export class Http1Connection extends ClientConnection implements StreamConnection, ChannelConnection {
  readonly #number: number | string;
  #requests = 0;
  /** When the whole request has to be here. */
  #requestDeadline = NEVER;
  /** Wheel time at which the request under way began to arrive. */
  #requestSince = 0;
  /** Not null while part of a request head is here. */
  #reader: RequestHeadReader | null = null;
  /** The exchange that runs; null between requests. */
  #stream: Http1Stream | null = null;
  /** What has the connection now, once it does not speak HTTP any more. */
  #successor: WebSocketConnection | RawConnection | null = null;
  /** Not null once a responder writes responses itself: then it says when the connection ends. */
  #channel: RawChannel | null = null;
  /** Whether it ends as soon as it is between two requests. */
  #leaving = false;

  constructor(socket: Socket, server: ConnectionHost, peer: Peer, number: number | string) {
    super(socket, server, peer);
    this.#number = number;
    this.watch();
  }

  override get requestId(): string {
    return this.#stream?.requestId ?? '';
  }

  /** Names the connection and the exchange on it. */
  override get id(): string {
    return `${this.#number}-${this.#requests}`;
  }

  get encrypted(): boolean {
    return (this.socket as Partial<TLSSocket>).encrypted === true;
  }

  /** Whether it is between two requests. */
  get #idle(): boolean {
    return this.#stream === null && this.#reader === null;
  }

  // ---- input

  protected override consume(input: Buffer): Buffer | null {
    let offset = 0;
    try {
      for (let left = turnBudget.share; offset < input.length && !this.finished; left--) {
        if (left === 0) {
          this.rest();
          break;
        }
        const stream = this.#stream;
        if (stream === null) {
          // A client that does not read its responses gets no further ones.
          if (this.blocked) break;
          offset = this.#readHead(input, offset);
        } else {
          if (!stream.bodyComes) break;
          const before = offset;
          offset = stream.readBody(input, offset);
          if (offset === before && stream.bodyComes) break;
        }
      }
    } catch (thrown) {
      this.#onThrown(toExchangeError(thrown));
    }
    const rest = offset < input.length ? input.subarray(offset) : null;
    // Bytes after the handshake are for the WebSocket.
    if (rest !== null) this.#successor?.onInput(rest);
    return rest;
  }

  protected override afterInput(): void {
    if (!this.finished && this.inputEnded && this.unread === null) this.#checkEnd();
  }

  #readHead(input: Buffer, offset: number): number {
    const { limits, wheel } = this.server;
    let reader = this.#reader;
    if (reader === null) {
      reader = new RequestHeadReader(limits);
      this.#requestSince = wheel.now;
      this.#requestDeadline = limits.requestTimeout === 0 ? NEVER : wheel.now + limits.requestTimeout * 1000;
    }
    const head = reader.read(input, offset);
    if (head !== null) {
      this.#reader = null;
      this.#begin(head, reader.offset < input.length);
    } else if (this.#reader === null) {
      this.#reader = reader;
      this.setDeadline(Math.min(limits.headerTimeout, this.#requestTimeLeft));
    }
    return reader.offset;
  }

  #begin(head: Http1RequestHead, bodyHere: boolean): void {
    const { server } = this;
    server.counters.requests++;
    this.#requests++;
    const ending = this.#channel === null && (server.draining || server.retired || this.#leaving);
    const stream = this.#newStream(head, head.keepAlive && !ending && !server.crowded);
    stream.begin(head, bodyHere);
  }

  #newStream(head: Http1RequestHead, keepAlive: boolean): Http1Stream {
    const stream = new Http1Stream(this, this.socket, this.server, head, this.id, this.peer, keepAlive);
    this.#stream = stream;
    return stream;
  }

  /** The client sends no more (FIN). */
  onInputEnd(): void {
    this.inputEnded = true;
    if (this.finished) return;
    if (this.#channel !== null || this.#stream?.abortsOnHalfClose === true) this.cut();
    else if (this.unread === null) this.#checkEnd();
    else if (this.#stream !== null) this.probe();
  }

  /** All input has been read, and no more will come. */
  #checkEnd(): void {
    const stream = this.#stream;
    if (stream?.bodyComes === true) {
      this.#refuse(new ExchangeError('HF_BAD_REQUEST', 'the connection ended within the request body'));
    } else if (stream !== null) {
      // The client may have closed only its sending side, and still wait for the response.
      stream.keepAlive = false;
      this.probe();
    } else if (this.#reader !== null) {
      this.#refuse(new ExchangeError('HF_BAD_REQUEST', 'the connection ended within the request header'));
    } else if (this.#endsAtOnce) {
      // It has left between two requests: no response is owed.
      this.closeSocket();
    } else {
      this.#end();
    }
  }

  protected override writeProbe(): void {
    this.#stream?.probe();
  }

  // ---- streams

  /** On to the next request, or to the end of the connection. */
  onStreamEnd(stream: Http1Request, bodyRead: boolean): void {
    this.#stream = null;
    if (!stream.keepAlive || !bodyRead) {
      const nothingComes = stream.last && bodyRead && this.unread === null;
      if (nothingComes && this.#endsAtOnce) this.closeSocket();
      else this.#end();
      return;
    }
    this.watch();
    this.#channel?.onResponded();
    const ending = this.#leaving || this.server.draining || this.server.crowded;
    if (ending && this.#channel === null) this.#leave();
    if (this.consuming) return;
    if (this.unread !== null) this.consumeUnread();
    else if (this.inputEnded) this.#end();
  }

  onStreamBroken(): void {
    this.cut();
    this.finished = true;
    this.#stream = null;
  }

  release(successor: WebSocketConnection): ClientConnection {
    this.#stream = null;
    this.#successor = successor;
    return this;
  }

  protected override returnCredit(): void {
    this.#stream?.returnCredit();
    this.#channel?.onDrain();
  }

  protected override dropExchanges(error: ExchangeError): void {
    const stream = this.#stream;
    this.#stream = null;
    stream?.drop(error);
  }

  // ---- a responder that writes responses itself

  writeInterim(bytes: Buffer): void {
    // It must not come between the bytes of the owner that wait.
    if (this.#channel === null) this.socket.write(bytes);
    else this.#channel.write(bytes);
  }

  get rawOwner(): RawOwner | null {
    return this.#channel?.owner ?? null;
  }

  giveOutput(owner: RawOwner): RawClient {
    const channel = this.#channel ?? new RawChannel(this, this.server.call);
    this.#channel = channel;
    channel.owner ??= owner;
    return channel;
  }

  giveInput(reader: RawReader): void {
    const stream = this.#stream;
    const channel = this.#channel;
    if (stream === null || stream.bodyComes || channel === null) return;
    const successor = new RawConnection(this.socket, this.server, this.peer, this.id, () => reader);
    stream.leave();
    this.#stream = null;
    this.#channel = null;
    this.#successor = successor;
    successor.open(this, channel);
  }

  /** HTTP is paused by the exchange that runs. */
  pauseInput(): void {}

  get over(): boolean {
    return this.finished;
  }

  get exchanging(): boolean {
    return this.#stream?.raw === false;
  }

  get responding(): boolean {
    return this.#stream?.started === true;
  }

  stopInput(): void {
    this.dropExchanges(
      new ExchangeError('HF_CLIENT_GONE', 'its connection was closed by the responder to another request'),
    );
    this.#reader = null;
    this.discardInput();
  }

  // ---- the move to another process

  override get mayMove(): boolean {
    return this.settled && (this.#stream === null || this.#stream.mayMove);
  }

  override suspend(): SuspendedConnection | null {
    if (!this.settled || this.#reader !== null || this.#successor !== null || this.#channel !== null) return null;
    if (this.#leaving || (this.#stream === null && this.unread !== null)) return null;
    const stream = this.#stream?.suspend() ?? null;
    if (stream === null && this.#stream !== null) return null;
    const own = { number: this.#number, requests: this.#requests, peer: this.peer, unread: this.unread };
    const forget = (): void => {
      this.#stream = null;
      stream?.forget();
    };
    const part = stream === null ? null : { ...stream, forget };
    return this.suspendWith({ kind: 'http1', ...own, stream: stream?.state ?? null }, part);
  }

  /** Goes on where the connection of another process has stopped. */
  static moved(socket: Socket, server: ConnectionHost, state: Http1ConnectionState, remake: Remake): Http1Connection {
    const connection = new Http1Connection(socket, server, state.peer, state.number);
    connection.#requests = state.requests;
    connection.unread = state.unread;
    if (state.stream === null) return connection;
    const stream = Http1Stream.moved(state.stream, connection.id, state.peer, connection, socket, server);
    connection.#stream = stream;
    connection.watch();
    try {
      stream.attach(remake(state.stream.responder, stream, stream.record));
    } catch (thrown) {
      connection.stopTimer();
      throw thrown;
    }
    return connection;
  }

  // ---- failures

  override onFault(thrown: unknown): void {
    this.#fault(toExchangeError(thrown));
  }

  /** The request itself is at fault. */
  #refuse(error: ExchangeError): void {
    this.server.counters.requestsRefused++;
    this.report(error, 'request refused');
    const stream = this.#stream ?? this.#newStream(NO_HEAD, false);
    stream.refuse(error);
  }

  #onThrown(error: ExchangeError): void {
    if (this.#successor !== null) this.#successor.fault(error);
    else if (error.code === 'HF_INTERNAL') this.#fault(error);
    else this.#refuse(error);
  }

  /** A service or a responder has thrown. */
  #fault(error: ExchangeError): void {
    if (this.#stream !== null) {
      this.#stream.fault(error);
      return;
    }
    this.reportFault(error);
    // The response is complete: a second one would be taken for the response to the next request.
    this.#end();
  }

  // ---- time

  protected override onDeadline(): void {
    if (this.finished) {
      this.endLingering();
    } else if (this.blocked) {
      this.cutStalled();
    } else if (this.#idle) {
      this.#leave();
    } else if (this.#reader !== null) {
      this.#refuse(new ExchangeError('HF_REQUEST_TIMEOUT', 'the request header took too long'));
    } else if (this.#stream?.bodyIsDue === true) {
      this.#refuse(new ExchangeError('HF_REQUEST_TIMEOUT', 'the request body took too long'));
    } else if (this.paused || this.inputEnded) {
      this.probe();
    } else {
      this.keepAlive();
    }
  }

  /** Seconds until the whole request has to be here. */
  get #requestTimeLeft(): number {
    return Math.max(0, this.#requestDeadline - this.server.wheel.now) / 1_000;
  }

  /** Sets the deadline for what is waited for now, between two requests and in an exchange. */
  override watch(): void {
    const { limits } = this.server;
    if (this.blocked || this.finished) return;
    if (this.#idle && this.#channel !== null) this.clearDeadline();
    else if (this.#idle) this.setDeadline(limits.idleTimeout);
    else if (this.#stream === null) return;
    else if (this.#stream?.bodyIsDue === true) this.setDeadline(Math.min(limits.bodyTimeout, this.#requestTimeLeft));
    else if (this.paused || this.inputEnded) this.setDeadline(PROBE_INTERVAL);
    else this.setDeadline(LONG_EXCHANGE);
  }

  // ---- the end

  /** Ends the connection if it is between two requests, else after the response to the present one. One that has an owner is left to it. */
  drain(): void {
    if (this.#leaving || this.#channel !== null || this.suspended) return;
    if (this.#idle) this.#leave();
    else if (this.#stream?.started === false) this.#stream.keepAlive = false;
    else this.#leaving = true;
  }

  leaveIfIdle(): boolean {
    if (!this.#idle || this.#leaving || this.finished || this.suspended) return false;
    if (this.#requests === 0 || this.#channel !== null) return false;
    this.#leave();
    return true;
  }

  override get unheardSince(): number | null {
    if (this.#stream !== null || this.#leaving || !this.#mayMakeWay) return null;
    return this.#reader === null ? this.deadline - this.server.limits.idleTimeout * 1_000 : this.#requestSince;
  }

  override get arrivingSince(): number | null {
    // A body that nobody wants yet is not late. The head may have come just when the connection was to end: then it is not exempt.
    const late = this.#stream?.bodyIsDue === true && !this.#stream.started && this.#mayMakeWay;
    return late ? this.#requestSince : null;
  }

  get #mayMakeWay(): boolean {
    if (this.#successor !== null || this.#channel !== null) return false;
    return !(this.finished || this.suspended || this.blocked);
  }

  override makeWay(): void {
    if (this.#idle) this.#leave();
    else this.#refuse(new ExchangeError('HF_REQUEST_TIMEOUT', 'the request took long to arrive, and others wait'));
  }

  /** Ends the connection between two requests. A request that has arrived already gets its response before. */
  #leave(): void {
    if (this.finished) return;
    this.#leaving = true;
    new LastLook(this, this.server.turn, () => {
      // Requests that wait for their turn have arrived, and come before the end.
      if (this.#idle && !this.resting) this.#end();
    });
  }

  /** Sends an error to a connection that is one too many. */
  turnAway(error: ExchangeError): void {
    this.#newStream(NO_HEAD, false).onResponseError(error);
  }

  #end(): void {
    if (this.finished) return;
    this.#reader = null;
    this.endSocket();
  }

  /** Closes it at once, so that a truncated response cannot be taken for a whole one. */
  override cut(): void {
    const socket = this.socket;
    // Earlier responses of this turn are complete.
    while (socket.writableCorked > 0) socket.uncork();
    const misleading = this.#stream?.endsWithConnection ?? (this.finished && socket.writableLength > 0);
    // Where the end of the connection would look like the end of the body there has to be a reset. Unix sockets know none, and TLS
    // needs none: only an end in order has its alert (RFC 8446 §6.1).
    if (misleading && this.peer.address !== '' && !this.encrypted) socket.resetAndDestroy();
    else socket.destroy();
  }

  /** The socket is closed, for whatever reason. */
  onClosed(): void {
    const stream = this.#stream;
    this.#stream = null;
    this.finished = true;
    this.unread = null;
    this.#reader = null;
    this.stopTimer();
    if (stream !== null) {
      this.server.counters.requestsAborted++;
      errorCounts.note('HF_CLIENT_GONE');
      stream.drop(new ExchangeError('HF_CLIENT_GONE'));
    }
    this.#channel?.onClosed();
  }

  /** Whether the connection may be closed without an end in order: nothing waits, and TLS has no close_notify to send. */
  get #endsAtOnce(): boolean {
    return this.socket.writableLength === 0 && !this.encrypted;
  }
}
