import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type AtTurnEnd, attempt, fault, type TurnQueue } from '../clock/index.ts';
import type { Peer, RawClient, RawOwner, RawReader } from '../exchange/index.ts';
import { KEEP_ALIVE_DELAY } from '../net/index.ts';
import type { ClientConnection } from './client-connection.ts';
import { SOCKET_BUFFER } from './server-limits.ts';

const NONE: Buffer[] = [];

/** What a channel needs of the connection that it belongs to at present. */
export interface ChannelConnection
  extends Pick<ClientConnection, 'socket' | 'peer' | 'blocked' | 'block' | 'cut' | 'endSocket' | 'onFault'> {
  /** Whether nothing is to be written any more. */
  readonly over: boolean;
  /** Whether an exchange that is not the owner's runs: its response may begin at any time. */
  readonly exchanging: boolean;
  /** Whether that response is under way: nothing may come between its bytes. */
  readonly responding: boolean;
  /** Reads nothing more, and ends the exchange that runs: the responder has closed the connection. */
  stopInput(): void;
  /** Gives the connection's input to `reader` from now on, if that is possible. */
  giveInput(reader: RawReader): void;
  /** Reads nothing for now. */
  pauseInput(paused: boolean): void;
}

/**
 * The raw client of a connection, whatever speaks on it. A socket is never given more than its buffer takes, so that a client that takes
 * little is told from one that takes nothing; the rest waits here.
 */
export class RawChannel implements RawClient, AtTurnEnd {
  /** Null until it is known. */
  owner: RawOwner | null = null;
  /** What speaks on the connection now. */
  connection: ChannelConnection;
  /** What waits for the socket; the first one may have left in part. */
  #queue: Buffer[] = NONE;
  /** Where the queue begins. */
  #head = 0;
  #queued = 0;
  /** The connection ends after what waits. */
  #ending = false;
  readonly #calls: TurnQueue;
  /** The call of the event loop in which something was written last, and whether more of that call waits for its end. */
  #lastCall = -1;
  #corked = false;

  constructor(connection: ChannelConnection, calls: TurnQueue) {
    this.connection = connection;
    this.#calls = calls;
  }

  get peer(): Peer {
    return this.connection.peer;
  }

  get #socket(): Socket {
    return this.connection.socket;
  }

  get waiting(): number {
    return this.#socket.writableLength + this.#queued;
  }

  get blocked(): boolean {
    return this.#queued > 0 || this.connection.blocked;
  }

  get exchanging(): boolean {
    return this.connection.exchanging;
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  get encrypted(): boolean {
    return (this.#socket as Partial<TLSSocket>).encrypted === true;
  }

  write(bytes: Buffer): void {
    const { connection } = this;
    if (connection.over || bytes.length === 0) return;
    const waits = this.#queued > 0 || connection.responding;
    // A response that may begin at any time must not begin in the middle of these bytes.
    if (waits || (bytes.length > SOCKET_BUFFER && !connection.exchanging)) this.#enqueue(bytes);
    else this.#send(bytes);
  }

  /** The first bytes of a call leave at once, since there are seldom more; all others at its end, in one write. */
  #send(bytes: Buffer): void {
    const { connection } = this;
    const { number } = this.#calls;
    if (number === this.#lastCall && !this.#corked) {
      this.#corked = true;
      connection.socket.cork();
      this.#calls.add(this);
    }
    this.#lastCall = number;
    if (!connection.socket.write(bytes)) connection.block();
  }

  onTurnEnd(): void {
    this.#corked = false;
    this.#socket.uncork();
  }

  onFault(thrown: unknown): void {
    fault(this.connection, thrown);
  }

  #enqueue(bytes: Buffer): void {
    if (this.#queue === NONE) this.#queue = [];
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    this.#continue();
  }

  /** Goes on with what waits, unless it has to wait longer. */
  #continue(): void {
    const { blocked, responding } = this.connection;
    if (this.#queued > 0 && !blocked && !responding) this.#writeQueued();
  }

  /** A response of an exchange is complete. */
  onResponded(): void {
    if (this.connection.over) return;
    if (this.#ending) this.#finish();
    if (this.#queued > 0) this.onDrain();
  }

  /** Gives the socket as much as it buffers. */
  #writeQueued(): void {
    const { connection } = this;
    const { socket } = connection;
    let room = SOCKET_BUFFER;
    socket.cork();
    while (room > 0 && this.#head < this.#queue.length) {
      const next = this.#queue[this.#head] as Buffer;
      const part = next.length > room ? next.subarray(0, room) : next;
      if (part === next) this.#head++;
      else this.#queue[this.#head] = next.subarray(room);
      room -= part.length;
      this.#queued -= part.length;
      socket.write(part);
    }
    socket.uncork();
    if (this.#queued === 0) this.#drop();
    else if (this.#head > this.#queue.length / 2) this.#shorten();
    if (socket.writableNeedDrain) connection.block();
  }

  /** Moving the rest every time would cost more than doing it now and then. */
  #shorten(): void {
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }

  #drop(): void {
    this.#queue = NONE;
    this.#head = 0;
    this.#queued = 0;
  }

  /** The socket has taken what it was given. */
  onDrain(): void {
    this.#continue();
    if (this.connection.blocked || this.#queued > 0) return;
    if (this.#ending) this.connection.endSocket();
    else this.owner?.onDrained();
  }

  end(): void {
    const { connection } = this;
    if (connection.over) return;
    this.#ending = true;
    // What waits must not take the place of the rest of a response: that comes first.
    if (!connection.responding) this.#finish();
  }

  /** Ends the connection after what waits. */
  #finish(): void {
    this.connection.stopInput();
    if (this.#queued === 0) this.connection.endSocket();
  }

  keepAlive(): void {
    this.#socket.setKeepAlive(true, KEEP_ALIVE_DELAY);
  }

  cut(): void {
    this.connection.cut();
  }

  takeInput(reader: RawReader): void {
    if (!this.connection.over) this.connection.giveInput(reader);
  }

  pauseInput(paused: boolean): void {
    if (!this.connection.over) this.connection.pauseInput(paused);
  }

  /** The connection is closed. */
  onClosed(): void {
    this.#drop();
    if (this.owner !== null) attempt(this.owner, close);
  }
}

function close(owner: RawOwner): void {
  owner.onClosed();
}
