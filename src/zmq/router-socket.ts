import { randomBytes } from 'node:crypto';
import type { Part } from '../codec/zmtp/index.ts';
import type { Pipe } from './pipe.ts';
import type { ZmqContext, ZmqOptions } from './zmq-options.ts';
import { ZmqSocket } from './zmq-socket.ts';

/** ROUTER (RFC 28): each message starts with a part that names its sender or receiver. */
export class RouterSocket extends ZmqSocket {
  readonly type = 'ROUTER';
  readonly #onMessage: (parts: Buffer[]) => void;
  /** By routing id in latin1. */
  readonly #peers = new Map<string, Pipe>();
  /** Number in the next routing id that we assign. */
  #nextId = randomBytes(4).readUInt32BE();

  /**
   * @param onMessage `parts[0]` is the sender's routing id
   * @param onWritable with `mandatory`: called when `send` can take a message again after it returned false
   */
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
   * Sends the parts after `parts[0]` to the peer with that routing id. The parts must not change afterwards.
   * @returns with `mandatory`: false, with nothing done, if there is no such peer (`reaches` says so) or it is at its
   *   high-water mark (`onWritable` says when to try again). Without it always true: such a message is dropped and counted
   * @throws ZmqError `closed`, or `option` for a message without a part to send
   */
  send(parts: readonly Part[]): boolean {
    const [routingId, ...body] = parts;
    this.checkSend(body);
    return this.sendTo(keyOf(routingId as Buffer), body);
  }

  /** Like `send`, to the peer whose routing id is this latin1 text. */
  sendTo(routingId: string, parts: readonly Part[]): boolean {
    this.checkSend(parts);
    const pipe = this.#peers.get(routingId);
    if (pipe?.offer(parts)) return true;
    if (this.options.mandatory) return pipe !== undefined ? this.hold() : false;
    this.context.counters.messagesDropped++;
    return true;
  }

  /** Whether a peer with this routing id, as latin1 text, is connected. */
  reaches(routingId: string): boolean {
    return this.#peers.has(routingId);
  }

  /** A second peer with the same name must not get messages meant for the first. */
  override refusal(routingId: Buffer): string | null {
    return this.#peers.has(keyOf(routingId)) ? 'its identity is in use' : null;
  }

  protected override attached(pipe: Pipe): void {
    if (pipe.routingId.length === 0) pipe.routingId = this.#newId();
    this.#peers.set(keyOf(pipe.routingId), pipe);
  }

  protected override detached(pipe: Pipe): void {
    this.#peers.delete(keyOf(pipe.routingId));
  }

  protected override onPipeMessage(pipe: Pipe, parts: Buffer[]): void {
    parts.unshift(pipe.routingId);
    this.#onMessage(parts);
  }

  /** RFC 28: an identity that we assign starts with zero, which a peer's own never does. */
  #newId(): Buffer {
    const id = Buffer.alloc(5);
    do {
      this.#nextId = (this.#nextId + 1) >>> 0;
      id.writeUInt32BE(this.#nextId, 1);
    } while (this.reaches(keyOf(id)));
    return id;
  }
}

function keyOf(routingId: Buffer): string {
  return routingId.toString('latin1');
}
