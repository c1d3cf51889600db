import { type Guarded, Ticker } from '../clock/index.ts';
import type { EventStream } from './event-stream.ts';

/** Sends the status to all who watch it, every second. It is made once for all of them. */
export class StatusFeed implements Guarded {
  readonly #make: () => string;
  readonly #streams = new Set<EventStream>();
  #ticker: Ticker | null = null;

  /** @param make the status as JSON */
  constructor(make: () => string) {
    this.#make = make;
  }

  /** Sends the status now and from now on. The result ends that. */
  open(stream: EventStream): () => void {
    this.#streams.add(stream);
    this.#ticker ??= new Ticker(1_000, this, () => this.#tick());
    send(stream, this.#make());
    return () => this.#close(stream);
  }

  onFault(thrown: unknown): void {
    // The ticker goes on: whoever handles unhandled faults logs it.
    throw thrown;
  }

  #tick(): void {
    const text = this.#make();
    for (const stream of [...this.#streams]) send(stream, text);
  }

  #close(stream: EventStream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#ticker?.stop();
    this.#ticker = null;
  }
}

/** A reader that has not taken the last status needs none that is older than the next. */
function send(stream: EventStream, text: string): void {
  if (stream.waiting === 0) stream.send('status', text);
}
