import { attempt, type Guarded, Ticker } from '../clock/index.ts';
import { type ControlCounters, type Log, reportFault } from '../exchange/index.ts';
import type { EventStream } from './event-stream.ts';
import { OperationError } from './operation-error.ts';

/**
 * Streams of events that are open at a time. Together with what may wait for each, this bounds what slow readers hold.
 * @bound control-event-streams
 */
const MAX_STREAMS = 64;

/**
 * Streams of one address. Unix sockets have none, and are not bounded by it.
 * @bound control-event-streams-address
 */
const MAX_OF_ADDRESS = 16;

/** Seconds between two comments. */
const KEEP_ALIVE = 15;

/** The streams of events that are open. Each ends with the rights of its caller. */
export class EventStreams implements Guarded {
  readonly #streams = new Map<EventStream, () => void>();
  readonly #report: { readonly counters: ControlCounters; readonly log: Log };
  readonly #isValid: (stream: EventStream) => boolean;
  #ticker: Ticker | null = null;
  #ticks = 0;
  #draining = false;

  /** @param isValid whether the caller's rights still last */
  constructor(counters: ControlCounters, log: Log, isValid: (stream: EventStream) => boolean) {
    this.#report = { counters, log };
    this.#isValid = isValid;
  }

  /**
   * Checks that there is room for another one of this address.
   * @throws OperationError if not
   */
  check(address: string): void {
    let same = 0;
    for (const stream of this.#streams.keys()) if (stream.address === address) same++;
    const full = this.#streams.size >= MAX_STREAMS || (address !== '' && same >= MAX_OF_ADDRESS);
    if (!full && !this.#draining) return;
    throw new OperationError(full ? 'HF_CONTROL_STREAMS' : 'HF_DRAINING', '', ['Retry-After', '5']);
  }

  /** @param open gives it its source, and returns what lets that go */
  add(stream: EventStream, open: (stream: EventStream) => () => void): void {
    this.#ticker ??= new Ticker(1_000, this, () => this.#tick());
    this.#streams.set(stream, () => {});
    this.#streams.set(stream, open(stream));
  }

  /** A stream is over. */
  remove(stream: EventStream): void {
    const close = this.#streams.get(stream);
    if (close === undefined) return;
    this.#streams.delete(stream);
    this.#report.counters.eventsDropped += stream.lost;
    if (this.#streams.size === 0) {
      this.#ticker?.stop();
      this.#ticker = null;
    }
    close();
  }

  /** Ends all of them, and lets none begin. */
  drain(): void {
    this.#draining = true;
    for (const stream of [...this.#streams.keys()]) this.#end(stream);
  }

  onFault(thrown: unknown): void {
    reportFault(this.#report, thrown);
  }

  #tick(): void {
    this.#ticks++;
    for (const stream of [...this.#streams.keys()]) {
      if (!this.#isValid(stream)) attempt(this, () => this.#end(stream));
      else if (this.#ticks % KEEP_ALIVE === 0) attempt(this, () => stream.keepAlive());
    }
  }

  #end(stream: EventStream): void {
    stream.end();
    this.remove(stream);
  }
}
