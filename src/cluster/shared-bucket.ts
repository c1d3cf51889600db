import type { KV } from '@nats-io/kv';
import type { Broker } from './broker.ts';
import { type BucketSettings, openBucket } from './open-bucket.ts';

/** A bucket that all nodes have. Somebody may delete it, or the broker may lose what it has stored: then it is made again. */
export class SharedBucket {
  /** Its values. It stays the same object when the bucket is made again. */
  readonly values: KV;
  readonly #broker: Broker;
  readonly #use: string;
  readonly #settings: BucketSettings;
  #made: string;
  #restoring: Promise<boolean> | null = null;

  private constructor(broker: Broker, use: string, settings: BucketSettings, values: KV, made: string) {
    this.#broker = broker;
    this.#use = use;
    this.#settings = settings;
    this.values = values;
    this.#made = made;
  }

  /** Finds it, or makes it. @param use what it is for, in the plural @throws BrokerError as `openBucket` */
  static async open(broker: Broker, use: string, settings: BucketSettings): Promise<SharedBucket> {
    const { bucket, made } = await openBucket(broker, use, settings);
    return new SharedBucket(broker, use, settings, bucket, made);
  }

  /** Makes it again if it is gone. Resolves with whether it is another one than at the last call. Rejects as `openBucket`. */
  restore(): Promise<boolean> {
    this.#restoring ??= this.#restore().finally(() => {
      this.#restoring = null;
    });
    return this.#restoring;
  }

  async #restore(): Promise<boolean> {
    const { made } = await openBucket(this.#broker, this.#use, this.#settings, true);
    const isOther = made !== this.#made;
    this.#made = made;
    return isOther;
  }
}
