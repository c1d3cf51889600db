import type { Pipe } from './pipe.ts';
import { TopicTable } from './topic-table.ts';
import type { ZmqContext, ZmqOptions } from './zmq-options.ts';
import { ZmqSocket } from './zmq-socket.ts';

/** SUB (RFC 29): takes messages from PUB sockets that start with one of its topics. */
export class SubSocket extends ZmqSocket {
  readonly type = 'SUB';
  readonly #onMessage: (parts: Buffer[]) => void;
  readonly #pipes = new Set<Pipe>();
  readonly #topics = new TopicTable<SubSocket>();
  /** Number of subscriptions to each topic, in latin1. */
  readonly #counts = new Map<string, number>();

  constructor(context: ZmqContext, options: Partial<ZmqOptions>, onMessage: (parts: Buffer[]) => void) {
    super(context, options);
    this.#onMessage = onMessage;
  }

  /** Number of peers that are connected, and have been told of the topics. */
  get peers(): number {
    return this.#pipes.size;
  }

  /** Subscribes to `topic` at all present and later peers; an empty topic matches all messages. Calls are counted. */
  subscribe(topic: Buffer | string): void {
    const key = Buffer.from(topic as string).toString('latin1');
    const count = this.#counts.get(key) ?? 0;
    this.#counts.set(key, count + 1);
    if (count > 0) return;
    this.#topics.add(this, key);
    this.#tell(key, true);
  }

  /** Undoes one `subscribe` to the topic. Does nothing without one. */
  unsubscribe(topic: Buffer | string): void {
    const key = Buffer.from(topic as string).toString('latin1');
    const count = this.#counts.get(key) ?? 0;
    if (count > 1) this.#counts.set(key, count - 1);
    if (count !== 1) return;
    this.#counts.delete(key);
    this.#topics.remove(this, key);
    this.#tell(key, false);
  }

  protected override attached(pipe: Pipe): void {
    this.#pipes.add(pipe);
    const known = new Set(pipe.topics);
    for (const key of this.#counts.keys()) {
      if (!known.delete(key)) pipe.connection?.subscribe(Buffer.from(key, 'latin1'), true);
    }
    for (const key of known) pipe.connection?.subscribe(Buffer.from(key, 'latin1'), false);
  }

  override topicsOf(): readonly string[] {
    return [...this.#counts.keys()];
  }

  protected override detached(pipe: Pipe): void {
    this.#pipes.delete(pipe);
  }

  protected override onPipeMessage(_pipe: Pipe, parts: Buffer[]): void {
    // The message was sent before the peer knew of an `unsubscribe`.
    if (this.#topics.matches(parts[0] as Buffer)) this.#onMessage(parts);
    else this.context.counters.messagesUnexpected++;
  }

  #tell(key: string, subscribe: boolean): void {
    const topic = Buffer.from(key, 'latin1');
    for (const pipe of this.#pipes) pipe.connection?.subscribe(topic, subscribe);
  }
}
