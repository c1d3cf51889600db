import type { Part } from '../codec/zmtp/index.ts';
import type { Pipe } from './pipe.ts';
import { RoundRobinSocket } from './round-robin-socket.ts';
import type { ZmqContext, ZmqOptions } from './zmq-options.ts';

/** One of the peers of a PUSH socket. */
export interface PushPeer {
  /** Whether it can be sent to at all. */
  readonly attached: boolean;
}

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

  /**
   * As `send`, but to one peer as long as it is there, so that all messages about one thing reach it in order.
   * @param peer the one that took the message before; null for the next one that can take one
   * @returns the peer that took it: another one if `peer` has gone. Null, with nothing done, if it takes nothing now
   */
  sendTo(peer: PushPeer | null, parts: readonly Part[]): PushPeer | null {
    this.checkSend(parts);
    const pipe = peer as Pipe | null;
    const taker = pipe?.attached === true ? (pipe.offer(parts) ? pipe : null) : this.peers.send(parts);
    if (taker === null) this.hold();
    return taker;
  }

  /** RFC 30: a PULL socket sends nothing. */
  protected override onPipeMessage(): void {
    this.context.counters.messagesUnexpected++;
  }
}
