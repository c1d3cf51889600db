import type { Part } from '../codec/zmtp/index.ts';
import type { Pipe } from './pipe.ts';
import { RoundRobinSocket } from './round-robin-socket.ts';
import type { ZmqContext, ZmqOptions } from './zmq-options.ts';

/** DEALER (RFC 28): distributes messages over its peers like PUSH, and takes messages from all of them like PULL. */
export class DealerSocket extends RoundRobinSocket {
  readonly type = 'DEALER';
  readonly #onMessage: (parts: Buffer[]) => void;

  /** @param onWritable called when `send` can take a message again after it returned false */
  constructor(
    context: ZmqContext,
    options: Partial<ZmqOptions>,
    onMessage: (parts: Buffer[]) => void,
    onWritable?: () => void,
  ) {
    super(context, options, onWritable);
    this.#onMessage = onMessage;
  }

  /**
   * Sends a message to the next peer that can take one. Its parts must not change afterwards.
   * @returns false, with nothing done, if no peer can: `onWritable` says when to try again
   * @throws ZmqError `closed`, or `option` for a message without parts
   */
  send(parts: readonly Part[]): boolean {
    this.checkSend(parts);
    return this.peers.send(parts) !== null || this.hold();
  }

  protected override onPipeMessage(_pipe: Pipe, parts: Buffer[]): void {
    this.#onMessage(parts);
  }
}
