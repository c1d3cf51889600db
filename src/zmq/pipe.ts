import { fault, type Guarded } from '../clock/index.ts';
import type { Mechanism, Part, ZmtpError } from '../codec/zmtp/index.ts';
import { receivedCost, SendQueue } from './message-queue.ts';
import type { SocketType } from './socket-type.ts';
import type { ZmqContext, ZmqOptions } from './zmq-options.ts';

/** Bytes per write. */
const WRITE_BYTES = 262_144;

/** Bytes that each peer may hold even when the total is used up, so that a peer that holds little never pays for the others. */
const LEAST_SHARE = 65_536;

const NO_ID = Buffer.alloc(0);
const NOTHING: readonly Buffer[] = [];
const NO_TOPICS: readonly string[] = [];

/** What pipes, connections and connectors need from their socket. */
export interface PipeOwner extends Guarded {
  readonly type: SocketType;
  readonly context: ZmqContext;
  readonly options: ZmqOptions;
  /** Whether messages are accepted now; otherwise they wait in their pipe. */
  readonly receiving: boolean;
  /** Whether the socket is closing: nothing new starts. */
  readonly closing: boolean;
  /** The handshake of a new connection, accepted or dialled. */
  newMechanism(accepted: boolean): Mechanism;
  /** Calls `pipe.onFlush` at the end of this turn of the event loop. */
  flushLater(pipe: Pipe): void;
  /** Null if a peer with this routing id may connect, else the reason why not at present. */
  refusal(routingId: Buffer): string | null;
  onPipeReady(pipe: Pipe): void;
  /** Takes a message. Never throws: an exception of the consumer ends this message only. */
  receive(pipe: Pipe, parts: Buffer[]): void;
  /** A message has entered the inbox of `pipe`, which was empty. */
  onPipeWaiting(pipe: Pipe): void;
  /**
   * The peer subscribes to `topic`, or cancels that.
   * @throws ZmtpError if it may not
   */
  onPipeSubscription(pipe: Pipe, topic: Buffer, subscribe: boolean): void;
  /** The inbox of `pipe` was emptied otherwise than by receiving. */
  onPipeEmptied(pipe: Pipe): void;
  /** Whether the peer may leave for another process now. */
  mayMove(pipe: Pipe): boolean;
  /** Topics in latin1 that the peer has subscribed to, or that it was subscribed to. */
  topicsOf(pipe: Pipe): readonly string[];
  /** Messages have left `pipe`. */
  onPipeWritable(pipe: Pipe): void;
  /** The connection is gone; `pipe.connection` is already null. */
  onPipeLost(pipe: Pipe): void;
  /** An endpoint has lost its connection and will not be redialled. */
  onConnectorClosed(): void;
}

/** What a pipe needs from the connection that serves it. */
export interface PipeConnection extends Guarded {
  /** Whether the socket buffer is full: nothing more is written until it drains. */
  readonly blocked: boolean;
  /** Bytes written but not sent, while `blocked`. */
  readonly unsent: number;
  /** Whether commands wait for the next write. */
  readonly hasCommands: boolean;
  /** Writes the waiting commands, then `buffers`, in one write. */
  write(buffers: readonly Buffer[]): void;
  /** Subscribes to `topic` at the peer, or cancels that. */
  subscribe(topic: Buffer, subscribe: boolean): void;
  /** Resumes reading after the inbox was full. */
  resume(): void;
  /** Closes once everything written has been sent. */
  end(): void;
  /** Cuts off a peer that has broken ZMTP or a limit. */
  refuse(error: ZmtpError): void;
}

/**
 * The way to one peer and back: what waits to be sent and what waits to be received. The pipe of an accepted connection ends with it; the
 * pipe of an endpoint that we connect to outlives its connections.
 *
 * What a peer makes us hold is charged to the counter `bytesHeld`, which all sockets of a role share. A peer may hold as much as its own
 * bound allows, but no more than what is left of the total: peers that hold much leave something for each other, and a peer that holds
 * little is never refused because of them.
 */
export class Pipe implements Guarded {
  /** Null until a handshake is complete. */
  connection: PipeConnection | null = null;
  /** Whether the socket counts it among its peers. */
  attached = false;
  /** The routing id of the peer; a ROUTER stores the one that it assigned. Empty for none. */
  routingId: Buffer = NO_ID;
  /** Topics in latin1 that stand already between the two, where the peer was another process's; until it is attached. */
  topics: readonly string[] = NO_TOPICS;
  readonly #owner: PipeOwner;
  readonly #queue = new SendQueue();
  /** Messages that arrived while the socket was paused. */
  readonly #inbox: Buffer[][] = [];
  /** Bytes charged for the inbox. */
  #inboxCost = 0;
  /** Bytes charged for what the connection has accepted but not sent. */
  #unsent = 0;
  #flushQueued = false;

  constructor(owner: PipeOwner) {
    this.#owner = owner;
  }

  /** Messages that wait to be sent. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Messages that wait to be received. */
  get waiting(): number {
    return this.#inbox.length;
  }

