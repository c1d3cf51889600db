import {
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamUpdateConfig,
} from '@nats-io/jetstream';
import type { Subjects } from './subjects.ts';

/** The largest limits of all rules. */
export interface LargestLimits {
  /** Items of a channel. */
  readonly items: number;
  /** Seconds; `Infinity` for no bound. */
  readonly age: number;
}

/** What the stream of a cluster is like. */
export interface StreamSettings {
  /** Servers that have each item; from 1 to 5. */
  readonly replicas: number;
  /** Bytes of all items, as the broker counts them. */
  readonly maxBytes: number;
  /** Is called again when the rules change. */
  readonly largest: () => LargestLimits;
}

/** Nanoseconds of a second, and how many the broker can count. */
const [SECOND, MAX_NANOS] = [1e9, 9e18];

/** Seconds for which the broker knows the ids of items, so that none is kept twice. */
export const DUPLICATE_WINDOW = 120;

/** What is a limit in the settings of a stream, with the value that stands for none. */
const LIMITS = { max_msgs_per_subject: -1, max_age: 0, max_bytes: -1, num_replicas: null, duplicate_window: null };

type Limits = { -readonly [Name in keyof typeof LIMITS]: number };

/** The settings of a stream that matter here. */
export type WantedStream = Limits &
  Pick<
    StreamConfig,
    'name' | 'subjects' | 'republish' | 'retention' | 'storage' | 'discard' | 'allow_direct' | 'deny_purge' | 'sealed'
  >;

/** What a stream has to be like. */
export function wantedStream(
  { prefix, captured, republished }: Subjects,
  { replicas, maxBytes, largest }: StreamSettings,
): WantedStream {
  const { items, age } = largest();
  const nanos = age * SECOND;
  const window = DUPLICATE_WINDOW * SECOND;
  return {
    name: prefix.replaceAll('.', '_'),
    subjects: [captured],
    republish: { src: captured, dest: republished },
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    allow_direct: true,
    deny_purge: false,
    sealed: false,
    // One more than is given to clients, which proves that nothing between has gone.
    max_msgs_per_subject: Number.isFinite(items) ? items + 1 : -1,
    max_age: nanos > MAX_NANOS ? 0 : nanos,
    max_bytes: maxBytes,
    num_replicas: replicas,
    duplicate_window: Math.min(window, nanos),
  };
}

/** What a stream has otherwise than it must be, for people; empty if it is as wanted. Limits do not count. */
export function differencesOf(is: StreamConfig, wanted: WantedStream): readonly string[] {
  const differences: string[] = [];
  const compare = (key: string, value: unknown, wants: unknown): void => {
    if (value === wants) return;
    differences.push(
      `${key} is ${value === undefined ? 'not set' : JSON.stringify(value)}, not ${JSON.stringify(wants)}`,
    );
  };
  const { subjects } = is;
  compare('subjects', subjects?.join(' '), wanted.subjects.join(' '));
  compare('republish', republished(is), republished(wanted));
  compare('republish headers_only', is.republish?.headers_only ?? false, false);
  for (const key of ['retention', 'storage', 'discard'] as const) compare(key, is[key], wanted[key]);
  compare('allow_direct', is.allow_direct ?? false, true);
  for (const key of ['deny_purge', 'sealed', 'no_ack', 'discard_new_per_subject'] as const)
    compare(key, is[key] ?? false, false);
  compare('subject_transform', is.subject_transform ?? null, null);
  compare('mirror', is.mirror?.name ?? null, null);
  compare('sources', is.sources?.length ?? 0, 0);
  return differences;
}

function republished({ republish }: Pick<StreamConfig, 'republish'>): string | undefined {
  return republish && `${republish.src} ${republish.dest}`;
}

/** Limits of a stream that are lower than wanted, as they should be. Another node may have larger ones, so none is lowered. */
export function raisedLimits(is: StreamUpdateConfig, wanted: WantedStream): Partial<Limits> {
  const raised: Partial<Limits> = {};
  for (const [key, none] of Object.entries(LIMITS) as [keyof Limits, number | null][]) {
    const [value, wants] = [is[key], wanted[key]];
    if (value !== none && (wants === none || wants > value)) raised[key] = wants;
  }
  return raised;
}
