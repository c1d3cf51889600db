import { attempt, fault, type Guarded } from '../clock/index.ts';
import { FULL, READY, type Reach, UNKNOWN_PATIENCE } from '../zhttp/index.ts';

/** A session that has something to send. */
export interface StalledSession extends Guarded {
  /** Sends what it can. Returns false if the handler takes no more. */
  sendHeld(): boolean;
  /**
   * The handler has not taken anything in time.
   * @param connected whether it is connected
   * @param seconds how long that was
   */
  giveUpHandler(connected: boolean, seconds: number): void;
}

/** What waits for one handler. */
interface Stall {
  /** In the order in which they send. */
  readonly sessions: Set<StalledSession>;
  reach: Reach;
  /** Since when the handler has taken nothing, or has not been connected. */
  since: number;
}

/** Sessions that wait for handlers that take nothing at present. Each keeps what it has to send; this knows whose turn it is. */
export class StalledSessions {
  readonly #patience: number;
  readonly #reachOf: (address: string) => Reach;
  readonly #stalls = new Map<string, Stall>();

  /**
   * @param patience milliseconds that are given to a connected handler that takes nothing
   * @param reachOf tells what the handler of an address takes
   */
  constructor(patience: number, reachOf: (address: string) => Reach) {
    this.#patience = patience;
    this.#reachOf = reachOf;
  }

  /** Lets the session wait for the handler of that address, after those that wait already. */
  add(session: StalledSession, address: string, now: number): void {
    const stall = this.#stalls.get(address);
    if (stall === undefined) this.#stalls.set(address, { sessions: new Set([session]), reach: FULL, since: now });
    else stall.sessions.add(session);
  }

  /** The session waits for the handler of that address no longer. */
  remove(session: StalledSession, address: string): void {
    const stall = this.#stalls.get(address);
    if (stall?.sessions.delete(session) && stall.sessions.size === 0) this.#stalls.delete(address);
  }

  /** The handler takes packets again: lets the sessions send, one after the other, until it takes no more. */
  release(address: string, now: number): void {
    const stall = this.#stalls.get(address);
    if (stall === undefined) return;
    stall.since = now;
    // A resumed session may fill the handler again: then it is at the end of the set, and ends this loop.
    for (const session of stall.sessions) {
      if (this.#reachOf(address) !== READY) return;
      stall.sessions.delete(session);
      if (!send(session)) this.add(session, address, now);
    }
    // The others may have left while one was sending, and that one may wait again: then this is another stall.
    if (this.#stalls.get(address) === stall) this.#stalls.delete(address);
  }

  /** Checks the handlers without notifications, and gives up those that have taken nothing for too long. */
  check(now: number): void {
    if (this.#stalls.size === 0) return;
    for (const [address, stall] of [...this.#stalls]) {
      const reach = this.#reachOf(address);
      if (reach === READY) {
        this.release(address, now);
        continue;
      }
      if (reach !== stall.reach) {
        stall.reach = reach;
        stall.since = now;
      }
      const patience = reach === FULL ? this.#patience : UNKNOWN_PATIENCE;
      if (now - stall.since >= patience) this.#giveUp(address, stall, patience);
    }
  }

  #giveUp(address: string, { sessions, reach }: Stall, patience: number): void {
    this.#stalls.delete(address);
    for (const session of sessions) {
      attempt(session, giveUp, reach === FULL, patience / 1_000);
    }
  }
}

function giveUp(session: StalledSession, connected: boolean, seconds: number): void {
  session.giveUpHandler(connected, seconds);
}

function send(session: StalledSession): boolean {
  try {
    return session.sendHeld();
  } catch (thrown) {
    fault(session, thrown);
    return true;
  }
}
