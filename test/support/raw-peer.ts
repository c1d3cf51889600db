import type { Socket } from 'node:net';

/** How a connection came to its end. */
export type ConnectionEnd = 'fin' | 'reset';

/** One end of a connection whose bytes the test writes and reads as they are. */
export class RawPeer {
  readonly socket: Socket;
  /** What has arrived and was not taken, in latin1. */
  text = '';
  /** Resolves when nothing more can come: the other end has sent FIN, or the connection has gone. */
  readonly ended: Promise<ConnectionEnd>;
  /** Resolves when the connection is closed in both directions. */
  readonly closed: Promise<void>;
  #over = false;
  #waits: { test: () => boolean; resolve: () => void; reject: (error: Error) => void }[] = [];

  /** @param socket must allow half-open connections */
  constructor(socket: Socket) {
    this.socket = socket;
    let reset = false;
    socket.on('error', () => {
      reset = true;
    });
    socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
      this.#check();
    });
    this.ended = new Promise((resolve) => {
      const end = () => {
        this.#over = true;
        resolve(reset ? 'reset' : 'fin');
        this.#check();
      };
      socket.on('end', end);
      socket.on('close', end);
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => resolve());
    });
  }

  /** Sends latin1 text or bytes. */
  write(data: string | Buffer): this {
    if (typeof data === 'string') this.socket.write(data, 'latin1');
    else this.socket.write(data);
    return this;
  }

  /** Sends FIN, and goes on reading. */
  end(data = ''): this {
    this.socket.end(data, 'latin1');
    return this;
  }

  /** Breaks the connection off with a reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Resolves when `test` holds; it is asked again after all that arrives. Fails when the connection ends before it does. */
  until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve();
    if (this.#over) return Promise.reject(this.#endedEarly());
    return new Promise((resolve, reject) => this.#waits.push({ test, resolve, reject }));
  }

  /** Takes what arrives up to and with `marker`, a head by default. */
  async take(marker = '\r\n\r\n'): Promise<string> {
    await this.until(() => this.text.includes(marker));
    return this.#cut(this.text.indexOf(marker) + marker.length);
  }

  /** Takes `length` bytes. */
  async takeBytes(length: number): Promise<string> {
    await this.until(() => this.text.length >= length);
    return this.#cut(length);
  }

  /** Takes everything up to the end of the connection. */
  async takeAll(): Promise<string> {
    await this.ended;
    return this.#cut(this.text.length);
  }

  #cut(length: number): string {
    const taken = this.text.slice(0, length);
    this.text = this.text.slice(length);
    return taken;
  }

  #check(): void {
    const waits = this.#waits;
    this.#waits = [];
    for (const wait of waits) {
      if (wait.test()) wait.resolve();
      else if (this.#over) wait.reject(this.#endedEarly());
      else this.#waits.push(wait);
    }
  }

  #endedEarly(): Error {
    return new Error(`the connection ended early, behind: ${JSON.stringify(this.text.slice(-500))}`);
  }
}
