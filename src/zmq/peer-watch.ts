import { type Guarded, WheelTimer } from '../clock/index.ts';
import { encodePing } from '../codec/zmtp/index.ts';
import type { PipeOwner } from './pipe.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** A connection whose peer is watched. */
export interface WatchedPeer extends Guarded {
  /** Whether the handshake is complete, and the peer not cut off. */
  readonly open: boolean;
  /** Whether the peer is not read at present: then its silence means nothing. */
  readonly suspended: boolean;
  sendPing(ping: Buffer): void;
  /** The peer has been silent for too long: cuts it off. */
  onSilent(reason: string): void;
}

/** Checks that a peer completes its handshake in time, and is alive after that (RFC 37): sends it PINGs, and finds out when it is silent. */
export class PeerWatch extends WheelTimer {
  readonly #peer: WatchedPeer;
  readonly #owner: PipeOwner;
  #lastInput = performance.now();
  #nextPing = NEVER;
  /** What the timer waits for. */
  #wakeAt = NEVER;
  /** RFC 37: the time to live of the peer's PING, until anything else arrives; `NEVER` without one. */
  #ttl = NEVER;
  /** The peer was silent for too long, but input waiting in the socket has not been read yet. */
  #overdue = false;

  constructor(peer: WatchedPeer, owner: PipeOwner) {
    super();
    this.#peer = peer;
    this.#owner = owner;
  }

  /** Waits for the handshake, up to its time limit. */
  startHandshake(): void {
    const { handshakeTimeout } = this.#owner.options;
    if (handshakeTimeout > 0) this.#owner.context.wheel.schedule(this, handshakeTimeout);
  }

  /** The handshake is complete. @param pings whether the peer knows PING */
  start(pings: boolean): void {
    const now = performance.now();
    const { heartbeatInterval } = this.#owner.options;
    this.stop();
    if (pings && heartbeatInterval > 0) this.#nextPing = now + heartbeatInterval;
    this.#watch(now);
  }

  /** Nothing is waited for until `resume`, if that follows. */
  stop(): void {
    this.#owner.context.wheel.cancel(this);
  }

  /** The peer has sent something. */
  heard(): void {
    this.#lastInput = performance.now();
    this.#ttl = NEVER;
  }

  /** The peer is read again: its silence begins now. */
  resume(): void {
    this.#lastInput = performance.now();
    if (this.#peer.open) this.#watch(this.#lastInput);
  }

  /** The peer has sent a PING. @param ttl milliseconds after which more is to come; 0 for no limit */
  pinged(ttl: number): void {
    this.#ttl = ttl === 0 ? NEVER : ttl;
    this.#watch(performance.now());
  }

  override onTimer(): void {
    const now = performance.now();
    const { open, suspended } = this.#peer;
    if (open && (suspended || now < this.#lastInput + this.#patience)) {
      if (now >= this.#nextPing) this.#ping(now);
      this.#watch(now);
      return;
    }
    const { wheel, counters } = this.#owner.context;
    // A process that was busy for long finds its peers' input and this timer due in the same turn: read the input first.
    if (!this.#overdue) {
      this.#overdue = true;
      wheel.schedule(this, 0);
      return;
    }
    counters.peersSilent++;
    this.#peer.onSilent(open ? 'peer silent for too long' : 'handshake timed out');
  }

  override onFault(thrown: unknown): void {
    this.#peer.onFault(thrown);
  }

  #ping(now: number): void {
    const { heartbeatInterval, heartbeatTimeout } = this.#owner.options;
    this.#nextPing = now + heartbeatInterval;
    this.#peer.sendPing(encodePing(heartbeatInterval + heartbeatTimeout));
  }

  /** Milliseconds that the peer may be silent; `NEVER` for no limit. */
  get #patience(): number {
    const { heartbeatInterval, heartbeatTimeout } = this.#owner.options;
    return Math.min(this.#ttl, this.#nextPing === NEVER ? NEVER : heartbeatInterval + heartbeatTimeout);
  }

  /** Makes sure that the timer fires for whichever is first: the next PING or the silence limit. */
  #watch(now: number): void {
    this.#overdue = false;
    const next = Math.min(this.#nextPing, this.#peer.suspended ? NEVER : this.#lastInput + this.#patience);
    // Never postponed: a peer that sends PING after PING must not keep us from sending ours.
    if (next === NEVER || (this.waiting && next >= this.#wakeAt)) return;
    this.#wakeAt = next;
    this.#owner.context.wheel.schedule(this, next - now);
  }
}
