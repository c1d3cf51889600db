import type { Requester } from '../exchange/index.ts';

/** Passes a response body on as the client's credits allow, and keeps what they do not cover yet. */
export class BodySender {
  /** Bytes that wait for credits. */
  waiting = 0;
  /** Bytes that the client takes. */
  credits: number;
  readonly #requester: Requester;
  #chunks: Buffer[] = [];
  #last = false;
  #passing = false;

  constructor(requester: Requester, credits: number) {
    this.#requester = requester;
    this.credits = credits;
  }

  /** Passes `chunk` on behind what waits. With `last` the response ends behind it. */
  send(chunk: Buffer, last = false): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
    this.waiting += chunk.length;
    this.#last = last;
    this.#pass();
    if (last && chunk.length === 0 && this.waiting === 0) this.#requester.onResponseData(chunk, false);
  }

  /** The client takes more. */
  credit(bytes: number): void {
    this.credits += bytes;
    this.#pass();
  }

  /** Forgets what waits. */
  cancel(): void {
    this.#chunks = [];
    this.waiting = 0;
  }

  #pass(): void {
    // Credits may come back from within the call that spends them: the loop below goes on with them.
    if (this.#passing) return;
    this.#passing = true;
    while (this.credits > 0 && this.waiting > 0) {
      const first = this.#chunks[0] as Buffer;
      const piece = first.subarray(0, this.credits);
      if (piece.length === first.length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(piece.length);
      this.waiting -= piece.length;
      this.credits -= piece.length;
      this.#requester.onResponseData(piece, !this.#last || this.waiting > 0);
    }
    this.#passing = false;
  }
}
