import type { RawClient, RawOwner, RawReader } from '../../src/exchange/index.ts';
import type { ScriptedExchange } from './scripted-service.ts';

/** Owns a raw client, and keeps what it is told. */
export class RecordingOwner implements RawOwner, RawReader {
  /** Set by whoever takes the client. */
  client!: RawClient;
  drained = 0;
  closed = 0;
  faults: unknown[] = [];
  /** What the client sent, in latin1. */
  input = '';
  #waits: { test: () => boolean; resolve: () => void }[] = [];

  /** Takes the client of an exchange. */
  static of(exchange: ScriptedExchange): RecordingOwner {
    const owner = new RecordingOwner();
    const client = exchange.requester.takeRaw?.(owner);
    if (client === undefined) throw new Error('the client cannot be taken');
    owner.client = client;
    return owner;
  }

  write(text: string | Buffer): void {
    this.client.write(Buffer.from(text as string, 'latin1'));
  }

  onInput(chunk: Buffer): void {
    this.input += chunk.toString('latin1');
    this.#check();
  }

  onDrained(): void {
    this.drained++;
    this.#check();
  }

  onClosed(): void {
    this.closed++;
    this.#check();
  }

  onFault(thrown: unknown): void {
    this.faults.push(thrown);
    this.#check();
  }

  /** Resolves when `test` holds, now or after one of the calls to come. */
  until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((resolve) => this.#waits.push({ test, resolve }));
  }

  #check(): void {
    const waits = this.#waits;
    this.#waits = [];
    for (const wait of waits) {
      if (wait.test()) wait.resolve();
      else this.#waits.push(wait);
    }
  }
}
