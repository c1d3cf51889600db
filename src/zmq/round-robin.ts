import type { Part } from '../codec/zmtp/index.ts';
import type { Pipe } from './pipe.ts';

/** Gives each message to one peer, in turn, skipping those that cannot take one (RFC 30, "The PUSH Socket Type"). */
export class RoundRobin {
  readonly #pipes: Pipe[] = [];
  #next = 0;

  add(pipe: Pipe): void {
    this.#pipes.push(pipe);
  }

  remove(pipe: Pipe): void {
    const index = this.#pipes.indexOf(pipe);
    if (index === -1) return;
    this.#pipes.splice(index, 1);
    if (index < this.#next) this.#next--;
  }

  /** The pipe that took the message; null if none could. */
  send(parts: readonly Part[]): Pipe | null {
    const pipes = this.#pipes;
    for (let tries = pipes.length; tries > 0; tries--) {
      if (this.#next >= pipes.length) this.#next = 0;
      const pipe = pipes[this.#next++] as Pipe;
      if (pipe.offer(parts)) return pipe;
    }
    return null;
  }
}
