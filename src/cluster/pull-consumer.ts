import { AckPolicy, type ConsumerConfig, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream';
import { nuid } from '@nats-io/transport-node';

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
export interface PullSettings {
  /** Number of the first message that may come. */
  readonly from: number;
  readonly subjects: readonly string[];
  /** Seconds without a question after which the broker forgets it. */
  readonly inactive: number;
  readonly headersOnly?: boolean;
}

/** The settings of a consumer of which a node asks for messages, batch by batch, as fast as it can use them. It lives in the memory of one server, which forgets it when nobody asks. */
export function pullConsumer({
  from,
  subjects,
  inactive,
  headersOnly = false,
}: PullSettings): Partial<ConsumerConfig> & { readonly name: string } {
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
