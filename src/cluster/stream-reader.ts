import { AckPolicy, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream';
import { createInbox, nuid } from '@nats-io/transport-node';
import { attempt, type Guarded } from '../clock/index.ts';
import { LEAST_COST } from '../exchange/index.ts';
import type { KeptItem } from '../history/index.ts';
import type { Broker, BrokerMessage } from './broker.ts';
import { itemOfMessage } from './item-message.ts';
import type { ItemStream } from './item-stream.ts';
import type { Subjects } from './subjects.ts';

/** Messages and bytes that are asked of the broker at a time. */
const [BATCH, BATCH_BYTES] = [1_000, 1_048_576];

/** Milliseconds without a message after which a read is begun again. */
const SILENCE = 5_000;

/** Seconds after which the broker forgets a reader that was not deleted. */
const INACTIVE = 30;

/** What to read. */
export interface StreamRange {
  /** Subjects of channels, none of which matches what another does. */
  readonly subjects: readonly string[];
  /** Only items with higher numbers. */
  readonly after: number;
  /** Only items up to this number. */
  readonly upTo: number;
  /** Bytes of items at most, each at least 256. */
  readonly maxBytes: number;
}

/** What was read. */
export interface StreamPart {
  readonly items: readonly KeptItem[];
  /** Everything in the range up to this number is there: less than all of it where it is too much. */
  readonly upTo: number;
}

/** Reads a part of the stream: the items of some channels, in their order. */
export async function readStream(
  broker: Broker,
  stream: ItemStream,
  subjects: Subjects,
  range: StreamRange,
): Promise<StreamPart> {
  const consumer = await stream.addConsumer({
    name: nuid.next(),
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: range.after + 1,
    replay_policy: ReplayPolicy.Instant,
    filter_subjects: [...range.subjects],
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: INACTIVE * 1e9,
  });
  try {
    if (consumer.num_pending === 0) return { items: [], upTo: range.upTo };
    return await new Reading(broker, `$JS.API.CONSUMER.MSG.NEXT.${stream.name}.${consumer.name}`, subjects, range).done;
  } finally {
    // If that fails, the broker forgets it later.
    stream.deleteConsumer(consumer.name).catch(() => {});
  }
}

/** One reader, until it has all. */
class Reading implements Guarded {
  readonly done: Promise<StreamPart>;
  readonly #broker: Broker;
  readonly #next: string;
  readonly #subjects: Subjects;
  readonly #range: StreamRange;
  readonly #items: KeptItem[] = [];
  #bytes = 0;
  /** Messages of this batch. */
  #came = 0;
  #ended = false;
  #finish: (part: StreamPart) => void = () => {};
  #fail: (error: Error) => void = () => {};

  constructor(broker: Broker, next: string, subjects: Subjects, range: StreamRange) {
    this.#broker = broker;
    this.#next = next;
    this.#subjects = subjects;
    this.#range = range;
    const inbox = createInbox();
    const silence = setTimeout(() => this.#fail(new Error('the broker does not answer')), SILENCE);
    const subscription = broker.subscribe(inbox, (message) => {
      silence.refresh();
      if (!this.#ended) attempt(this, () => this.#onMessage(message, inbox));
    });
    this.done = new Promise<StreamPart>((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    }).finally(() => {
      this.#ended = true;
      clearTimeout(silence);
      subscription.unsubscribe();
    });
    this.#ask(inbox);
  }

  onFault(thrown: unknown): void {
    this.#end(thrown instanceof Error ? thrown : new Error(String(thrown)));
  }

  #ask(inbox: string): void {
    this.#came = 0;
    // A message that is larger than this would never come.
    const max_bytes = Math.max(BATCH_BYTES, 2 * this.#broker.maxPayload);
    const batch = JSON.stringify({ batch: BATCH, max_bytes, no_wait: true });
    if (!this.#broker.publish(this.#next, Buffer.from(batch), { reply: inbox }))
      this.#fail(new Error('the broker is away'));
  }

  #onMessage(message: BrokerMessage, inbox: string): void {
    const { headers, reply = '' } = message;
    if (headers !== undefined && headers.code > 0) {
      if (headers.code === 503) this.#end(new Error('the broker has no such reader'));
      // The batch was full, or there is no more: what was to come has been let go.
      else if (this.#came > 0) this.#ask(inbox);
      else this.#end({ items: this.#items, upTo: this.#range.upTo });
      return;
    }
    // $JS.ACK.STREAM.CONSUMER.DELIVERED.NUMBER.COUNT.TIME.PENDING, or with the domain and account before STREAM and a token at the end.
    const tokens = reply.split('.');
    const at = tokens.length > 9 ? 7 : 5;
    const [number, time, pending] = [tokens[at], tokens[at + 2]?.slice(0, -6), tokens[at + 3]].map(Number) as [
      number,
      number,
      number,
    ];
    const { upTo, maxBytes } = this.#range;
    if (!(number > 0)) return;
    if (number > upTo) {
      this.#end({ items: this.#items, upTo });
      return;
    }
    const channel = this.#subjects.channelOf(message.subject);
    const bytes = itemOfMessage(message.data);
    if (channel !== null && bytes !== null) {
      this.#bytes += Math.max(LEAST_COST, bytes.length);
      this.#items.push({ number, time, channel, bytes });
    }
    if (pending === 0) this.#end({ items: this.#items, upTo });
    else if (this.#bytes >= maxBytes) this.#end({ items: this.#items, upTo: number });
    else if (++this.#came === BATCH) this.#ask(inbox);
  }

  #end(result: StreamPart | Error): void {
    this.#ended = true;
    if (result instanceof Error) this.#fail(result);
    else this.#finish(result);
  }
}
