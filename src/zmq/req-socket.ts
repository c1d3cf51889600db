import type { Pipe } from './pipe.ts';
import { RoundRobinSocket } from './round-robin-socket.ts';
import type { ZmqContext, ZmqOptions } from './zmq-options.ts';

const DELIMITER = Buffer.alloc(0);

/** REQ (RFC 28): sends a request, takes its reply, and only then sends the next. */
export class ReqSocket extends RoundRobinSocket {
  readonly type = 'REQ';
  readonly #onReply: (parts: Buffer[]) => void;
  /** The peer that has the open request; null if no request is open. */
  #replying: Pipe | null = null;

  /**
   * @param onReply `parts` of the reply
   * @param onWritable called when `send` can take a request again after it returned false, or after the peer that had the request left, so
   *   that no reply will come
   */
  constructor(
    context: ZmqContext,
    options: Partial<ZmqOptions>,
    onReply: (parts: Buffer[]) => void,
    onWritable?: () => void,
  ) {
    super(context, options, onWritable);
    this.#onReply = onReply;
  }

  /**
   * Sends a request to the next peer that can take one. Its parts must not change afterwards.
   * @returns false, with nothing done, if no peer can take it, or the last request has no reply yet
   * @throws ZmqError `closed`, or `option` for a message without parts
   */
  send(parts: readonly Buffer[]): boolean {
    this.checkSend(parts);
    if (this.#replying === null) this.#replying = this.peers.send([DELIMITER, ...parts]);
    else return this.hold();
    return this.#replying !== null || this.hold();
  }

  protected override onPipeMessage(pipe: Pipe, parts: Buffer[]): void {
    // RFC 28: a reply comes from the peer that has the request and starts with the delimiter; everything else is ignored.
    if (pipe !== this.#replying || parts.length < 2 || (parts[0] as Buffer).length > 0) {
      this.context.counters.messagesUnexpected++;
      return;
    }
    this.#replying = null;
    parts.shift();
    try {
      this.#onReply(parts);
    } finally {
      this.release();
    }
  }

  override onPipeLost(pipe: Pipe): void {
    super.onPipeLost(pipe);
    // A request still waiting here goes out with the next connection. If it has left, it or its reply is lost.
    if (pipe !== this.#replying || pipe.queued > 0) return;
    this.#replying = null;
    this.hold();
    this.release();
  }
}
