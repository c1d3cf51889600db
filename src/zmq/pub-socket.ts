import { isPieces, type Part, ZmtpError } from '../codec/zmtp/index.ts';
import type { Pipe } from './pipe.ts';
import type { SocketType } from './socket-type.ts';
import { TopicTable, topicCost } from './topic-table.ts';
import { ZmqSocket } from './zmq-socket.ts';

/** PUB (RFC 29): sends each message to all SUB sockets that subscribe to a prefix of it. */
export class PubSocket extends ZmqSocket {
  readonly type: SocketType = 'PUB';
  readonly #topics = new TopicTable<Pipe>();
  #sent = 0;
  #parts: readonly Part[] = [];

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

  /** `topic` has gained its first subscriber or lost its last one. */
  protected topicChanged(_topic: Buffer, _subscribed: boolean): void {}

  protected override detached(pipe: Pipe): void {
    for (const topic of this.#topics.of(pipe)) this.#remove(pipe, topic);
  }

  override onPipeSubscription(pipe: Pipe, topic: Buffer, subscribe: boolean): void {
    const key = topic.toString('latin1');
    if (!subscribe) {
      this.#remove(pipe, key);
      return;
    }
    const { maxSubscriptions, maxTopicBytes, maxTopicsBytes } = this.options;
    if (topic.length > maxTopicBytes) throw new ZmtpError('limit', `a topic of ${topic.length} bytes`);
    if (this.#topics.has(pipe, key)) return;
    if (this.#topics.count(pipe) >= maxSubscriptions) {
      throw new ZmtpError('limit', `more than ${maxSubscriptions} subscriptions`);
    }
    const cost = topicCost(topic.length);
    if (this.#topics.bytes(pipe) + cost > pipe.share(maxTopicsBytes)) {
      throw new ZmtpError('limit', `topics of more than ${this.#topics.bytes(pipe)} bytes`);
    }
    pipe.charge(cost);
    if (this.#topics.add(pipe, key)) this.topicChanged(topic, true);
  }

  /** RFC 23: a peer of version 3.0 subscribes with messages that start with a 1 or 0 byte. */
  protected override onPipeMessage(pipe: Pipe, parts: Buffer[]): void {
    const first = parts[0] as Buffer;
    const isSubscription = parts.length === 1 && (first[0] === 0 || first[0] === 1);
    if (isSubscription) this.onPipeSubscription(pipe, first.subarray(1), first[0] === 1);
    else this.context.counters.messagesUnexpected++;
  }

  #remove(pipe: Pipe, topic: string): void {
    if (!this.#topics.has(pipe, topic)) return;
    pipe.charge(-topicCost(topic.length));
    if (this.#topics.remove(pipe, topic)) this.topicChanged(Buffer.from(topic, 'latin1'), false);
  }

  readonly #sendTo = (pipe: Pipe): void => {
    // Once per peer, however many of its topics match.
    if (pipe.lastMatch === this.#sent) return;
    pipe.lastMatch = this.#sent;
    if (!pipe.offer(this.#parts)) this.context.counters.messagesDropped++;
  };
}
