import type { Part } from '../codec/zmtp/index.ts';
import type { Pipe } from './pipe.ts';
import { RoundRobinSocket } from './round-robin-socket.ts';
import type { ZmqContext, ZmqOptions } from './zmq-options.ts';

/** DEALER (RFC 28): spreads messages over its peers as PUSH does, and takes messages of all of them as PULL does. */
export class DealerSocket extends RoundRobinSocket {
  readonly type = 'DEALER';
  readonly #onMessage: (parts: Buffer[]) => void;

  /** @param onWritable a message can be taken again after `send` has returned false */
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
   * Sends a message to the next peer that can take one. Its parts must not be changed any more.
   * @returns false, with nothing done, when no peer can: `onWritable` tells when to try again
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
