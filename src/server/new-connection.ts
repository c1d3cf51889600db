import type { Socket } from 'node:net';
import { DeadlineTimer } from '../clock/index.ts';
import { reportFault } from '../exchange/index.ts';
import type { ConnectionHost } from './connection-host.ts';
import { openConnection } from './open-connection.ts';
import type { Connection } from './served-connection.ts';

/**
 * A client's connection before its protocol is known: it waits for its turn if too many are open, then for its first bytes. The
 * connection that speaks the protocol takes over with them, or with whatever else ends the waiting.
 */
export class NewConnection extends DeadlineTimer implements Connection {
  place = -1;
  readonly socket: Socket;
  readonly #server: ConnectionHost;
  readonly #number: number;
  /** Whether it waits for its turn, and nothing is read from it. */
  #waiting = false;

  constructor(socket: Socket, server: ConnectionHost, number: number) {
    super(server.wheel);
    this.socket = socket;
    this.#server = server;
    this.#number = number;
  }

  /** Too many connections are open: it waits for its turn. */
  wait(): void {
    this.#waiting = true;
    this.setDeadline(this.#server.limits.acceptTimeout);
  }

  /** Its turn has come: its first bytes are awaited. */
  start(): void {
    this.#waiting = false;
    this.setDeadline(this.#server.limits.idleTimeout);
  }

  /** For the end, and for another connection that takes over: its time is of no matter any more. */
  stop(): void {
    this.stopTimer();
  }

  onInput(chunk: Buffer): void {
    this.#become(chunk).onInput(chunk);
  }

  onInputEnd(): void {
    this.#become(null).onInputEnd();
  }

  onDrain(): void {}

  onClosed(): void {
    this.stop();
  }

  drain(): void {
    if (this.#waiting) this.#server.refuse(this.socket, 'HF_DRAINING');
    else this.#become(null).drain();
  }

  leaveIfIdle(): boolean {
    // Its request may be on the way: it has had no turn yet.
    return false;
  }

  cut(): void {
    this.socket.destroy();
  }

  protected override onDeadline(): void {
    if (this.#waiting) this.#server.refuse(this.socket, 'HF_TOO_MANY_CONNECTIONS');
    else this.#become(null).drain();
  }

  override onFault(thrown: unknown): void {
    reportFault(this.#server, thrown, { id: `${this.#number}-0` });
    this.cut();
  }

  #become(first: Buffer | null): Connection {
    const connection = openConnection(this.socket, this.#server, this.#number, first);
    this.stop();
    this.#server.replace(this.socket, connection);
    return connection;
  }
}
