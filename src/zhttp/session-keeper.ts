import { attempt, fault, type Guarded, Ticker, type TimerWheel } from '../clock/index.ts';
import { ZhttpError } from '../codec/zhttp/index.ts';
import { LineRate, type Log, reportFault } from '../exchange/index.ts';
import type { SessionCounters } from './session-counters.ts';
import { SessionTable } from './session-table.ts';

/** A session that is kept. A call for it that throws ends it alone. */
export interface KeptSession extends Guarded {
  readonly id: string;
}

/** What a keeper is made of. */
export interface SessionKeeperOptions {
  /**
   * What the ids of sessions begin with, up to a hyphen: different in each process that shares an address, and after each start. In front
   * of a dot is what a process has in common with those that it replaces: it speaks for their sessions.
   */
  readonly idPrefix: string;
  readonly wheel: TimerWheel;
  readonly counters: SessionCounters;
  readonly log: Log;
}

/** Milliseconds between two looks at the sessions. In each a tenth of them is looked at, so that every one is within a second. */
const TICK = 100;
const PARTS = 10;

/**
 * The side that begins sessions with handlers by packets, whatever the packets are like: finds the session of each packet, counts, looks at
 * every session once a second, and sees to it that a fault ends one session and no other. `P` is a packet of a handler.
 */
export abstract class SessionKeeper<S extends KeptSession, P> implements Guarded {
  readonly counters: SessionCounters;
  readonly log: Log;
  protected readonly sessions: SessionTable<S>;
  readonly #wheel: TimerWheel;
  readonly #ticker: Ticker;
  readonly #refusals = new LineRate();
  /** Who waits for the end of all sessions. */
  #whenEmpty: (() => void)[] = [];

  constructor({ idPrefix, wheel, counters, log }: SessionKeeperOptions) {
    this.counters = counters;
    this.log = log;
    this.sessions = new SessionTable(idPrefix);
    this.#wheel = wheel;
    this.#ticker = new Ticker(TICK, this, () => this.#onTick());
  }

  /** Milliseconds of the wheel's clock. */
  get now(): number {
    return this.#wheel.now;
  }

  /** Reads a packet. @throws ZhttpError when that cannot be done; its ids are the sessions that end for it */
  protected abstract parse(payload: Buffer): P;

  /** Takes a packet; guards what it calls for several sessions. */
  protected abstract take(packet: P): void;

  /** Ends a session that a packet of its handler names which cannot be understood. @param from address of the handler */
  protected abstract refuse(session: S, message: string, from: string): void;

  /** No handler has taken the request of the session. */
  protected abstract refused(session: S): void;

  /** Looks whether the time of the session is over, about once a second. */
  protected abstract look(session: S): void;

  /** Called after each look at a part of the sessions. */
  protected afterLook(): void {}

  /** Keeps a session with the id that `sessions.nextId` has given just now. */
  protected keep(session: S): void {
    this.counters.sessions++;
    this.counters.sessionsOpen++;
    this.sessions.add(session);
  }

  /** The session is over. Returns false if it was not kept any more. */
  ended(session: KeptSession): boolean {
    if (!this.sessions.remove(session)) return false;
    this.counters.sessionsOpen--;
    if (this.#whenEmpty.length > 0 && this.sessions.size === 0) {
      for (const resolve of this.#whenEmpty.splice(0)) resolve();
    }
    return true;
  }

  /** Settles when there are no sessions. */
  whenEmpty(): Promise<void> {
    if (this.sessions.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
    });
  }

  /** Looks at no session any more. */
  protected stopTicking(): void {
    this.#ticker.stop();
  }

  // ---- from the link

  onPacket(payload: Buffer): void {
    try {
      this.take(this.parse(payload));
    } catch (thrown) {
      if (thrown instanceof ZhttpError) this.#onMalformed(thrown);
      else fault(this, thrown);
    }
  }

  onRefused(id: string): void {
    this.counters.requestsUntaken++;
    const session = this.sessions.get(id);
    if (session !== null) attempt(session, (untaken) => this.refused(untaken));
  }

  #onMalformed({ message, from, ids }: ZhttpError): void {
    this.counters.packetsMalformed++;
    const record = { handler: from, sessions: ids.length, reason: message };
    this.#refusals.write(this.log, 'warn', record, 'packet of a handler refused');
    for (const { id } of ids) {
      const session = this.sessions.get(id);
      if (session !== null) attempt(session, (named) => this.refuse(named, message, from));
    }
  }

  #onTick(): void {
    const look = (session: S): void => this.look(session);
    for (const session of this.sessions.nextPart(PARTS)) attempt(session, look);
    this.afterLook();
  }

  onFault(thrown: unknown): void {
    reportFault(this, thrown);
  }
}
