import type { Pipe } from './pipe.ts';
import type { ZmqContext, ZmqOptions } from './zmq-options.ts';
import { ZmqSocket } from './zmq-socket.ts';

/** REP (RFC 28): takes one request, sends its reply, and only then takes the next, from each peer in turn. */
export class RepSocket extends ZmqSocket {
  readonly type = 'REP';
  readonly #onRequest: (parts: Buffer[]) => void;
  /** The peer whose request is open; null if no request is open. */
  #requesting: Pipe | null = null;
  /** The parts up to the empty one; the reply returns them. */
  #envelope: Buffer[] = [];

  /** @param onRequest `parts` of the request, without its envelope */
  constructor(context: ZmqContext, options: Partial<ZmqOptions>, onRequest: (parts: Buffer[]) => void) {
    super(context, options);
    this.#onRequest = onRequest;
  }

  /**
   * Sends the reply to the last request. Its parts must not change afterwards. A reply to a peer that is gone, or is at its high-water mark, is
   * dropped and counted.
   * @returns false, with nothing done, if no request is open
   * @throws ZmqError `closed`, or `option` for a message without parts
   */
  send(parts: readonly Buffer[]): boolean {
    this.checkSend(parts);
    const pipe = this.#requesting;
    if (pipe === null) return false;
    this.#requesting = null;
    const gone = pipe.connection === null;
    if (gone || !pipe.offer([...this.#envelope, ...parts])) this.context.counters.messagesDropped++;
    this.deliverWaiting();
    return true;
  }

  /** Takes the next request without a reply to the last one. */
  ignore(): void {
    this.#requesting = null;
    this.deliverWaiting();
  }

  /** A peer with an open request gets its reply here. */
  override mayMove(pipe: Pipe): boolean {
    return this.#requesting !== pipe && super.mayMove(pipe);
  }

  override get receiving(): boolean {
    return this.#requesting === null && super.receiving;
  }

  protected override onPipeMessage(pipe: Pipe, parts: Buffer[]): void {
    const delimiter = parts.findIndex((part) => part.length === 0);
    // RFC 28: a request without an envelope or without content cannot get a reply.
    if (delimiter === -1 || delimiter + 1 === parts.length) {
      this.context.counters.messagesUnexpected++;
      return;
    }
    this.#envelope = parts.splice(0, delimiter + 1);
    this.#requesting = pipe;
    try {
      this.#onRequest(parts);
    } catch (thrown) {
      // No reply will come, and the next request must not wait for one.
      if (this.#requesting === pipe) this.#requesting = null;
      throw thrown;
    }
  }
}
