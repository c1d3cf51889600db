import type { PubSocket } from '../zmq/index.ts';
import type { StatsSocket } from './stats-reporter.ts';

/** The PUB socket of a `StatsReporter`. */
export class StatsPublisher implements StatsSocket {
  readonly #socket: PubSocket;

  constructor(socket: PubSocket) {
    this.#socket = socket;
  }

  get idle(): boolean {
    return this.#socket.subscribers === 0;
  }

  send(packet: Buffer): void {
    if (!this.#socket.closing) this.#socket.send([packet]);
  }
}
