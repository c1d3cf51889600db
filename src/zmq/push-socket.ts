import type { ZmqContext, ZmqOptions } from './options.ts';
import type { Pipe } from './pipe.ts';
import { RoundRobin } from './round-robin.ts';
import { ZmqSocket } from './zmq-socket.ts';

/** PUSH (RFC 30): spreads messages over PULL sockets. */
export class PushSocket extends ZmqSocket {
  readonly type = 'PUSH';
  readonly #peers = new RoundRobin();

  /** @param onWritable a message can be taken again after `send` has returned false */
  constructor(context: ZmqContext, options: Partial<ZmqOptions>, onWritable: () => void) {
    super(context, options, onWritable);
  }

  /**
   * Sends a message to the next peer that can take one. Its parts must not be changed any more.
   * @returns false, with nothing done, when no peer can: `onWritable` tells when to try again
   * @throws ZmqError `closed`, or `option` for a message without parts
   */
  send(parts: readonly Buffer[]): boolean {
    this.checkSend(parts);
    return this.#peers.send(parts) !== null || this.hold();
  }

  protected override get keepsPipes(): boolean {
    return !this.options.immediate;
  }

  protected override attached(pipe: Pipe): void {
    this.#peers.add(pipe);
  }

  protected override detached(pipe: Pipe): void {
    this.#peers.remove(pipe);
  }

  /** RFC 30: a PULL socket sends nothing. */
  override onPipeMessage(): void {
    this.context.counters.messagesUnexpected++;
  }
}
