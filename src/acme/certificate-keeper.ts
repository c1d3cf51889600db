import { fault, type TimerWheel, WheelTimer } from '../clock/index.ts';
import { type Log, reportFault, systemErrorText } from '../exchange/index.ts';
import type { AcmeStore, Validity } from './acme-store.ts';
import { type Authority, type ChallengeKind, RetryLater } from './authority.ts';

/** What certificates are kept with. */
export interface CertificateKeeperOptions {
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly counters: AcmeCounters;
  readonly store: AcmeStore;
  readonly authority: Authority;
  /** Ways to prove a name, the one to try first in front. */
  readonly kinds: readonly ChallengeKind[];
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: () => number;
}

/** What is counted of certificates. */
export class AcmeCounters {
  certificatesIssued = 0;
  certificatesFailed = 0;
  /** Names whose last order failed. */
  namesFailing = 0;
  faults = 0;
}

/** Milliseconds after which it is looked at what is due, at the latest: files may have been removed, and clocks set. */
const LOOK_INTERVAL = 60_000;

/** Milliseconds before an order that failed is tried again: doubled each time. Authorities allow five failures an hour for a name. */
const FIRST_RETRY = 60_000;
const LONGEST_RETRY = 24 * 3_600_000;

/** Milliseconds that one order may take. */
const ORDER_TIMEOUT = 300_000;

/** Parts of the lifetime after which a certificate is renewed, and by which that is spread, so that those ordered together do not stay together. */
const RENEW_AFTER = 2 / 3;
const SPREAD = 1 / 30;

/** One name. */
interface Kept {
  failures: number;
  /** Milliseconds since 1970; 0 for at once. */
  retryAt: number;
  /** 0 to 1: its place in the spread. */
  readonly place: number;
}

/** Orders certificates for names and renews them, one order at a time. */
export class CertificateKeeper extends WheelTimer {
  readonly #options: CertificateKeeperOptions;
  readonly #now: () => number;
  readonly #names = new Map<string, Kept>();
  #ordering: AbortController | null = null;
  #whenIdle: (() => void)[] = [];
  #stopped = false;

  constructor(options: CertificateKeeperOptions) {
    super();
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Keeps certificates for these names from now on. Those of other names stay where they are. */
  use(names: readonly string[]): void {
    const wanted = new Set(names);
    for (const name of this.#names.keys()) if (!wanted.has(name)) this.#names.delete(name);
    this.#countFailing();
    for (const name of wanted) {
      if (!this.#names.has(name)) this.#names.set(name, { failures: 0, retryAt: 0, place: Math.random() });
    }
    this.#look();
  }

  /** Ends the order that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#options.wheel.cancel(this);
    this.#ordering?.abort(new Error('the server stops'));
    if (this.#ordering !== null) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  override onTimer(): void {
    this.#look();
  }

  override onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
    if (!this.#stopped) this.#options.wheel.schedule(this, LOOK_INTERVAL);
  }

  #countFailing(): void {
    let failing = 0;
    for (const { failures } of this.#names.values()) if (failures > 0) failing++;
    this.#options.counters.namesFailing = failing;
  }

  /** Orders the certificate that is due first, and looks again after it, or when the next one is due. */
  #look(): void {
    if (this.#stopped || this.#ordering !== null) return;
    const { store, wheel } = this.#options;
    const now = this.#now();
    let next = now + LOOK_INTERVAL;
    for (const [name, kept] of this.#names) {
      const validity = store.validity(name);
      const due = Math.max(kept.retryAt, validity === null ? 0 : renewalOf(validity, kept.place));
      if (due <= now) {
        this.#order(name, kept, validity).catch((thrown: unknown) => fault(this, thrown));
        return;
      }
      next = Math.min(next, due);
    }
    wheel.schedule(this, next - now);
  }

  async #order(name: string, kept: Kept, earlier: Validity | null): Promise<void> {
    const { store, authority, kinds, log, counters } = this.#options;
    const ordering = new AbortController();
    this.#ordering = ordering;
    const timer = setTimeout(
      () => ordering.abort(new Error(`no certificate within ${ORDER_TIMEOUT / 1000} s`)),
      ORDER_TIMEOUT,
    );
    // What failed one way may succeed the other way.
    const tried = kept.failures % 2 === 0 ? kinds : [...kinds].reverse();
    const prover = {
      kinds: tried,
      openToken: store.openToken.bind(store),
      openProof: store.openProof.bind(store),
    };
    log.info({ name, challenge: tried[0], renewal: earlier !== null }, 'certificate ordered');
    try {
      const issued = await orAborted(authority.order(name, prover, ordering.signal), ordering.signal);
      await store.save(name, issued);
      const validity = store.validity(name);
      // Without this a wrong clock would order one certificate after the other.
      if (validity === null || renewalOf(validity, kept.place) <= this.#now())
        throw new Error('the certificate that was issued is to be renewed already: check the clock');
      kept.failures = 0;
      kept.retryAt = 0;
      counters.certificatesIssued++;
      log.info({ name, until: dateOf(validity.to) }, 'certificate issued');
    } catch (error) {
      const asked = error instanceof RetryLater ? error.seconds * 1_000 : 0;
      const wait =
        Math.max(asked, Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** kept.failures)) * (1 + Math.random() / 10);
      kept.failures++;
      kept.retryAt = this.#now() + wait;
      if (this.#stopped) return;
      counters.certificatesFailed++;
      const fields = {
        name,
        reason: systemErrorText(error),
        retryAt: dateOf(kept.retryAt),
        expires: dateOf(earlier?.to),
      };
      log[earlier === null || earlier.to < this.#now() ? 'error' : 'warn'](fields, 'certificate not issued');
    } finally {
      clearTimeout(timer);
      store.closeChallenges();
      this.#ordering = null;
      this.#countFailing();
      for (const resolve of this.#whenIdle.splice(0)) resolve();
      this.#look();
    }
  }
}

/** When a certificate is to be renewed, in milliseconds since 1970. */
function renewalOf({ from, to }: Validity, place: number): number {
  return from + (to - from) * (RENEW_AFTER - SPREAD * place);
}

function dateOf(time: number | undefined): string | null {
  return time === undefined ? null : new Date(time).toISOString();
}

/** The result, or the reason of the signal as soon as that is aborted: what is waited for may not know the signal everywhere. */
function orAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    result.then(resolve, reject);
  });
}
