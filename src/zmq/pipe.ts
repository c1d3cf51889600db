import type { Mechanism, Part } from '../codec/zmtp/index.ts';
import { SendQueue } from './message-queue.ts';
import type { SocketType } from './socket-type.ts';
import type { ZmqContext, ZmqOptions } from './zmq-options.ts';

/** Bytes that leave in one write. */
const WRITE_BYTES = 262_144;

const NO_ID = Buffer.alloc(0);
const NOTHING: readonly Buffer[] = [];

/** What pipes, connections and connectors need of the socket that they belong to. */
export interface PipeOwner {
  readonly type: SocketType;
  readonly context: ZmqContext;
  readonly options: ZmqOptions;
  /** Whether messages are wanted now; those that arrive while not wait in their pipe. */
  readonly receiving: boolean;
  /** Whether nothing new is to be begun. */
  readonly closing: boolean;
  /** The handshake of a new connection, which was accepted or is our own. */
  newMechanism(accepted: boolean): Mechanism;
  /** Calls `pipe.onFlush` at the end of this turn of the event loop. */
  flushLater(pipe: Pipe): void;
  /** Null if a peer with this routing id is welcome, else why it is not for now. */
  refusal(routingId: Buffer): string | null;
  onPipeReady(pipe: Pipe): void;
  onPipeMessage(pipe: Pipe, parts: Buffer[]): void;
  /** A message has gone to the inbox of `pipe`, which was empty. */
  onPipeWaiting(pipe: Pipe): void;
  /**
   * The peer asks for messages that begin with `topic`, or no longer.
   * @throws ZmtpError when it may not
   */
  onPipeSubscription(pipe: Pipe, topic: Buffer, subscribe: boolean): void;
  /** Messages have left `pipe`. */
  onPipeWritable(pipe: Pipe): void;
  /** The connection has gone; `pipe.connection` is null already. */
  onPipeLost(pipe: Pipe): void;
  /** An endpoint has no connection any more, and will have none. */
  onConnectorClosed(): void;
}

/** What a pipe needs of the connection that serves it. */
export interface PipeConnection {
  /** Whether what is written has to wait: no more must be written until the pipe is asked to flush. */
  readonly blocked: boolean;
  /** Whether commands wait for the next write. */
  readonly hasCommands: boolean;
  /** Writes the commands that wait, and then `buffers`, as one. */
  write(buffers: readonly Buffer[]): void;
  /** Asks the peer for messages that begin with `topic`, or for no more of them. */
  subscribe(topic: Buffer, subscribe: boolean): void;
  /** Goes on reading after the inbox was full. */
  resume(): void;
  /** Closes once all that was written has been sent. */
  end(): void;
}

/**
 * The way to one peer and back: what waits to be sent, and what waits to be received. That of an accepted connection ends with
 * it; that of an endpoint we connect to outlives its connections.
 */
export class Pipe {
  /** Null while no handshake is complete. */
  connection: PipeConnection | null = null;
  /** Whether the socket counts it among its peers. */
  attached = false;
  /** What the peer calls itself; a ROUTER puts here what it calls the peer. Empty for nothing. */
  routingId: Buffer = NO_ID;
  /** Number of the last message that a publisher has sent here. */
  lastMatch = 0;
  /** Messages that arrived while the socket was paused. */
  readonly inbox: Buffer[][] = [];
  readonly #owner: PipeOwner;
  readonly #queue = new SendQueue();
  #flushQueued = false;

  constructor(owner: PipeOwner) {
    this.#owner = owner;
  }

  /** Messages that wait to be sent. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Whether no further message can be taken (the high-water mark, RFC 28 to 30). */
  get full(): boolean {
    const { sendHwm } = this.#owner.options;
    if (sendHwm === 0 || this.#queue.length < sendHwm) return false;
    // Many messages in one turn are no reason to refuse any as long as the connection takes them.
    this.flush();
    return this.#queue.length >= sendHwm;
  }

  /** Lets `parts` leave with the end of this turn. Returns false, and does nothing, when the pipe is full. */
  offer(parts: readonly Part[]): boolean {
    if (this.full) return false;
    this.#queue.push(parts);
    this.#owner.context.counters.messagesSent++;
    this.flushLater();
    return true;
  }

  /** Lets all that waits leave with the end of this turn, in one write if possible. */
  flushLater(): void {
    if (this.#flushQueued || this.connection === null) return;
    this.#flushQueued = true;
    this.#owner.flushLater(this);
  }

  /** The turn is over, or the connection takes more. */
  onFlush(): void {
    this.#flushQueued = false;
    const { connection } = this;
    if (connection === null) return;
    this.flush();
    this.#owner.onPipeWritable(this);
  }

  flush(): void {
    const { connection } = this;
    if (connection === null) return;
    while (!connection.blocked && (this.#queue.length > 0 || connection.hasCommands)) {
      connection.write(this.#queue.length > 0 ? this.#queue.take(WRITE_BYTES) : NOTHING);
    }
  }

  /** Forgets what waits to be sent: it is counted as dropped. */
  drop(): void {
    this.#owner.context.counters.messagesDropped += this.#queue.length;
    this.#queue.clear();
  }
}
