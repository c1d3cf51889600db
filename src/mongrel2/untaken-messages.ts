import { attempt, type Guarded } from '../clock/index.ts';
import { LEAST_COST } from '../exchange/index.ts';
import type { PushPeer } from '../zmq/index.ts';

/**
 * Bytes of messages that wait until a handler takes them, for each handler of a site; each costs at least 256.
 * @bound mongrel2-waiting-messages
 */
export const MAX_WAITING_BYTES = 67_108_864;

/** A message that no handler has taken yet. */
export interface WaitingMessage extends Guarded {
  readonly message: Buffer | string;
  /** The one process that is to get it, if it is still there; null for any. */
  readonly peer: PushPeer | null;
  /** A handler has taken it. */
  onTaken(peer: PushPeer): void;
  /** No handler took it in time: it has been dropped. */
  onUntaken(): void;
}

interface Entry {
  readonly waiting: WaitingMessage;
  /** When it is given up. */
  readonly deadline: number;
}

type Line = Map<WaitingMessage, Entry>;

/** Sends a message to `peer`, or to any process for null. Returns which one took it. */
export type Send = (peer: PushPeer | null, message: Buffer | string) => PushPeer | null;

/** Messages in their order: in one line for all processes, and in one for each process that has messages of its own. */
export class UntakenMessages {
  readonly #patience: number;
  readonly #maxBytes: number;
  readonly #common: Line = new Map();
  readonly #own = new Map<PushPeer, Line>();
  #bytes = 0;

  /** @param patience milliseconds that each may wait */
  constructor(patience: number, maxBytes = MAX_WAITING_BYTES) {
    this.#patience = patience;
    this.#maxBytes = maxBytes;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a message to `peer` has to wait for others. */
  blocks(peer: PushPeer | null): boolean {
    if (this.#bytes === 0) return false;
    return peer?.attached === true ? this.#own.has(peer) : this.#common.size > 0;
  }

  /** Returns false, and does nothing, when too much waits already. */
  add(waiting: WaitingMessage, now: number): boolean {
    const cost = costOf(waiting);
    if (this.#bytes + cost > this.#maxBytes) return false;
    this.#bytes += cost;
    this.#lineOf(waiting.peer).set(waiting, { waiting, deadline: now + this.#patience });
    return true;
  }

  /** Takes it out, if it is there. */
  remove(waiting: WaitingMessage): void {
    const { peer } = waiting;
    if (peer === null || !this.#drop(peer, waiting)) this.#drop(null, waiting);
  }

  /** Gives the messages to `send`, in order, until it takes none. */
  sendTo(send: Send): void {
    for (const [peer, line] of this.#own) {
      if (peer.attached) this.#sendLine(peer, line, send);
      else this.#release(peer, line);
    }
    this.#sendLine(null, this.#common, send);
  }

  #sendLine(peer: PushPeer | null, line: Line, send: Send): void {
    for (const [waiting] of line) {
      const taker = send(peer, waiting.message);
      if (taker === null) return;
      this.#drop(peer, waiting);
      attempt(waiting, tellTaken, taker);
    }
  }

  /** The process has gone: any other may take what waited for it. */
  #release(peer: PushPeer, line: Line): void {
    this.#own.delete(peer);
    for (const [waiting, entry] of line) this.#common.set(waiting, entry);
  }

  /** Gives up those that have waited for too long. */
  expire(now: number): void {
    for (const [peer, line] of this.#own) this.#expireLine(peer, line, now);
    this.#expireLine(null, this.#common, now);
  }

  /** Gives up all. */
  clear(): void {
    this.expire(Number.POSITIVE_INFINITY);
  }

  /** Nearly in order: those of a process that has gone come after younger ones, and wait a little longer. */
  #expireLine(peer: PushPeer | null, line: Line, now: number): void {
    for (const [waiting, { deadline }] of line) {
      if (deadline > now) return;
      this.#drop(peer, waiting);
      attempt(waiting, tellUntaken);
    }
  }

  #lineOf(peer: PushPeer | null): Line {
    if (peer?.attached !== true) return this.#common;
    const own = this.#own.get(peer) ?? new Map<WaitingMessage, Entry>();
    this.#own.set(peer, own);
    return own;
  }

  #drop(peer: PushPeer | null, waiting: WaitingMessage): boolean {
    const line = peer === null ? this.#common : this.#own.get(peer);
    if (line === undefined || !line.delete(waiting)) return false;
    this.#bytes -= costOf(waiting);
    if (peer !== null && line.size === 0) this.#own.delete(peer);
    return true;
  }
}

function costOf({ message }: WaitingMessage): number {
  return Math.max(LEAST_COST, message.length);
}

function tellTaken(waiting: WaitingMessage, peer: PushPeer): void {
  waiting.onTaken(peer);
}

function tellUntaken(waiting: WaitingMessage): void {
  waiting.onUntaken();
}
