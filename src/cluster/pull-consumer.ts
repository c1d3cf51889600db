import { AckPolicy, type ConsumerConfig, type ConsumerInfo, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream';
import { nuid } from '@nats-io/transport-node';
import { inTime } from './in-time.ts';

/** Milliseconds after which another consumer is made where none is there yet, and how many are made. */
const [PATIENCE, MOST] = [1_000, 5];

/** What a message of a consumer says of itself. */
export interface Delivery {
  readonly consumer: string;
  /** In the stream. */
  readonly number: number;
  /** When the stream has taken it, in milliseconds since 1970. */
  readonly time: number;
  /** Messages that are still to come. */
  readonly pending: number;
}

/** What is asked of a consumer. */
export interface PullConsumer {
  /** Number of the first message that may come. */
  readonly from: number;
  readonly subjects: readonly string[];
  /** Seconds without a question after which the broker forgets it. */
  readonly inactive: number;
  readonly headersOnly?: boolean;
}

/** Makes and deletes the consumers of streams. */
export interface ConsumerMaker {
  add(stream: string, config: Partial<ConsumerConfig>): Promise<ConsumerInfo>;
  delete(stream: string, name: string): Promise<boolean>;
}

/**
 * Makes a consumer. NATS chooses the server that has it, also one that was killed a moment ago: then there is no answer. So another one is made each second, up to five, and the first that is there is
 * taken. Rejects as soon as one is refused, or when none is there in five seconds.
 */
export async function makePullConsumer(
  consumers: ConsumerMaker,
  stream: string,
  settings: PullConsumer,
): Promise<ConsumerInfo> {
  const names: string[] = [];
  const coming: Promise<ConsumerInfo>[] = [];
  let made: ConsumerInfo | null = null;
  try {
    while (made === null && names.length < MOST) {
      const config = pullConsumer(settings);
      names.push(config.name);
      coming.push(consumers.add(stream, config));
      made = await inTime(Promise.race(coming), PATIENCE);
    }
    if (made === null) throw new Error('the broker makes no reader');
    return made;
  } finally {
    for (const name of names) if (name !== made?.name) consumers.delete(stream, name).catch(() => {});
  }
}

/** The settings of a consumer of which a node asks for messages, batch by batch, as fast as it can use them. It lives in the memory of one server, which forgets it when nobody asks. */
export function pullConsumer({
  from,
  subjects,
  inactive,
  headersOnly = false,
}: PullConsumer): Partial<ConsumerConfig> & { readonly name: string } {
  return {
    name: nuid.next(),
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: from,
    replay_policy: ReplayPolicy.Instant,
    filter_subjects: [...subjects],
    headers_only: headersOnly,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: inactive * 1e9,
  };
}

/** Where messages of a consumer are asked for. */
export function pullSubject(stream: string, consumer: string): string {
  return `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
}

/**
 * Reads where the acknowledgement of a message would go: `$JS.ACK.STREAM.CONSUMER.DELIVERED.NUMBER.COUNT.TIME.PENDING`, or with the domain and the account before the stream and a token at the end.
 * @returns null for a message of no consumer
 */
export function deliveryOf(reply: string): Delivery | null {
  const tokens = reply.split('.');
  const at = tokens.length > 9 ? 5 : 3;
  const number = Number(tokens[at + 2]);
  if (!(number > 0)) return null;
  const time = Math.floor(Number(tokens[at + 4]) / 1e6);
  return { consumer: tokens[at] ?? '', number, time, pending: Number(tokens[at + 5]) };
}
