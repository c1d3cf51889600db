import { type AwaitsTurn, fault, turnBudget } from '../clock/index.ts';
import { isPieces, type Part, ZmtpError } from '../codec/zmtp/index.ts';
import type { Pipe } from './pipe.ts';
import type { SocketType } from './socket-type.ts';
import { TopicTable, topicCost } from './topic-table.ts';
import { ZmqSocket } from './zmq-socket.ts';

/** A peer as long as its connection lasts, and its topics, which may be removed only after that. */
class Subscriber implements AwaitsTurn {
  readonly pipe: Pipe;
  /** Number of the last message that was sent to it. */
  lastMatch = 0;
  /** The connection is lost. */
  gone = false;
  readonly #owner: PubSocket;

  constructor(pipe: Pipe, owner: PubSocket) {
    this.pipe = pipe;
    this.#owner = owner;
  }

  onTurn(): void {
    this.#owner.forget(this);
  }

  onFault(thrown: unknown): void {
    fault(this.#owner, thrown);
  }
}

/** PUB (RFC 29): sends each message to all SUB sockets that subscribe to a prefix of it. */
export class PubSocket extends ZmqSocket {
  readonly type: SocketType = 'PUB';
  readonly #topics = new TopicTable<Subscriber>();
  readonly #subscribers = new Map<Pipe, Subscriber>();
  #sent = 0;
  #parts: readonly Part[] = [];

  /** Peers that are connected. */
  get subscribers(): number {
    return this.#subscribers.size;
  }

  /**
   * Sends a message to each peer that subscribes to a prefix of its first part. A peer at its high-water mark misses it, which is counted. If
   * the first part is in pieces, the first piece must contain everything that peers may subscribe to. The parts must not change afterwards.
   * @throws ZmqError `closed`, or `option` for a message without parts
   */
  send(parts: readonly Part[]): void {
    this.checkSend(parts);
    const first = parts[0] as Part;
    this.#sent++;
    this.#parts = parts;
    this.#topics.match(isPieces(first) ? (first[0] as Buffer) : first, this.#sendTo);
  }

  /** Whether a peer gets messages that start with `start`, bytes or latin1 text. */
  reaches(start: Buffer | string): boolean {
    return this.#topics.matches(start);
  }

  /** `topic` has gained its first subscriber or lost its last one. */
  protected topicChanged(_topic: Buffer, _subscribed: boolean): void {}

  protected override attached(pipe: Pipe): void {
    this.#subscribers.set(pipe, new Subscriber(pipe, this));
    for (const topic of pipe.topics) this.onPipeSubscription(pipe, Buffer.from(topic, 'latin1'), true);
  }

  override topicsOf(pipe: Pipe): readonly string[] {
    const subscriber = this.#subscribers.get(pipe);
    return subscriber === undefined ? [] : [...this.#topics.of(subscriber)];
  }

  protected override detached(pipe: Pipe): void {
    const subscriber = this.#subscribers.get(pipe) as Subscriber;
    this.#subscribers.delete(pipe);
    subscriber.gone = true;
    this.forget(subscriber);
  }

  /** Removes topics of a subscriber that is gone, one share at a time: it may have had 10,000, and many may leave at once. */
  forget(subscriber: Subscriber): void {
    let left = turnBudget.share;
    for (const topic of this.#topics.of(subscriber)) {
      if (left-- === 0) {
        turnBudget.wait(subscriber);
        return;
      }
      this.#remove(subscriber, topic);
    }
  }

  override onPipeSubscription(pipe: Pipe, topic: Buffer, subscribe: boolean): void {
    const key = topic.toString('latin1');
    const subscriber = this.#subscribers.get(pipe);
    if (subscriber === undefined) return;
    if (!subscribe) {
      this.#remove(subscriber, key);
      return;
    }
    const { maxSubscriptions, maxTopicBytes, maxTopicsBytes } = this.options;
    if (topic.length > maxTopicBytes) throw new ZmtpError('limit', `a topic of ${topic.length} bytes`);
    if (this.#topics.has(subscriber, key)) return;
    if (this.#topics.count(subscriber) >= maxSubscriptions) {
      throw new ZmtpError('limit', `more than ${maxSubscriptions} subscriptions`);
    }
    const cost = topicCost(topic.length);
    if (this.#topics.bytes(subscriber) + cost > pipe.share(maxTopicsBytes)) {
      throw new ZmtpError('limit', `topics of more than ${this.#topics.bytes(subscriber)} bytes`);
    }
    pipe.charge(cost);
    if (this.#topics.add(subscriber, key)) this.topicChanged(topic, true);
  }

  /** RFC 23: a peer of version 3.0 subscribes with messages that start with a 1 or 0 byte. */
  protected override onPipeMessage(pipe: Pipe, parts: Buffer[]): void {
    const first = parts[0] as Buffer;
    const isSubscription = parts.length === 1 && (first[0] === 0 || first[0] === 1);
    if (isSubscription) this.onPipeSubscription(pipe, first.subarray(1), first[0] === 1);
    else this.context.counters.messagesUnexpected++;
  }

  #remove(subscriber: Subscriber, topic: string): void {
    if (!this.#topics.has(subscriber, topic)) return;
    subscriber.pipe.charge(-topicCost(topic.length));
    if (this.#topics.remove(subscriber, topic)) this.topicChanged(Buffer.from(topic, 'latin1'), false);
  }

  readonly #sendTo = (subscriber: Subscriber): void => {
    // Once per peer, however many of its topics match.
    if (subscriber.lastMatch === this.#sent || subscriber.gone) return;
    subscriber.lastMatch = this.#sent;
    if (!subscriber.pipe.offer(this.#parts)) this.context.counters.messagesDropped++;
  };
}
