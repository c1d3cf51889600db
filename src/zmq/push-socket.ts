import type { Part } from '../codec/zmtp/index.ts';
import { RoundRobinSocket } from './round-robin-socket.ts';
import type { ZmqContext, ZmqOptions } from './zmq-options.ts';

/** PUSH (RFC 30): spreads messages over PULL sockets. */
export class PushSocket extends RoundRobinSocket {
  readonly type = 'PUSH';

  /** @param onWritable a message can be taken again after `send` has returned false */
  constructor(context: ZmqContext, options: Partial<ZmqOptions>, onWritable: () => void) {
    super(context, options, onWritable);
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

  /** RFC 30: a PULL socket sends nothing. */
  protected override onPipeMessage(): void {
    this.context.counters.messagesUnexpected++;
  }
}
