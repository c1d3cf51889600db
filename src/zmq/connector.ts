import type { Socket } from 'node:net';
import { WheelTimer } from '../clock/index.ts';
import { reportFault } from '../exchange/index.ts';
import { dial, dialUnix } from '../net/index.ts';
import type { Endpoint } from './endpoint.ts';
import { Pipe, type PipeOwner } from './pipe.ts';
import { Connection } from './zmq-connection.ts';

/** Keeps one endpoint connected: dials, and redials with growing delays when that fails or the connection is lost. */
export class Connector extends WheelTimer {
  readonly pipe: Pipe;
  /** The endpoint as given. */
  readonly text: string;
  readonly #owner: PipeOwner;
  readonly #endpoint: Endpoint;
  #connection: Connection | null = null;
  /** Consecutive attempts that failed before the handshake was complete. */
  #failures = 0;
  #stopped = false;

  constructor(owner: PipeOwner, endpoint: Endpoint, text: string) {
    super();
    this.pipe = new Pipe(owner);
    this.text = text;
    this.#owner = owner;
    this.#endpoint = endpoint;
  }

  /** Whether the handshake with its peer is complete. */
  get connected(): boolean {
    return this.#connection?.established === true;
  }

  /** Whether it has no connection and will not make another. */
  get over(): boolean {
    return this.#stopped && this.#connection === null;
  }

  /** Starts the first connection. */
  start(): void {
    this.#owner.context.counters.dials++;
    const socket = open(this.#endpoint);
    this.#connection = new Connection(socket, this.#owner, this.pipe, this.text, false, () => this.#onClosed());
  }

  /** Starts another connection. */
  override onTimer(): void {
    this.start();
  }

  /** Closes the connection once everything waiting has been sent; without a connection it dials once more to send it. */
  finish(): void {
    if (this.pipe.queued === 0 && this.#connection?.established !== true) this.destroy();
    else this.pipe.onFlush();
  }

  /** Stops dialling, and cuts the connection. */
  destroy(): void {
    this.#stopped = true;
    this.#owner.context.wheel.cancel(this);
    this.#connection?.destroy();
  }

  #onClosed(): void {
    const established = this.#connection?.established === true;
    this.#connection = null;
    if (this.#owner.closing && this.pipe.queued === 0) this.#stopped = true;
    if (this.#stopped) {
      this.#owner.onConnectorClosed();
      return;
    }
    this.#failures = established ? 0 : this.#failures + 1;
    this.#retry();
  }

  #retry(): void {
    this.#owner.context.wheel.schedule(this, backOff(this.#failures, this.#owner.options, Math.random()));
  }

  override onFault(thrown: unknown): void {
    reportFault(this.#owner.context, thrown, { endpoint: this.text });
    if (this.#stopped) return;
    // The endpoint still needs a connection.
    this.#failures++;
    if (this.#connection === null) this.#retry();
    else this.#connection.destroy();
  }
}

/**
 * Milliseconds to wait before the next attempt: doubled with each failure up to the maximum, less up to half at random, so that the many
 * peers of a restarting server do not all return at once.
 * @param failures consecutive failed attempts
 * @param chance 0 to 1
 */
export function backOff(
  failures: number,
  options: { readonly reconnectInterval: number; readonly reconnectMax: number },
  chance: number,
): number {
  const { reconnectInterval, reconnectMax } = options;
  const most = Math.max(reconnectInterval, reconnectMax);
  const wait = Math.min(most, reconnectInterval * 2 ** Math.min(failures, 30));
  return wait * (1 - chance / 2);
}

function open(endpoint: Endpoint): Socket {
  return endpoint.kind === 'ipc' ? dialUnix(endpoint.path) : dial(endpoint.host ?? '', endpoint.port);
}
