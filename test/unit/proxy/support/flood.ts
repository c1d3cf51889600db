import assert from 'node:assert/strict';
import { createHash, type Hash } from 'node:crypto';
import type { Socket } from 'node:net';

/** Bytes of a flood: many times what all buffers on the way can hold. */
export const TOTAL = 96 * 1024 * 1024;

const PIECE = Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 31) & 0xff));

/** Hash of all bytes of a flood. */
export function floodHash(): string {
  const hash = createHash('sha1');
  for (let i = 0; i < TOTAL; i += PIECE.length) hash.update(PIECE);
  return hash.digest('hex');
}

/** Writes `TOTAL` bytes to a socket as fast as that takes them. */
export class Flood {
  /** Bytes that were given to the socket. */
  written = 0;
  readonly #socket: Socket;

  /** @param head written before the first byte */
  constructor(socket: Socket, head: string) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('drain', () => this.#write());
    socket.write(head, 'latin1');
    this.#write();
  }

  #write(): void {
    while (this.written < TOTAL && this.#socket.writable) {
      this.written += PIECE.length;
      if (!this.#socket.write(PIECE)) return;
    }
  }
}

/** Takes an HTTP message with `TOTAL` bytes of body, of known length, off a socket. */
export class Sink {
  /** Resolves when the whole body is here, with its hash. */
  readonly complete: Promise<string>;
  #head = '';
  #taken = 0;
  readonly #hash: Hash = createHash('sha1');
  #done: (hash: string) => void = () => {};

  constructor(socket: Socket) {
    this.complete = new Promise((resolve) => {
      this.#done = resolve;
    });
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.resume();
  }

  #take(chunk: Buffer): void {
    let body = chunk;
    if (this.#head === '') {
      const end = chunk.indexOf('\r\n\r\n');
      assert.ok(end >= 0, 'the head comes in one piece');
      this.#head = chunk.toString('latin1', 0, end + 4);
      body = chunk.subarray(end + 4);
    }
    this.#taken += body.length;
    this.#hash.update(body);
    if (this.#taken === TOTAL) this.#done(this.#hash.digest('hex'));
  }
}
