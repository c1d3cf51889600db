import { jetstream, StorageType, type StreamConfig } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { Broker } from './broker.ts';
import { BrokerError } from './broker-error.ts';
import { differencesBetween } from './differences-between.ts';
import { lastingInfo } from './find-stream.ts';
import { openStream } from './open-stream.ts';

/** What a bucket is like: one value for each key. */
export interface BucketSettings {
  readonly name: string;
  /** Milliseconds after which a value goes. */
  readonly age: number;
  /** Bytes of a value at most, as the broker counts them. */
  readonly maxValueBytes: number;
  /** Bytes of all values, as the broker counts them. More are refused. */
  readonly maxBytes: number;
  /** Servers that have each value. */
  readonly replicas: number;
}

/** Nanoseconds of a millisecond. */
const NANOS = 1e6;

/** Milliseconds that the broker has to answer. */
const ANSWER_MS = 2_000;

/**
 * Finds a bucket, or makes it, and tries again where that may be possible in a moment. It gets as many replicas as it should have, if it has fewer.
 * @param use what it is for, in the plural
 * @param wasThere whether it has been opened before: then it is tried once. Default: false
 * @returns the bucket, and when it was made, as the broker says it
 * @throws BrokerError when the broker has no JetStream, does not allow it, or has another bucket of this name
 */
export function openBucket(
  broker: Broker,
  use: string,
  settings: BucketSettings,
  wasThere = false,
): Promise<{ readonly bucket: KV; readonly made: string }> {
  const { name, age, maxValueBytes, maxBytes, replicas } = settings;
  return openStream(
    broker,
    use,
    async (manager) => {
      if (wasThere) await lastingInfo(manager, `KV_${name}`);
      const bucket = await new Kvm(jetstream(broker.connection, { timeout: ANSWER_MS })).create(name, {
        ...{ history: 1, ttl: age, maxValueSize: maxValueBytes, max_bytes: maxBytes, replicas },
        storage: StorageType.File,
      });
      const { streamInfo } = await bucket.status();
      const differences = differencesOf(streamInfo.config, settings);
      if (differences.length > 0) throw new BrokerError(`bucket ${name} has other settings: ${differences.join('; ')}`);
      const { config } = streamInfo;
      if (config.num_replicas < replicas)
        await manager.streams.update(config.name, { ...config, num_replicas: replicas });
      return { bucket, made: streamInfo.created };
    },
    wasThere ? 0 : undefined,
  );
}

/** How a bucket differs from what it must be. An operator may give it more replicas, and more or less room. */
function differencesOf(is: StreamConfig, { name, age, maxValueBytes }: BucketSettings): readonly string[] {
  const wanted = {
    subjects: `$KV.${name}.>`,
    max_msgs_per_subject: 1,
    max_age: age * NANOS,
    max_msg_size: maxValueBytes,
    mirror: null,
    sealed: false,
    deny_purge: false,
    deny_delete: false,
  };
  const found: Record<keyof typeof wanted, unknown> = {
    ...is,
    subjects: is.subjects?.join(' '),
    mirror: is.mirror?.name ?? null,
    sealed: is.sealed ?? false,
    deny_purge: is.deny_purge ?? false,
    deny_delete: is.deny_delete ?? false,
  };
  return differencesBetween(found, wanted);
}
