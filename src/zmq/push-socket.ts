import type { Part } from '../codec/zmtp/index.ts';
import { RoundRobinSocket } from './round-robin-socket.ts';
import type { ZmqContext, ZmqOptions } from './zmq-options.ts';

/** PUSH (RFC 30): distributes messages over PULL sockets. */
export class PushSocket extends RoundRobinSocket {
  readonly type = 'PUSH';

  /** @param onWritable called when `send` can take a message again after it returned false */
  constructor(context: ZmqContext, options: Partial<ZmqOptions>, onWritable: () => void) {
    super(context, options, onWritable);
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

  /** RFC 30: a PULL socket sends nothing. */
  protected override onPipeMessage(): void {
    this.context.counters.messagesUnexpected++;
  }
}