  /** Whether no more messages can be taken: the high-water mark of RFC 28 to 30, in messages or in bytes. */
  get full(): boolean {
    if (!this.#atMark) return false;
    // Many messages in one turn are not refused as long as the connection accepts them.
    this.#tryFlush();
    if (!this.#atMark) return false;
    this.#noteTotal(this.#queue.cost + this.#unsent, this.#owner.options.sendBytes);
    return true;
  }

  get #atMark(): boolean {
    const { sendHwm, sendBytes } = this.#owner.options;
    const queue = this.#queue;
    return (sendHwm > 0 && queue.length >= sendHwm) || queue.cost + this.#unsent >= this.share(sendBytes);
  }

  /** Bytes that the peer may hold now: `most` if others hold little. */
  share(most: number): number {
    const { options, context } = this.#owner;
    const left = options.totalBytes - context.counters.bytesHeld;
    return Math.min(most, left > LEAST_SHARE ? left : LEAST_SHARE);
  }

  /** Counts a peer with so many bytes at its bound, if it is that only because of what others hold. */
  #noteTotal(bytes: number, most: number): void {
    if (bytes < most && bytes >= this.share(most)) this.#owner.context.counters.totalReached++;
  }

  /** Adds `bytes`, which may be negative, to the total. */
  charge(bytes: number): void {
    this.#owner.context.counters.bytesHeld += bytes;
  }

  /** Sends `parts` at the end of this turn. Returns false, with nothing done, if the pipe is full. */
  offer(parts: readonly Part[]): boolean {
    if (this.full) return false;
    this.charge(this.#queue.push(parts));
    this.#owner.context.counters.messagesSent++;
    this.flushLater();
    return true;
  }

  /** Sends everything waiting at the end of this turn, in one write if possible. */
  flushLater(): void {
    if (this.#flushQueued || this.connection === null) return;
    this.#flushQueued = true;
    this.#owner.flushLater(this);
  }

  /** The turn is over, or the connection accepts more. */
  onFlush(): void {
    this.#flushQueued = false;
    if (this.connection === null) return;
    this.#tryFlush();
    this.#owner.onPipeWritable(this);
  }

  /** Drops what waits to be sent, and counts it. */
  drop(): void {
    this.#owner.context.counters.messagesDropped += this.#queue.length;
    this.charge(-this.#queue.cost);
    this.#queue.clear();
  }

  /** Takes all messages out of the inbox. */
  takeAllStored(): Buffer[][] {
    const taken: Buffer[][] = [];
    while (this.#inbox.length > 0) taken.push(this.takeStored());
    if (taken.length > 0) this.#owner.onPipeEmptied(this);
    return taken;
  }

  /** The connection is gone, and with it what it had accepted. */
  onConnectionLost(): void {
    this.connection = null;
    this.charge(-this.#unsent);
    this.#unsent = 0;
    this.#owner.onPipeLost(this);
  }

  /** Keeps a message until it is wanted. Returns whether reading should stop. */
  store(parts: Buffer[]): boolean {
    const { receiveHwm, receiveBytes } = this.#owner.options;
    const cost = receivedCost(parts);
    this.#inbox.push(parts);
    this.#inboxCost += cost;
    this.charge(cost);
    if (this.#inbox.length === 1) this.#owner.onPipeWaiting(this);
    if ((receiveHwm === 0 || this.#inbox.length < receiveHwm) && this.#inboxCost < this.share(receiveBytes))
      return false;
    this.#owner.context.counters.peersPaused++;
    this.#noteTotal(this.#inboxCost, receiveBytes);
    return true;
  }

  /** Removes the oldest message from the inbox, which is not empty. */
  takeStored(): Buffer[] {
    const parts = this.#inbox.shift() as Buffer[];
    const cost = receivedCost(parts);
    this.#inboxCost -= cost;
    this.charge(-cost);
    return parts;
  }

  /** Drops what waits to be received, and counts it. */
  dropStored(): void {
    this.#owner.context.counters.messagesDropped += this.#inbox.length;
    this.charge(-this.#inboxCost);
    this.#inboxCost = 0;
    this.#inbox.length = 0;
  }

  /** What waits may be what cannot be sent: drop it, so that the next connection does not fail on it too. */
  onFault(thrown: unknown): void {
    this.drop();
    fault(this.connection ?? this.#owner, thrown);
  }

  #tryFlush(): void {
    try {
      this.#flush();
    } catch (thrown) {
      fault(this, thrown);
    }
  }

  #flush(): void {
    const { connection } = this;
    if (connection === null) return;
    const queue = this.#queue;
    const before = queue.cost + this.#unsent;
    while (!connection.blocked && (queue.length > 0 || connection.hasCommands)) {
      connection.write(queue.length > 0 ? queue.take(WRITE_BYTES) : NOTHING);
    }
    this.#unsent = connection.unsent;
    this.charge(queue.cost + this.#unsent - before);
  }
}
