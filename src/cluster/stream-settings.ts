import {
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamUpdateConfig,
} from '@nats-io/jetstream';
import { KEY_LIFE } from '../hub/index.ts';
import { BrokerError } from './broker-error.ts';
import { differencesBetween } from './differences-between.ts';
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

/** Nanoseconds for which the broker knows the ids of items, so that none is kept twice. An item that was refused may be kept after all, and is repeated with its idempotency key as long as that counts. */
const DUPLICATE_WINDOW = KEY_LIFE * 1e6;

/** The limits among the settings of a stream, with the value that stands for none. */
const LIMITS = { max_msgs_per_subject: -1, max_age: 0, max_bytes: -1, num_replicas: null, duplicate_window: null };

type Limits = { -readonly [Name in keyof typeof LIMITS]: number };

/** The settings of a stream that matter here. */
export type WantedStream = Limits &
  Pick<
    StreamConfig,
    'name' | 'subjects' | 'republish' | 'retention' | 'storage' | 'discard' | 'allow_direct' | 'deny_purge' | 'sealed'
  >;

/** What all streams of a cluster have in common: they are on disk, and at a limit the oldest messages go. */
export const LIMITED = {
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  allow_direct: true,
  deny_purge: false,
  sealed: false,
};

/** What the stream of items has to be like. */
export function wantedStream(
  { name, captured, republished }: Subjects,
  { replicas, maxBytes, largest }: StreamSettings,
): WantedStream {
  const { items, age } = largest();
  const nanos = age * SECOND;
  return {
    ...LIMITED,
    name,
    subjects: [captured],
    republish: { src: captured, dest: republished },
    // One more than clients get: while it is there, nothing after it has gone.
    max_msgs_per_subject: Number.isFinite(items) ? items + 1 : -1,
    max_age: nanos > MAX_NANOS ? 0 : nanos,
    max_bytes: maxBytes,
    num_replicas: replicas,
    duplicate_window: Math.min(DUPLICATE_WINDOW, nanos),
  };
}

/** What a stream has otherwise than it must be, for people; empty if it is as wanted. Limits do not count. */
export function differencesOf(is: StreamConfig, wanted: WantedStream): readonly string[] {
  return differencesBetween(comparable(is), comparable(wanted));
}

/** @throws BrokerError for a stream that is not as it must be, which says what is different */
export function requireStream(is: StreamConfig, wanted: WantedStream): void {
  const differences = differencesOf(is, wanted);
  if (differences.length === 0) return;
  throw new BrokerError(`stream ${wanted.name} is not one of Holdfast with these settings: ${differences.join('; ')}`);
}

/** The settings that must be the same, as values that can be compared. */
function comparable(config: Partial<StreamConfig>) {
  const { subjects, republish, retention, storage, discard, mirror, sources } = config;
  return {
    subjects: subjects?.join(' '),
    republish: republish && `${republish.src} ${republish.dest}`,
    'republish headers_only': republish?.headers_only ?? false,
    retention,
    storage,
    discard,
    allow_direct: config.allow_direct ?? false,
    deny_purge: config.deny_purge ?? false,
    sealed: config.sealed ?? false,
    no_ack: config.no_ack ?? false,
    discard_new_per_subject: config.discard_new_per_subject ?? false,
    subject_transform: config.subject_transform ?? null,
    mirror: mirror?.name ?? null,
    sources: sources?.length ?? 0,
  };
}

/** The limits of a stream that are lower than wanted, raised. None is lowered, as another node may want it larger. */
export function raisedLimits(is: StreamUpdateConfig, wanted: WantedStream): Partial<Limits> {
  const raised: Partial<Limits> = {};
  for (const [key, none] of Object.entries(LIMITS) as [keyof Limits, number | null][]) {
    const [value, wants] = [is[key], wanted[key]];
    if (value !== none && (wants === none || wants > value)) raised[key] = wants;
  }
  return raised;
}
