import { randomInt } from 'node:crypto';
import type { Subscription } from '@nats-io/transport-node';
import {
  type AtTurnEnd,
  attempt,
  type Guarded,
  guarded,
  type TimerWheel,
  TurnQueue,
  WheelTimer,
} from '../../clock/index.ts';
import type { Broker, BrokerMessage } from '../broker.ts';
import { newNodeId } from '../node-id.ts';
import type { Subjects } from '../subjects.ts';
import { streamedMessage } from './streamed-message.ts';

/** Milliseconds after which a mark that has not come back is made again. */
const AGAIN = 2_000;

/** Subjects that the marks of all nodes share, so that marks of former nodes do not fill the stream. */
const SUBJECTS = 64;

/** What marks need. */
export interface MarksMeans {
  readonly broker: Broker;
  readonly subjects: Subjects;
  readonly wheel: TimerWheel;
  readonly owner: Guarded;
}

/** Those who wait for one mark. */
interface Mark {
  readonly number: number;
  readonly waiting: ((number: number) => void)[];
}

/**
 * Learns where the stream is: a mark is an item of the stream that this node publishes and is subscribed to. When it comes back, everything before it has come that the
 * node was subscribed to when it published the mark. A mark that gets lost is made again.
 */
export class StreamMarks extends WheelTimer implements AtTurnEnd, Guarded {
  readonly #broker: Broker;
  readonly #subject: string;
  readonly #wheel: TimerWheel;
  readonly #owner: Guarded;
  readonly #onMark: (number: number) => void;
  readonly #subscription: Subscription;
  readonly #turns = new TurnQueue();
  /** Stands for this node, as others may have the same subject. */
  readonly #self = newNodeId();
  #made = 0;
  /** Whether the last one that was made could be published. */
  #isSent = false;
  /** Who waits for the mark of this turn. */
  #fresh: ((number: number) => void)[] = [];
  /** The marks that are under way, the oldest first. */
  #marks: Mark[] = [];

  /** @param onMark is called with the number of each mark that comes back, before those that wait for it */
  constructor({ broker, subjects, wheel, owner }: MarksMeans, onMark: (number: number) => void) {
    super();
    this.#broker = broker;
    const token = String(randomInt(SUBJECTS));
    this.#subject = subjects.mark(token);
    this.#wheel = wheel;
    this.#owner = owner;
    this.#onMark = onMark;
    this.#subscription = broker.subscribe(
      subjects.markFed(token),
      guarded(owner, (message: BrokerMessage) => this.#onMessage(message)),
    );
  }

  /** The subject of marks of this node, and of some others. */
  get subject(): string {
    return this.#subject;
  }

  /** As `FeedSink.mark`, but the call comes also when the broker has been away meanwhile. */
  mark(marked: (number: number) => void): void {
    if (this.#fresh.length === 0) this.#turns.add(this);
    this.#fresh.push(marked);
  }

  /** The broker is back. */
  again(): void {
    this.#publish();
  }

  stop(): void {
    this.#subscription.unsubscribe();
    this.#wheel.cancel(this);
    this.#marks = [];
    this.#fresh = [];
  }

  onTurnEnd(): void {
    if (this.#fresh.length === 0) return;
    const last = this.#marks.at(-1);
    // While the broker is away one mark is enough.
    if (last !== undefined && !this.#isSent) for (const marked of this.#fresh) last.waiting.push(marked);
    else this.#marks.push({ number: ++this.#made, waiting: this.#fresh });
    this.#fresh = [];
    this.#publish();
  }

  override onTimer(): void {
    this.#publish();
  }

  override onFault(thrown: unknown): void {
    this.#owner.onFault(thrown);
  }

  #publish(): void {
    if (this.#marks.length === 0) return;
    // It stands for all marks that were made before.
    this.#isSent = this.#broker.publish(this.#subject, Buffer.from(`${this.#self} ${this.#made}`));
    this.#wheel.schedule(this, AGAIN);
  }

  #onMessage(message: BrokerMessage): void {
    const [self, made] = Buffer.from(message.data).toString('latin1').split(' ');
    const streamed = streamedMessage(message);
    if (self !== this.#self || streamed === null) return;
    const { number } = streamed;
    this.#onMark(number);
    while (this.#marks.length > 0 && (this.#marks[0] as Mark).number <= Number(made)) {
      for (const marked of (this.#marks.shift() as Mark).waiting) attempt(this, () => marked(number));
    }
    if (this.#marks.length === 0) this.#wheel.cancel(this);
  }
}
