import type { Socket } from 'node:net';
import { type ExchangeError, internalError } from '../exchange/index.ts';
import { peerOf } from '../net/index.ts';
import { ClientConnection } from './client-connection.ts';
import type { ConnectionHost } from './connection-host.ts';
import { type OpenedConnection, openConnection } from './open-connection.ts';

/**
 * A client's connection before its protocol is known. If too many are open it waits for its turn, and keeps what the client sends
 * meanwhile. The connection that speaks the protocol takes over with the first bytes, or with whatever else ends the waiting.
 */
export class NewConnection extends ClientConnection {
  readonly #number: number | string;
  /** Whether it waits for its turn. */
  #waiting = false;

  constructor(socket: Socket, server: ConnectionHost, number: number | string) {
    super(socket, server, peerOf(socket));
    this.#number = number;
  }

  override get requestId(): string {
    return '';
  }

  override get id(): string {
    return `${this.#number}-0`;
  }

  /** Too many connections are open: it waits for its turn. */
  wait(): void {
    this.#waiting = true;
    this.setDeadline(this.server.limits.acceptTimeout);
  }

  /** Its turn has come. */
  start(): void {
    this.#waiting = false;
    if (this.unread === null) this.setDeadline(this.server.limits.idleTimeout);
    else this.#become(this.unread).consumeUnread();
  }

  /** Responds with `error` in the client's protocol, and ends the connection. */
  turnAway(error: ExchangeError): void {
    this.#become(null).turnAway(error);
  }

  protected override consume(input: Buffer): Buffer | null {
    if (this.#waiting) return input;
    this.#become(input).onInput(input);
    return null;
  }

  onInputEnd(): void {
    this.inputEnded = true;
    if (this.finished) return;
    if (!this.#waiting) this.#become(null).onInputEnd();
    else if (this.unread === null || this.server.limits.abortOnHalfClose) this.closeSocket();
  }

  drain(): void {
    if (this.#waiting) this.server.refuse(this.socket, 'HF_DRAINING');
    else this.#become(null).drain();
  }

  leaveIfIdle(): boolean {
    // Its request may be on the way: it has had no turn yet.
    return false;
  }

  override get unheardSince(): number | null {
    return this.#waiting || this.finished ? null : this.deadline - this.server.limits.idleTimeout * 1_000;
  }

  override makeWay(): void {
    this.#become(null).makeWay();
  }

  onClosed(): void {
    this.finished = true;
    this.unread = null;
    this.stopTimer();
  }

  protected override onDeadline(): void {
    if (this.#waiting) this.server.refuse(this.socket, 'HF_TOO_MANY_CONNECTIONS');
    else this.#become(null).drain();
  }

  override onFault(thrown: unknown): void {
    this.reportFault(internalError(thrown));
    this.cut();
  }

  /** The deadline of the wait stays as it is. */
  override watch(): void {}

  // There is no exchange yet.

  protected override afterInput(): void {}

  protected override writeProbe(): void {}

  protected override returnCredit(): void {}

  protected override dropExchanges(): void {}

  #become(first: Buffer | null): OpenedConnection {
    const connection = openConnection(this.socket, this.server, this.peer, this.#number, first);
    connection.succeed(this);
    return connection;
  }
}
