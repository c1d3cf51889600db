import type { OnReadOpts, Socket } from 'node:net';
import { type Guarded, guarded } from '../clock/index.ts';
import { NO_DESCRIPTORS } from './descriptors.ts';
import { dial } from './dial.ts';
import { DialError } from './dialler.ts';
import type { Guard } from './guard/guard.ts';

/** Takes the outcome of a race: exactly one of the first two calls, never before `start` has returned; or an exception, in `onFault`. */
export interface RaceOwner extends Guarded {
  /** The race no longer listens to the socket. */
  onWon(socket: Socket): void;
  onLost(error: DialError): void;
}

/** What happened, by the system's code. */
const REASONS: Readonly<Record<string, string>> = {
  ...NO_DESCRIPTORS,
  EACCES: 'the system does not allow it',
  EADDRNOTAVAIL: 'no local port is free',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to the host',
  EINVAL: 'the address cannot be reached from here',
  ENETUNREACH: 'no route to the network',
  EPERM: 'the system does not allow it',
  ETIMEDOUT: 'connection timed out',
};

/**
 * Connects to the addresses of one host (RFC 8305 §5), one attempt after the other. The next attempt starts when the one before has failed,
 * or beside it after the delay. The first open connection wins, and all others are closed. The guard checks each address right before it
 * is dialled. A single address needs one socket and no timer.
 */
export class AddressRace {
  readonly #addresses: readonly string[];
  readonly #port: number;
  readonly #guard: Guard | null;
  readonly #onRead: OnReadOpts | undefined;
  readonly #attemptDelay: number;
  readonly #owner: RaceOwner;
  /** The next address. */
  #next = 0;
  /** The attempts in progress. */
  readonly #attempts: Socket[] = [];
  /** Why other addresses were not used or failed, with the address in front. */
  readonly #denials: string[] = [];
  readonly #failures: Failure[] = [];
  #delay: NodeJS.Timeout | undefined;
  #over = false;

  /**
   * @param addresses in the order in which they are dialled; one at least
   * @param onRead reads from the connection that wins; undefined reads nothing
   * @param attemptDelay milliseconds until the next attempt is made beside the one before
   */
  constructor(
    addresses: readonly string[],
    port: number,
    guard: Guard | null,
    onRead: OnReadOpts | undefined,
    attemptDelay: number,
    owner: RaceOwner,
  ) {
    this.#addresses = addresses;
    this.#port = port;
    this.#guard = guard;
    this.#onRead = onRead;
    this.#attemptDelay = attemptDelay;
    this.#owner = owner;
  }

  start(): void {
    this.#attemptNext();
  }

  /** Closes everything. The owner is not called again. */
  cancel(): void {
    this.#finish(null);
  }

  #attemptNext(): void {
    clearTimeout(this.#delay);
    while (this.#next < this.#addresses.length) {
      const address = this.#addresses[this.#next++] as string;
      const verdict = this.#guard?.checkAddress(address);
      if (verdict?.allowed === false) {
        this.#denials.push(`${address} is denied (${verdict.reason})`);
        continue;
      }
      this.#attempt(address);
      if (this.#next < this.#addresses.length) {
        this.#delay = setTimeout(
          guarded(this.#owner, () => this.#attemptNext()),
          this.#attemptDelay,
        );
      }
      return;
    }
    // Deferred: if all addresses are denied at the start, the owner does not hold this race yet.
    if (this.#attempts.length === 0) process.nextTick(guarded(this.#owner, () => this.#lose()));
  }

  #attempt(address: string): void {
    // An address needs no lookup: exactly what was checked is dialled.
    const socket = dial(address, this.#port, this.#onRead);
    this.#attempts.push(socket);
    const onConnect = guarded(this.#owner, (): void => {
      if (this.#over) return;
      socket.removeListener('connect', onConnect);
      socket.removeListener('error', onError);
      this.#finish(socket);
      this.#owner.onWon(socket);
    });
    const onError = guarded(this.#owner, (error: NodeJS.ErrnoException): void => {
      if (this.#over) return;
      this.#attempts.splice(this.#attempts.indexOf(socket), 1);
      this.#failures.push({ address, code: error.code ?? error.message });
      this.#attemptNext();
    });
    socket.on('connect', onConnect);
    socket.on('error', onError);
  }

  #lose(): void {
    if (this.#over) return;
    this.#finish(null);
    this.#owner.onLost(outcome(this.#denials, this.#failures));
  }

  /** Ends the race and closes every attempt except the winner. */
  #finish(winner: Socket | null): void {
    this.#over = true;
    clearTimeout(this.#delay);
    for (const socket of this.#attempts) {
      if (socket !== winner) socket.destroy();
    }
    this.#attempts.length = 0;
  }
}

/** A failed attempt and the system's error code. */
interface Failure {
  readonly address: string;
  readonly code: string;
}

/** Why no address was reached: a failed attempt says more than a denied address. */
function outcome(denials: readonly string[], failures: readonly Failure[]): DialError {
  if (failures.length === 0) return new DialError('policy', denials.join(', '));
  // It says nothing about the addresses.
  const shortage = failures.map(({ code }) => NO_DESCRIPTORS[code]).find((text) => text !== undefined);
  if (shortage !== undefined) return new DialError('descriptors', shortage);
  const kind = failures.every(({ code }) => code === 'ETIMEDOUT') ? 'timeout' : 'unreachable';
  const reasons = failures.map(({ code }) => REASONS[code] ?? `connection failed with ${code}`);
  if (denials.length === 0 && new Set(reasons).size === 1) return new DialError(kind, reasons[0] as string);
  const each = failures.map(({ address }, i) => `${address}: ${reasons[i]}`);
  return new DialError(kind, [...each, ...denials].join(', '));
}
